//! The roll call (appel): who is there, who is late, who is absent from one lesson.
//!
//! It is filled in beforehand from [`crate::presence`]; the teacher corrects and closes. After closing,
//! student life corrects, and each correction keeps who and when; a head or student life may reopen.
//!
//! `model` the rules · `policy` who may · `store` the only SQL · `overview` how the rolls of a school
//! stand, for other slices · `pages` and `views` the register. It is not the file of absences: reasons
//! and justifications come later and elsewhere.
//!
//! Invariant: nobody who was seen is written down as absent unless somebody chose so knowing it.

mod model;
mod overview;
mod pages;
mod policy;
mod store;
#[cfg(test)]
mod tests;
pub mod views;

pub use model::{Answer, LATE_AFTER_MS, Register, propose};
pub use overview::{MissingPupil, Progress, RollState, SchoolRoll, missing_now, state_of};
pub use policy::{CloseRegister, CorrectRegister, ReadRegister, ReopenRegister, SaveRegister};
#[cfg(test)]
pub(crate) use tests::matrix;

use crate::access::Profile;
use crate::edge::{Audience, Body, Cost, Platform, Routes};
use crate::presence::PresenceLog;

/// Everybody who may see some register.
const READERS: Audience =
    Audience::Profiles(&[Profile::Teacher, Profile::Supervisor, Profile::Counsellor, Profile::Head]);
const CALLERS: Audience = Audience::Profiles(&[Profile::Teacher, Profile::Supervisor, Profile::Counsellor]);
const REOPENERS: Audience = Audience::Profiles(&[Profile::Supervisor, Profile::Counsellor, Profile::Head]);

/// What the handlers need.
#[derive(Clone)]
pub struct RollcallState {
    /// The shared part.
    pub platform: Platform,
    /// Whom the live room and the gate have seen.
    pub presence: PresenceLog,
}

/// The pages of this slice.
pub fn routes(state: RollcallState) -> Routes {
    Routes::new()
        .get("/lessons/{id}/register", READERS, Cost::Page, pages::show)
        .post("/lessons/{id}/register", CALLERS, Cost::Write, Body::Form, pages::save)
        .post("/lessons/{id}/register/closure", CALLERS, Cost::Write, Body::Form, pages::close)
        .post("/lessons/{id}/register/reopening", REOPENERS, Cost::Write, Body::Form, pages::reopen)
        .with_state(state)
}
