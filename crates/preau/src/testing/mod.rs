//! For tests only: a small invented school on a real store, a clock that stands at 7:55, and clients
//! that speak HTTP to the assembled application.
//!
//! Monday 23 November 2026. Class 4A has Maëlys and Tom, class 5B has Noé. Mme Houblon teaches French to
//! 4A at 8:00, M. Roitelet Spanish to 5B at 8:00. Hortense is legal guardian of Maëlys and Noé, Célestin
//! is a contact of Maëlys without rights. A second school has a head and a pupil of its own.

mod client;
mod hostile;
mod matrix;
mod store;

pub(crate) use client::{Client, Reply};
pub(crate) use matrix::Matrix;

use crate::app::App;
use crate::config::Config;
use crate::edge::Clock;
use crate::ids::{GroupId, LessonId, Millis, PersonId, SchoolId, SubjectId};
use crate::store::Store;

/// Monday 23 November 2026, 7:55 in Paris, in milliseconds since the Unix epoch.
pub(crate) const AT_7_55: Millis = 1_795_416_900_000;
/// One minute.
pub(crate) const MINUTE: Millis = 60_000;

/// The school of the tests.
pub(crate) struct TestSchool {
    pub(crate) app: App,
    pub(crate) clock: Clock,
    pub(crate) people: People,
    /// Goes last: the database lies in it.
    _folder: tempfile::TempDir,
}

/// Who and what there is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct People {
    pub(crate) school: SchoolId,
    pub(crate) class_4a: GroupId,
    pub(crate) class_5b: GroupId,
    pub(crate) french: SubjectId,
    #[expect(dead_code, reason = "a school has more than its tests need")]
    pub(crate) spanish: SubjectId,
    /// Maëlys, pupil of 4A.
    pub(crate) pupil: PersonId,
    /// Tom, pupil of 4A.
    pub(crate) classmate: PersonId,
    /// Noé, pupil of 5B.
    pub(crate) other_pupil: PersonId,
    /// Hortense, legal guardian of Maëlys and Noé.
    pub(crate) guardian: PersonId,
    /// Célestin, contact of Maëlys.
    pub(crate) contact: PersonId,
    /// Mme Houblon, teacher of 4A.
    pub(crate) teacher: PersonId,
    /// M. Roitelet, teacher of 5B.
    pub(crate) other_teacher: PersonId,
    pub(crate) supervisor: PersonId,
    pub(crate) counsellor: PersonId,
    pub(crate) head: PersonId,
    pub(crate) staff: PersonId,
    pub(crate) local_admin: PersonId,
    pub(crate) authority: PersonId,
    /// Head of the other school.
    pub(crate) foreign_head: PersonId,
    /// Pupil of the other school.
    pub(crate) foreign_pupil: PersonId,
    /// French, 4A, 8:00 to 8:55.
    pub(crate) lesson: LessonId,
    /// Spanish, 5B, 8:00 to 8:55.
    pub(crate) other_lesson: LessonId,
}

impl People {
    /// Every kind of person, with the word for the access matrix.
    pub(crate) fn personas(&self) -> [(&'static str, PersonId); 15] {
        [
            ("pupil", self.pupil),
            ("classmate", self.classmate),
            ("other pupil", self.other_pupil),
            ("guardian", self.guardian),
            ("contact", self.contact),
            ("teacher", self.teacher),
            ("other teacher", self.other_teacher),
            ("supervisor", self.supervisor),
            ("counsellor", self.counsellor),
            ("head", self.head),
            ("staff", self.staff),
            ("local admin", self.local_admin),
            ("authority", self.authority),
            ("foreign head", self.foreign_head),
            ("foreign pupil", self.foreign_pupil),
        ]
    }
}

impl TestSchool {
    /// On SQLite in a temporary folder.
    pub(crate) fn open() -> TestSchool {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite:{}", folder.path().join("preau.db").display());
        TestSchool::on(&url, folder, |_| {})
    }

    /// On SQLite, with a changed configuration.
    pub(crate) fn configured(change: impl FnOnce(&mut Config)) -> TestSchool {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite:{}", folder.path().join("preau.db").display());
        TestSchool::on(&url, folder, change)
    }

    /// On PostgreSQL, in a database of its own on the throw-away cluster.
    pub(crate) fn open_on_postgres() -> TestSchool {
        TestSchool::configured_on_postgres(|_| {})
    }

    /// … with a changed configuration.
    pub(crate) fn configured_on_postgres(change: impl FnOnce(&mut Config)) -> TestSchool {
        let cluster = preau_testkit::Postgres::shared().expect("a throw-away PostgreSQL");
        let database = cluster.database().expect("a database");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let school = TestSchool::on(database.url(), folder, change);
        // The database must outlive the school; the cluster ends with the process.
        std::mem::forget(database);
        school
    }

