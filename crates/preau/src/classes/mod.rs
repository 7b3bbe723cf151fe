//! Class lists: who is in a class or group, and who teaches it.
//!
//! Pupils see their own classes, teachers those they teach, student life, heads and the local admin all of
//! their school; guardians none. Names only: birth dates, identifiers and addresses have no place here.
//! It is no trombinoscope and no export.
//!
//! `model` what a list holds · `policy` who may read · `store` the only SQL · `pages` and `views` the pages.

mod model;
mod pages;
mod policy;
mod store;
#[cfg(test)]
mod tests;
mod views;

pub use model::ClassLine;
pub use policy::ReadClassList;
#[cfg(test)]
pub(crate) use tests::matrix;

use crate::access::Profile;
use crate::edge::{Audience, Cost, NavEntry, Platform, Routes};

/// Everybody who may have a class list to read.
const READERS: &[Profile] = &[
    Profile::Pupil,
    Profile::Teacher,
    Profile::Supervisor,
    Profile::Counsellor,
    Profile::Head,
    Profile::LocalAdmin,
];

/// Who takes a list along as a file: those who work with it.
const STAFF: &[Profile] =
    &[Profile::Teacher, Profile::Supervisor, Profile::Counsellor, Profile::Head, Profile::LocalAdmin];

/// The pages of this slice.
pub fn routes(platform: Platform) -> Routes {
    let readers = Audience::Profiles(READERS);
    Routes::new()
        .nav(NavEntry { order: 40, href: "/classes", key: "nav-classes", profiles: READERS })
        .get("/classes", readers, Cost::Page, pages::list)
        .get("/classes/{id}", readers, Cost::Page, pages::show)
        .get("/classes/{id}/pupils.csv", Audience::Profiles(STAFF), Cost::Bulk, pages::table)
        .with_state(platform)
}
