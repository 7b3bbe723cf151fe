//! What pages must learn about without being asked: that something they show has changed.
//!
//! A write tells it after its commit ([`Changes::tell`]); caches compare a generation before they answer
//! ([`Changes::generation`]), open pages listen ([`Changes::listen`]). It carries no content, only that a
//! topic of a school changed. It knows this process alone: what another process wrote shows when a cache's
//! own time is up. Invariant: a generation never goes back, and it grows before anybody is told.

use crate::ids::SchoolId;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::broadcast;

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Lessons: added, moved, cancelled, held by somebody else; names of classes and people.
    Timetable,
    /// A live room was opened or ended.
    Live,
    /// A roll call was begun or closed.
    Register,
    /// Work to do was written, changed or removed.
    Work,
    /// A notice to the school.
    Notices,
}

impl Topic {
    const COUNT: usize = 5;
}

/// One change, for those who listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// What changed.
    pub topic: Topic,
    /// Where.
    pub school: SchoolId,
}

/// Generations kept: schools share them by remainder. Two schools on one number only read a little more
/// often than they must.
const SLOTS: usize = 4_096;
/// Changes that a slow listener may lag behind before it is told that it missed some.
const BACKLOG: usize = 256;

/// The bell that writes ring. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Changes(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    generations: Vec<AtomicU64>,
    sender: broadcast::Sender<Change>,
}

impl Default for Changes {
    fn default() -> Self {
        let generations = (0..SLOTS * Topic::COUNT).map(|_| AtomicU64::new(1)).collect();
        Changes(Arc::new(Inner { generations, sender: broadcast::channel(BACKLOG).0 }))
    }
}

impl Changes {
    fn slot(&self, topic: Topic, school: SchoolId) -> &AtomicU64 {
        let school = (school.get() as u64 ^ (school.get() as u64 >> 21)) as usize % SLOTS;
        &self.0.generations[school * Topic::COUNT + topic as usize]
    }

    /// Says that `topic` changed in `school`. Call it after the commit ([`crate::store::Tx::after_commit`]).
    pub fn tell(&self, topic: Topic, school: SchoolId) {
        self.slot(topic, school).fetch_add(1, Ordering::Release);
        // Nobody listening is no fault.
        let _ = self.0.sender.send(Change { topic, school });
    }

    /// A number that grows with every change of `topic` in `school`.
    pub fn generation(&self, topic: Topic, school: SchoolId) -> u64 {
        self.slot(topic, school).load(Ordering::Acquire)
    }

    /// The changes from now on, of every school.
    pub fn listen(&self) -> broadcast::Receiver<Change> {
        self.0.sender.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_moves_its_own_generation_and_reaches_listeners() {
        let changes = Changes::default();
        let (here, there) = (SchoolId::from_raw(7), SchoolId::from_raw(8));
        let before = changes.generation(Topic::Live, here);
        let mut listener = changes.listen();
        changes.tell(Topic::Live, here);
        assert_eq!(changes.generation(Topic::Live, here), before + 1);
        assert_eq!(changes.generation(Topic::Live, there), 1);
        assert_eq!(changes.generation(Topic::Work, here), 1);
        assert_eq!(listener.try_recv(), Ok(Change { topic: Topic::Live, school: here }));
    }
}