    fn on(url: &str, folder: tempfile::TempDir, change: impl FnOnce(&mut Config)) -> TestSchool {
        let mut config = Config::in_folder(folder.path().to_owned());
        config.store.url = url.to_owned();
        // Many schools are open at once in one test process.
        config.live.listen.set_port(0);
        config.live.shards = 1;
        change(&mut config);
        let store = Store::open(url).expect("a store");
        let people = store::fill(&store, AT_7_55);
        let clock = Clock::at(AT_7_55);
        let app = App::assemble(config, store, clock.clone()).expect("an application");
        TestSchool { app, clock, people, _folder: folder }
    }

    /// A browser in which nobody is signed in.
    pub(crate) fn anonymous(&self) -> Client {
        Client::new(self.app.router.clone(), self.app.platform.clone(), None)
    }

    /// A browser in which this person is signed in.
    pub(crate) fn signed_in(&self, person: PersonId) -> Client {
        let session = store::open_session(self.app.platform.store(), person, true);
        Client::new(self.app.router.clone(), self.app.platform.clone(), Some(session))
    }

    /// The same at a computer that others use as well.
    pub(crate) fn signed_in_at_shared_computer(&self, person: PersonId) -> Client {
        let session = store::open_session(self.app.platform.store(), person, false);
        Client::new(self.app.router.clone(), self.app.platform.clone(), Some(session))
    }

    /// Adds to the school whatever a test needs beside its people.
    pub(crate) fn add<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut crate::store::Tx<'_>) -> diesel::QueryResult<T> + Send + 'static,
    ) -> T {
        let store = self.app.platform.store();
        let added = store.write_blocking::<_, crate::store::StoreError, _>(
            &crate::access::SystemPermit::FillDemo,
            move |tx| Ok(work(tx)?),
        );
        added.expect("added")
    }

    /// Asks the store directly.
    pub(crate) fn ask<T>(&self, query: impl FnOnce(&mut crate::store::Conn) -> diesel::QueryResult<T>) -> T {
        let store = self.app.platform.store();
        store.read_blocking::<_, crate::store::StoreError>(|conn| Ok(query(conn)?)).expect("an answer")
    }

    /// Another lesson of the school, `from` to `to` in minutes after 7:55; `state` as in the database.
    pub(crate) fn lesson(
        &self,
        group: GroupId,
        teacher: PersonId,
        label: &str,
        span: (i64, i64),
        state: &'static str,
    ) -> LessonId {
        self.lesson_in(self.people.school, group, teacher, label, span, state)
    }

    /// The same in another school.
    pub(crate) fn lesson_in(
        &self,
        school: SchoolId,
        group: GroupId,
        teacher: PersonId,
        label: &str,
        (from, to): (i64, i64),
        state: &'static str,
    ) -> LessonId {
        let platform = &self.app.platform;
        let span = (AT_7_55 + from * MINUTE, AT_7_55 + to * MINUTE);
        let id = store::insert_lesson(platform.store(), school, group, teacher, label, span, state);
        platform.changes().tell(crate::edge::Topic::Timetable, school);
        id
    }

    /// Cancels a lesson in favour of another.
    pub(crate) fn replace_lesson(&self, old: LessonId, new: LessonId) {
        store::replace_lesson(self.app.platform.store(), old, new);
        self.app.platform.changes().tell(crate::edge::Topic::Timetable, self.people.school);
    }

    /// Opens the live room of a lesson now, or ends it.
    pub(crate) fn set_room(&self, lesson: LessonId, by: PersonId, ended: bool) {
        store::set_room(self.app.platform.store(), lesson, by, self.clock.now(), ended);
        self.app.platform.changes().tell(crate::edge::Topic::Live, self.people.school);
    }

    /// Notes that somebody was seen in a lesson now; `kind` is `live` or `waiting`.
    pub(crate) fn note_presence(&self, lesson: LessonId, who: PersonId, kind: &'static str) {
        store::note_presence(self.app.platform.store(), lesson, who, kind, self.clock.now());
    }

    /// A browser in which nobody is signed in, in front of another router over the same platform.
    pub(crate) fn at(&self, router: axum::Router) -> Client {
        Client::new(router, self.app.platform.clone(), None)
    }

    /// The same school after a restart, on the same folder: nothing was said goodbye to.
    pub(crate) fn restarted(self) -> TestSchool {
        let TestSchool { app, clock, people, _folder } = self;
        let config = app.platform.config().clone();
        drop(app);
        let store = Store::open(&config.store.url).expect("a store");
        let app = App::assemble(config, store, clock.clone()).expect("an application");
        TestSchool { app, clock, people, _folder }
    }

    /// Lets the clock stand so many minutes after 7:55.
    pub(crate) fn minutes_later(&self, minutes: i64) {
        self.clock.set(AT_7_55 + minutes * MINUTE);
    }
}

mod check {
    use super::*;

    #[test]
    fn the_clock_stands_at_five_to_eight() {
        let at = crate::edge::instant(AT_7_55).in_tz("Europe/Paris").expect("a zone");
        assert_eq!(at.strftime("%F %H:%M %A").to_string(), "2026-11-23 07:55 Monday");
    }
}
