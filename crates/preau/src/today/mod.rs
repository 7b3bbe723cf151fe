//! Today: the first page after sign-in, one for each role, right at the minute.
//!
//! It owns no table. `board` keeps what many pages share (the lessons of a school's day, the open rooms, the
//! work given to a class) in memory and notices when it changed; the few rows that belong to the person who
//! asks come from the slices that own them; `moment` holds the rules of the minute (pure); `pupil`,
//! `teacher`, `guardian`, `staff` put a page together; `views` and the templates arrange it.
//!
//! Invariant: a page shows only lessons of the groups, the teacher, the children or the school that the
//! caller's own facts name; nothing is taken from the address but the wish which of one's roles to see.

mod board;
mod events;
mod guardian;
mod kept;
mod moment;
mod pages;
mod pupil;
mod staff;
mod teacher;
#[cfg(test)]
mod tests;
pub mod views;

pub use views::SubjectLabel;

use crate::access::Profile;
use crate::edge::{Audience, Cost, NavEntry, Platform, Routes};
use board::Board;
use events::Listeners;

/// What the handlers need.
#[derive(Clone)]
pub struct TodayState {
    platform: Platform,
    board: Board,
    listeners: Listeners,
}

impl TodayState {
    /// An empty board over the platform's store.
    pub fn new(platform: Platform) -> TodayState {
        TodayState { board: Board::new(platform.clone()), listeners: Listeners::default(), platform }
    }
}

/// The pages of this slice.
pub fn routes(state: TodayState) -> Routes {
    let anybody = Audience::SignedIn;
    Routes::new()
        .nav(NavEntry { order: 10, href: "/", key: "today-title", profiles: &Profile::ALL })
        .get("/", Audience::Anyone, Cost::Page, pages::front)
        .get("/today", anybody, Cost::Page, pages::show)
        .get("/today/fragment", anybody, Cost::Page, pages::fragment)
        .get("/today/events", anybody, Cost::Page, events::stream)
        .get(kept::PLACE, anybody, Cost::Page, kept::show)
        .with_state(state)
}
