//! The only place where the parts are put together.

use crate::about;
use crate::classes;
use crate::classroom::{self, ClassroomState, Classrooms};
use crate::config::Config;
use crate::edge::admission::{Entrance, admission, attend, gate_pages};
use crate::edge::{self, Clock, Measured, Platform, RouteInfo, Routes, Valves};
use crate::files::FileStore;
use crate::homework::{self, HomeworkState};
use crate::identity::{self, IdentityState, SessionCache};
use crate::ids::{LessonId, Millis, PersonId};
use crate::lesson::{self, Attendance, LessonState};
use crate::notices;
use crate::presence::{Kind, PresenceLog};
use crate::recording::{self, RecordingState, Studio};
use crate::rollcall::{self, RollcallState};
use crate::school::import::{self, Followers, ImportState};
use crate::store::Store;
use crate::timetable::{self, TimetableState};
use crate::today::{self, TodayState};
use anyhow::Context as _;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use std::sync::Arc;

/// The assembled application.
pub struct App {
    /// Everything that answers requests.
    pub router: Router,
    /// What it answers, for the access walk and the documentation.
    pub table: Vec<RouteInfo>,
    /// The shared part, for commands and tests.
    pub platform: Platform,
    /// Whom the live room and the gate see; whoever serves also runs its `keep_writing`.
    pub presence: PresenceLog,
    /// Accounts and sign-in, for the state of the service and for tests.
    pub identity: IdentityState,
    /// Where the front asks before it passes a request on.
    pub entrance: Entrance,
    valves: Arc<Valves>,
    /// The live lessons, for the state of the service.
    pub live: LessonState,
    /// Their recordings.
    pub recordings: RecordingState,
    /// What a class does together in them.
    pub together: ClassroomState,
}

/// What follows from an import: accounts for those who are new, no session for those who left.
pub fn followers() -> Followers {
    Followers {
        joined: |tx, people| {
            if people.is_empty() { Ok(()) } else { identity::ensure_accounts(tx).map(|_| ()) }
        },
        left: identity::close_sessions_of,
        ..Followers::default()
    }
}

impl App {
    /// Puts the application together over `store`.
    ///
    /// # Errors
    /// What cannot be opened, worded for an operator.
    pub fn assemble(config: Config, store: Store, clock: Clock) -> anyhow::Result<App> {
        let files = FileStore::open(&config.files)?;
        let platform = Platform::new(config, store, clock)?;
        let sessions = SessionCache::new(platform.clone());
        let identity = IdentityState::new(platform.clone(), sessions.clone())?;
        let cache = sessions.clone();
        let followers = Followers { changed: Arc::new(move || cache.forget_all()), ..followers() };
        let presence = PresenceLog::new(platform.clone());
        platform.door().tell(Arc::new(presence.clone()));
        let classrooms = Classrooms::new(platform.clone());
        let studio = Studio::open(&platform)?;
        let attendance = Arc::new(LiveAttendance(presence.clone()));
        let live = {
            let (door, recorder) = (Arc::new(classrooms.clone()), Arc::new(studio.clone()));
            LessonState::start(&platform, attendance, door, recorder)?
        };
        let recordings = RecordingState::new(
            platform.clone(),
            studio.clone(),
            live.rooms().clone(),
            live.egress().cloned(),
            files.clone(),
        );
        let together = {
            let onlooker = Arc::new(studio.clone());
            ClassroomState::new(platform.clone(), classrooms, &live, files.clone(), onlooker)
        };
        let routes = Routes::new()
            .and(edge::static_files())
            .and(identity::routes(identity.clone()))
            .and(about::routes(platform.clone()))
            .and(gate_pages(platform.clone()))
            .and(homework::routes(HomeworkState { platform: platform.clone(), files }))
            .and(timetable::routes(TimetableState::new(platform.clone())))
            .and(rollcall::routes(RollcallState { platform: platform.clone(), presence: presence.clone() }))
            .and(notices::routes(platform.clone()))
            .and(classes::routes(platform.clone()))
            .and(today::routes(TodayState::new(platform.clone())))
            .and(lesson::routes(live.clone()))
            .and(classroom::routes(together.clone()))
            .and(recording::routes(recordings.clone()))
            .and(import::routes(ImportState::new(platform.clone(), followers)));
        let (router, table, nav) = routes.finish();
        platform.complete(nav, Arc::new(sessions));
        let entrance = Entrance::new(platform.clone(), &table);
        let valves = edge::valves_of();
        let measured = Measured::new(platform.clone(), Arc::clone(&valves), &table);
        // Outermost last: headers dress whatever comes back; the gate stands before the session and
        // its database; the session stands before the refusals, so that their pages speak the caller's
        // language.
        let router = router
            .layer(from_fn_with_state(measured, edge::bounded))
            .layer(from_fn_with_state(platform.clone(), edge::refusal_pages))
            // Within the gate: whoever waits gets bytes that cost nothing to make.
            .layer(edge::compression())
            .layer(from_fn_with_state(platform.clone(), edge::session_layer))
            .layer(from_fn_with_state(entrance.clone(), admission))
            .layer(from_fn_with_state(platform.clone(), edge::security_headers))
            // Each route's guard bounds its own body; axum's general limit would only be a second one.
            .layer(DefaultBodyLimit::disable());
        Ok(App { router, table, platform, presence, identity, entrance, valves, live, recordings, together })
    }

    /// Starts what goes on beside the requests: the gate's second hand and what it learns from the valves
    /// and the timetable, the writing down of who was seen.
    ///
    /// # Errors
    /// The system's, when it gives no thread.
    pub fn start(&self) -> anyhow::Result<()> {
        let door = self.platform.door();
        if self.platform.config().gate.find {
            door.find_capacity(Arc::clone(&self.valves));
        }
        self.valves.start().context("the valves cannot be started")?;
        door.start().context("the gate cannot be started")?;
        tokio::spawn(attend(self.platform.clone()));
        if self.platform.config().gate.lessons {
            tokio::spawn(timetable::keep_gate_informed(self.platform.clone()));
        }
        let presence = self.presence.clone();
        // Written every few seconds; what is left at the end is written by `finish`.
        tokio::spawn(presence.keep_writing(std::future::pending()));
        self.live.keep_going();
        self.recordings.keep_going();
        self.together.keep_going();
        Ok(())
    }

    /// The last thing before the process ends: who waits and who was seen is written down.
    pub async fn finish(&self) {
        let door = self.platform.door().clone();
        // Leaving the other nodes may take a while.
        let _ = tokio::task::spawn_blocking(move || door.finish()).await;
        self.recordings.studio().finish().await;
        if let Err(error) = self.presence.flush().await {
            tracing::error!(%error, "the last sightings could not be written");
        }
    }
}

/// Whoever is in a live room was seen at its lesson.
struct LiveAttendance(PresenceLog);

impl Attendance for LiveAttendance {
    fn joined(&self, lesson: LessonId, person: PersonId, at: Millis) {
        self.0.note(lesson, person, Kind::Live, at);
    }

    fn seen(&self, lesson: LessonId, person: PersonId, at: Millis) {
        self.0.note(lesson, person, Kind::Live, at);
    }

    fn waits(&self, lesson: LessonId, person: PersonId, at: Millis) {
        self.0.note(lesson, person, Kind::Waiting, at);
    }

    fn left(&self, lesson: LessonId, person: PersonId, at: Millis) {
        self.0.note(lesson, person, Kind::Live, at);
    }
}
