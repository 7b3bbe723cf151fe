//! Homework: the lesson log (what was done in class) and work to do (what is due, with files, ticks and
//! hand-ins). This slice is the exemplar: every other slice has the same faces and copies its habits.
//!
//! `model` types and rules · `policy` who may do what · `store` the only SQL · `pages` handlers ·
//! `views` what templates show. Others may ask for the work that is due ([`work_due`]),
//! who ticked it ([`ticks`]), and the files that were given out with it (`given_out`).
//!
//! Invariant: whatever is shown passed a permit or a scope; whatever is changed passed a permit.

mod given_out;
mod model;
mod pages;
mod policy;
mod store;
#[cfg(test)]
mod tests;
mod views;

#[cfg(test)]
pub(crate) use tests::{matrix, one_for_tests};

pub use given_out::{given_out, given_out_by_token};
pub use model::{Homework, HomeworkId, Submission, SubmissionId, WorkLine};
pub use policy::{HandIn, Publish, ReadHomework, ReadSubmission, Revise, TickDone};
pub use store::{insert_for_demo, ticks, work_due};

use crate::access::Profile;
use crate::edge::{Audience, Body, Cost, NavEntry, Platform, Routes};
use crate::files::FileStore;

/// Everybody who has a lesson log to read.
const READERS: &[Profile] = &[
    Profile::Pupil,
    Profile::Guardian,
    Profile::Teacher,
    Profile::Supervisor,
    Profile::Counsellor,
    Profile::Head,
];
const AUTHORS: Audience = Audience::Profiles(&[Profile::Teacher]);
const PUPILS: Audience = Audience::Profiles(&[Profile::Pupil]);

/// What the handlers need.
#[derive(Clone)]
pub struct HomeworkState {
    /// The shared part.
    pub platform: Platform,
    /// Where files lie.
    pub files: FileStore,
}

/// The pages of this slice.
pub fn routes(state: HomeworkState) -> Routes {
    let readers = Audience::Profiles(READERS);
    let upload = Body::Files(state.files.limits().body_bytes());
    Routes::new()
        .nav(NavEntry { order: 20, href: "/homework", key: "nav-homework", profiles: READERS })
        .get("/homework", readers, Cost::Page, pages::list)
        .get("/homework/new", AUTHORS, Cost::Page, pages::new)
        .post("/homework", AUTHORS, Cost::Write, upload, pages::publish)
        .get("/homework/{id}", readers, Cost::Page, pages::show)
        .get("/homework/{id}/edit", AUTHORS, Cost::Page, pages::edit)
        .post("/homework/{id}", AUTHORS, Cost::Write, upload, pages::revise)
        .post("/homework/{id}/removal", AUTHORS, Cost::Write, Body::Form, pages::remove)
        .post("/homework/{id}/completion", PUPILS, Cost::Write, Body::Form, pages::complete)
        .post("/homework/{id}/submission", PUPILS, Cost::Write, upload, pages::hand_in)
        .get("/homework/files/{token}", readers, Cost::Page, pages::file)
        .get("/homework/submissions/files/{token}", readers, Cost::Page, pages::submission_file)
        .post(
            "/homework/submissions/files/{token}/removal",
            PUPILS,
            Cost::Write,
            Body::Form,
            pages::take_back,
        )
        .with_state(state)
}
