//! The live lesson: its page, its room, chat, hands and moderation, on the embedded media server or on a
//! LiveKit server.
//!
//! `model` when a room may be open · `policy` who takes which part · `store` rooms, messages, removals ·
//! `stage` what holds only while a lesson runs · `pace` how fast people write · `ticket` tokens with grants computed from permits ·
//! `pages`, `acts`, `hands`, `chat` handlers · `signalling` the socket that LiveKit's clients open · `control` what
//! the application asks of rooms · `media`, `homes`, `shard` the threads behind it · `wire`, `streams` their UDP and TCP
//! ports · `cluster`, `rounds`, `webhook` a LiveKit server instead · `egress` its recorder · `twirp`, `service` RoomService.
//!
//! Others may ask which lessons are open ([`opened`], [`rooms_between`]); that a room was opened or ended is told as
//! [`crate::edge::Topic::Live`]. Invariant: only people of the class list, its teachers and visible
//! visitors get in, under their real names; a parent account never does, and whoever was sent out stays out.

mod acts;
mod chat;
mod cluster;
mod control;
mod egress;
mod hands;
mod homes;
mod media;
mod model;
mod pace;
mod pages;
mod policy;
mod relay;
mod rounds;
mod service;
mod shard;
mod signalling;
mod stage;
mod store;
mod streams;
#[cfg(test)]
mod tests;
mod ticket;
mod twirp;
pub mod views;
mod webhook;
mod wire;

pub use acts::{Document, attends, read_document};
pub use control::{Rooms, RoomsError, RoomsResult};
pub use egress::Egress;
pub use media::{Ears, Media, MediaError, Newcomer, Restraint};
pub use model::{Allowed, LiveLesson, MOST_GROUPS, Role, Room, room_of};
pub use pace::{Doing, Pace, Paces};
pub use policy::{JoinLive, ModerateLive, OpenLive, WriteLive, role_of};
pub use relay::MediaRelay;
pub use shard::Line;
pub use store::{Said, forget_words, opened, rooms_between, said_between, with_words_before};
#[cfg(test)]
pub(crate) use tests::matrix;
pub use views::parts;

use crate::access::Profile;
use crate::config::LiveEngine;
use crate::edge::{Audience, Body, Cost, Platform, Routes};
use crate::ids::{LessonId, Millis, PersonId};
use crate::store::StoreError;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use preau_gate::Rung;
use preau_sfu::{Step, protocol as lk};
pub use preau_sfu::{Tap, Tapped};
use std::sync::Arc;
use std::time::Instant;

/// Frames on their way to one client's socket.
pub type Frames = tokio::sync::mpsc::Sender<Bytes>;

/// Who was there: roll call listens. Most calls come from the media threads; all must return at once.
pub trait Attendance: Send + Sync {
    /// Somebody came into the room, or came back. Times are milliseconds since the Unix epoch.
    fn joined(&self, lesson: LessonId, person: PersonId, at: Millis);
    /// Somebody is there; told about every ten seconds.
    fn seen(&self, lesson: LessonId, person: PersonId, at: Millis);
    /// Somebody stands at the door of a lesson that is not open yet.
    fn waits(&self, lesson: LessonId, person: PersonId, at: Millis);
    /// Somebody left.
    fn left(&self, lesson: LessonId, person: PersonId, at: Millis);
}

/// Who records: hears what leaves the rooms that are tapped ([`Rooms::tap`]). Mostly called on the media thread: all must
/// return at once, and what cannot be taken is lost.
pub trait Recorder: Send + Sync {
    /// A packet of a track, and when it came.
    fn packet(&self, packet: Tapped, at: Instant);
    /// Nothing comes of a track for the time being: it was muted, or is gone.
    fn paused(&self, lesson: LessonId, track: &str);
    /// A pupil's hand went up or down in the room of the class. Told by whoever answers the request; the time is in
    /// milliseconds since the Unix epoch.
    fn hand(&self, lesson: LessonId, person: PersonId, up: bool, at: Millis);
    /// The room of the class is over.
    fn over(&self, lesson: LessonId);
    /// The room of the class is over because its engine failed.
    fn failed(&self, lesson: LessonId);
    /// Something is published in the room of the class, or the room is over. Told by a LiveKit server only.
    fn stirs(&self, _lesson: LessonId) {}
    /// Somebody who is nobody of the school left the room of the class: a recorder's process, say. Told by a LiveKit
    /// server only.
    fn gone(&self, _identity: &str) {}
    /// How a file of a LiveKit server's recorder stands. Told once it changes.
    fn told(&self, _info: lk::EgressInfo) {}
}

