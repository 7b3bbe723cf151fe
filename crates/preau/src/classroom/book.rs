//! The rooms of the lessons that are on: each the fold of its events, which the store keeps.
//!
//! Memory is only a shortcut. Whoever asks first reads what the store has beyond it, so a restart, another
//! process on the same database or a forgotten lesson change nothing but the time of the first question.

use super::model::view::{Viewer, difference};
use super::model::{State, What};
use super::store::{self, Kept};
use crate::edge::Platform;
use crate::ids::{LessonId, Millis, PersonId};
use crate::lesson::{Doorkeeper, LiveLesson, Place, Role};
use crate::store::StoreError;
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OwnedMutexGuard;

/// Events of a lesson that can be told one by one; who is further behind gets the whole room.
const RECENT: usize = 256;
/// Lessons kept in memory. Beyond it, those that nobody asks about at the moment are forgotten.
const LESSONS: usize = 1_000;

/// All rooms; cheap to clone.
#[derive(Clone)]
pub struct Classrooms {
    platform: Platform,
    lessons: Arc<Mutex<HashMap<LessonId, Arc<tokio::sync::Mutex<Live>>>>>,
}

impl Classrooms {
    /// Forgets what the memory has of a lesson.
    pub(super) fn forget(&self, lesson: LessonId) {
        self.lessons.lock().unwrap_or_else(PoisonError::into_inner).remove(&lesson);
    }
}

/// A room with the last steps that led to it.
#[derive(Default)]
pub(super) struct Live {
    pub(super) state: State,
    /// How it stood before `recent`.
    base: State,
    recent: VecDeque<Kept>,
}

impl Live {
    /// Takes an event in; returns the room as it was before.
    pub(super) fn take(&mut self, event: Kept) -> State {
        let before = self.state.clone();
        self.state.apply(event.number, event.at, event.what.as_ref());
        self.recent.push_back(event);
        if self.recent.len() > RECENT
            && let Some(oldest) = self.recent.pop_front()
        {
            self.base.apply(oldest.number, oldest.at, oldest.what.as_ref());
        }
        before
    }

    /// What `viewer` is told of every event after the one of that number; none when that is too long ago, or has
    /// not been yet.
    pub(super) fn told_since(&self, number: i64, viewer: Viewer) -> Option<Vec<Told>> {
        if !(self.base.number..=self.state.number).contains(&number) {
            return None;
        }
        let mut state = self.base.clone();
        let mut events = self.recent.iter().peekable();
        while let Some(event) = events.next_if(|event| event.number <= number) {
            state.apply(event.number, event.at, event.what.as_ref());
        }
        let mut view = state.view(viewer);
        let told = events.map(|event| {
            state.apply(event.number, event.at, event.what.as_ref());
            let before = std::mem::replace(&mut view, state.view(viewer));
            Told { number: event.number, at: event.at, patch: difference(&before, &view) }
        });
        Some(told.collect())
    }
}

/// An event as somebody is told of it.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    number: i64,
    at: Millis,
    patch: Value,
}

impl Classrooms {
    /// None is in memory yet.
    pub fn new(platform: Platform) -> Classrooms {
        Classrooms { platform, lessons: Arc::default() }
    }

    /// The room of a lesson as it is now, for as long as the guard is held.
    pub(super) async fn room(&self, lesson: LessonId) -> Result<OwnedMutexGuard<Live>, StoreError> {
        let room = {
            let mut lessons = self.lessons.lock().unwrap_or_else(PoisonError::into_inner);
            if lessons.len() >= LESSONS && !lessons.contains_key(&lesson) {
                lessons.retain(|_, room| Arc::strong_count(room) > 1);
            }
            Arc::clone(lessons.entry(lesson).or_default())
        };
        let mut live = room.lock_owned().await;
        let known = live.state.number;
        let news = self
            .platform
            .store()
            .read::<_, StoreError, _>(move |conn| Ok(store::after(conn, lesson, known)?))
            .await?;
        for event in news {
            live.take(event);
        }
        Ok(live)
    }
}

impl Doorkeeper for Classrooms {
    fn place<'d>(
        &'d self,
        lesson: &'d LiveLesson,
        person: PersonId,
        role: Role,
        wish: u8,
    ) -> BoxFuture<'d, Result<Place, StoreError>> {
        Box::pin(async move {
            // The class as a whole is always there, and most lessons have no groups: teachers need not ask.
            if role != Role::Pupil && wish == 0 {
                return Ok(Place::Room(0));
            }
            let room = self.room(lesson.id).await?;
            Ok(match role {
                Role::Pupil if !room.state.admits(person) => Place::Lobby,
                Role::Pupil => Place::Room(room.state.group_of(person)),
                _ if room.state.sits(person, role, wish) => Place::Room(wish),
                _ => Place::Room(0),
            })
        })
    }
}

/// What the store keeps of an event.
pub(super) fn body_of(what: &What) -> Result<String, serde_json::Error> {
    serde_json::to_string(what)
}
