//! Notices: a head writes to the whole school, everybody reads, and the head sees how many have.
//!
//! `model` what a notice may be · `policy` who may what · `store` the only SQL · `pages` and `views` the
//! pages. It is no messaging: nobody answers, nobody chooses who gets it. Others may ask for what somebody
//! has not read yet ([`unread`], with [`schools_of`]).
//!
//! Invariant: a notice that was withdrawn is read by nobody but heads; a receipt is never taken back.

mod model;
mod pages;
mod policy;
mod store;
#[cfg(test)]
mod tests;
mod views;

pub use model::{Notice, NoticeId, NoticeLine};
pub use policy::{NoticeBoard, PublishNotice, ReadNotice, ReadReceipts, WithdrawNotice, schools_of};
pub use store::{insert_for_demo, latest, opened};
#[cfg(test)]
pub(crate) use tests::{matrix, one_for_tests};

use crate::access::Profile;
use crate::edge::{Audience, Body, Cost, NavEntry, Platform, Routes};

/// Everybody who may have a notice to read.
const READERS: &[Profile] = &[
    Profile::Pupil,
    Profile::Guardian,
    Profile::Teacher,
    Profile::Librarian,
    Profile::Supervisor,
    Profile::Counsellor,
    Profile::Head,
    Profile::Staff,
    Profile::LocalAdmin,
];
const HEADS: Audience = Audience::Profiles(&[Profile::Head]);

/// The pages of this slice.
pub fn routes(platform: Platform) -> Routes {
    let readers = Audience::Profiles(READERS);
    Routes::new()
        .nav(NavEntry { order: 50, href: "/notices", key: "nav-notices", profiles: READERS })
        .get("/notices", readers, Cost::Page, pages::list)
        .get("/notices/new", HEADS, Cost::Page, pages::new)
        .post("/notices", HEADS, Cost::Write, Body::Form, pages::publish)
        .get("/notices/{id}", readers, Cost::Page, pages::show)
        .post("/notices/{id}/withdrawal", HEADS, Cost::Write, Body::Form, pages::withdraw)
        .with_state(platform)
}