/// Where somebody belongs while a lesson is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Before the door, which is locked.
    Lobby,
    /// In the room of the whole class (0) or of a group (from 1).
    Room(u8),
}

/// Who may be in which room now, beyond class list and hours: a teacher may have locked the door, or divided the
/// class into groups. Asked before somebody gets a token, before their socket opens and, on a LiveKit server, again
/// and again.
pub trait Doorkeeper: Send + Sync {
    /// Where somebody who takes this part in the lesson belongs. Teachers go where they wish, as far as there
    /// is such a group; a wish of anybody else changes nothing.
    ///
    /// # Errors
    /// The store's.
    fn place<'d>(
        &'d self,
        lesson: &'d LiveLesson,
        person: PersonId,
        role: Role,
        wish: u8,
    ) -> BoxFuture<'d, Result<Place, StoreError>>;
}

/// What the handlers need.
#[derive(Clone)]
pub struct LessonState {
    platform: Platform,
    attendance: Arc<dyn Attendance>,
    doorkeeper: Arc<dyn Doorkeeper>,
    recorder: Arc<dyn Recorder>,
    /// The embedded media server; none when a LiveKit server carries the lessons.
    media: Option<Media>,
    /// The way to it through the web port, if there is one.
    relay: Option<Arc<MediaRelay>>,
    rooms: Rooms,
    /// The recorder beside a LiveKit server, if lessons are held on one.
    egress: Option<Egress>,
    stages: stage::Stages,
    /// How fast people write.
    paces: Paces,
    tickets: ticket::Tickets,
}

/// What the ladder of the whole house asks of lessons: its rungs in its order, cameras first, voices never.
fn restraint(platform: Platform) -> Restraint {
    const RUNGS: [(Rung, Step); 4] = [
        (Rung::TeacherCamera, Step::NoCamera),
        (Rung::ScreenRate, Step::SlowScreen),
        (Rung::PupilCameras, Step::LeadCameraOnly),
        (Rung::HighVideo, Step::SmallCameras),
    ];
    Arc::new(move || {
        let shedding = platform.door().shedding();
        RUNGS.into_iter().find(|(rung, _)| !shedding.permits(*rung)).map_or(Step::Full, |(_, step)| step)
    })
}

impl LessonState {
    /// Opens the media ports and starts their threads, or gets ready to ask the LiveKit server.
    ///
    /// # Errors
    /// What cannot be opened, worded for an operator.
    pub fn start(
        platform: &Platform,
        attendance: Arc<dyn Attendance>,
        doorkeeper: Arc<dyn Doorkeeper>,
        recorder: Arc<dyn Recorder>,
    ) -> anyhow::Result<LessonState> {
        let config = &platform.config().live;
        let tickets = ticket::Tickets::new(config, platform.secrets().key("live"));
        let (media, rooms, egress) = match (config.engine, config.url.as_deref()) {
            (LiveEngine::Livekit, Some(url)) => {
                let base =
                    url.trim_end_matches('/').replacen("ws", "http", usize::from(url.starts_with("ws")));
                let cluster = cluster::Cluster::new(base, tickets.key(), platform.clock().clone())?;
                let cluster = Arc::new(cluster);
                (None, Rooms::of(cluster.clone()), Some(Egress::new(cluster)))
            }
            _ => {
                let restraint = restraint(platform.clone());
                let ears = Ears { attendance: attendance.clone(), recorder: recorder.clone(), restraint };
                let media = Media::start(config, platform.clock().clone(), ears)?;
                (Some(media.clone()), Rooms::embedded(media), None)
            }
        };
        let relay = media.as_ref().and_then(|media| MediaRelay::beside(media, platform)).map(Arc::new);
        let stages = stage::Stages::default();
        let platform = platform.clone();
        Ok(LessonState {
            platform,
            attendance,
            doorkeeper,
            recorder,
            media,
            relay,
            rooms,
            egress,
            stages,
            paces: Paces::default(),
            tickets,
        })
    }

    /// Starts what goes on beside the requests; call it once, where a runtime runs.
    pub fn keep_going(&self) {
        tokio::spawn(self.clone().go_round());
    }

    /// The rooms, for what else is told in them.
    pub fn rooms(&self) -> &Rooms {
        &self.rooms
    }

    /// The recorder beside a LiveKit server; none where the embedded engine carries the lessons.
    pub fn egress(&self) -> Option<&Egress> {
        self.egress.as_ref()
    }

    /// Who carries sound and picture through the web port, for whoever listens on it; none where no browser is told
    /// of it.
    pub fn relay(&self) -> Option<Arc<MediaRelay>> {
        self.relay.clone()
    }

    /// The embedded media server, for status pages; none when a LiveKit server carries the lessons.
    pub fn media(&self) -> Option<&Media> {
        self.media.as_ref()
    }
}

/// Everybody who can have a part in a lesson.
pub const PARTICIPANTS: Audience = Audience::Profiles(&[
    Profile::Pupil,
    Profile::Teacher,
    Profile::Librarian,
    Profile::Supervisor,
    Profile::Counsellor,
    Profile::Head,
    Profile::Staff,
]);
/// Everybody who can hold a lesson, or open or end one.
pub const HOLDERS: Audience = Audience::Profiles(&[
    Profile::Teacher,
    Profile::Librarian,
    Profile::Supervisor,
    Profile::Counsellor,
    Profile::Head,
    Profile::Staff,
]);

/// The pages of this slice.
pub fn routes(state: LessonState) -> Routes {
    let pages = Routes::new()
        .get("/lessons/{id}/live", PARTICIPANTS, Cost::Page, pages::page)
        // At the gate like any page: whoever gets a way in has a seat, and keeps it for the lesson.
        .get("/lessons/{id}/live.json", PARTICIPANTS, Cost::Page, pages::entry)
        .post("/lessons/{id}/live/opening", HOLDERS, Cost::Write, Body::Form, pages::open)
        .post("/lessons/{id}/live/ending", HOLDERS, Cost::Write, Body::Form, pages::end)
        .post("/lessons/{id}/live/hand", PARTICIPANTS, Cost::Live, Body::Form, acts::raise_hand)
        .get("/lessons/{id}/live/hands", HOLDERS, Cost::Live, hands::list)
        .post("/lessons/{id}/live/permission", HOLDERS, Cost::Live, Body::Form, acts::permit_everybody)
        .post("/lessons/{id}/live/mute", HOLDERS, Cost::Live, Body::Form, acts::mute_everybody)
        .post(
            "/lessons/{id}/live/participants/{identity}/permission",
            HOLDERS,
            Cost::Live,
            Body::Form,
            acts::permit_one,
        )
        .post(
            "/lessons/{id}/live/participants/{identity}/mute",
            HOLDERS,
            Cost::Live,
            Body::Form,
            acts::mute_one,
        )
        .post(
            "/lessons/{id}/live/participants/{identity}/hand",
            HOLDERS,
            Cost::Live,
            Body::Form,
            acts::lower_hand,
        )
        .post(
            "/lessons/{id}/live/participants/{identity}/removal",
            HOLDERS,
            Cost::Write,
            Body::Form,
            acts::remove,
        )
        .get("/lessons/{id}/live/removals", HOLDERS, Cost::Live, acts::removals)
        .post("/lessons/{id}/live/messages/{message}/removal", HOLDERS, Cost::Live, Body::Form, chat::remove)
        .get("/lessons/{id}/live/messages", PARTICIPANTS, Cost::Live, chat::read)
        .post("/lessons/{id}/live/messages", PARTICIPANTS, Cost::Write, Body::Form, chat::write)
        .with_state(state.clone());
    match state.media.clone() {
        Some(media) => pages.and(sockets(state, media)),
        None => pages.and(hooks(state)),
    }
}

/// What the embedded media server answers.
fn sockets(state: LessonState, media: Media) -> Routes {
    Routes::new()
        // LiveKit's clients open these with a token of ours and no cookie.
        .get("/rtc", Audience::Anyone, Cost::Live, signalling::connect_two)
        .get("/rtc/validate", Audience::Anyone, Cost::Live, signalling::validate)
        .get("/rtc/v1", Audience::Anyone, Cost::Live, signalling::connect)
        .get("/rtc/v1/validate", Audience::Anyone, Cost::Live, signalling::validate)
        .with_state((state.clone(), media))
        .and(
            Routes::new()
                // Tools for LiveKit ask with a token of the operator's key.
                .post(
                    "/twirp/livekit.RoomService/{method}",
                    Audience::Anyone,
                    Cost::Live,
                    Body::Machine(service::LONGEST),
                    service::serve,
                )
                .with_state(state),
        )
}

/// What a LiveKit server tells.
fn hooks(state: LessonState) -> Routes {
    Routes::new()
        .post(
            "/livekit/webhook",
            Audience::Anyone,
            Cost::Live,
            Body::Machine(webhook::LONGEST),
            webhook::hear,
        )
        .with_state(state)
}
