//! On which shard each room lives.
//!
//! A room gets its home with the first request that brings it about, on the shard that has the fewest, and keeps it
//! for as long as anybody holds it: requests under way hold it, and so does the shard while the room is there. It
//! knows nothing of threads. Invariant: no room is on two shards, whatever ends and begins at the same moment.

use preau_sfu::RoomName;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// The directory; cheap to clone.
#[derive(Clone)]
pub(super) struct Homes(Arc<Mutex<Directory>>);

struct Directory {
    rooms: HashMap<RoomName, Weak<Home>>,
    /// Rooms on each shard.
    loads: Vec<usize>,
}

/// A room's place, held.
pub(super) struct Home {
    room: RoomName,
    shard: usize,
    homes: Homes,
}

impl Homes {
    /// For this many shards, at least one.
    pub(super) fn new(shards: usize) -> Homes {
        Homes(Arc::new(Mutex::new(Directory { rooms: HashMap::new(), loads: vec![0; shards.max(1)] })))
    }

    /// The home of a room, which gets one now if it has none.
    pub(super) fn of(&self, room: &RoomName) -> Arc<Home> {
        let mut directory = self.directory();
        if let Some(home) = directory.rooms.get(room).and_then(Weak::upgrade) {
            return home;
        }
        let shard =
            directory.loads.iter().enumerate().min_by_key(|(_, load)| **load).map_or(0, |(shard, _)| shard);
        directory.loads[shard] += 1;
        let home = Arc::new(Home { room: room.clone(), shard, homes: self.clone() });
        directory.rooms.insert(room.clone(), Arc::downgrade(&home));
        home
    }

    /// The home of a room that has one.
    pub(super) fn find(&self, room: &RoomName) -> Option<Arc<Home>> {
        self.directory().rooms.get(room).and_then(Weak::upgrade)
    }

    fn directory(&self) -> MutexGuard<'_, Directory> {
        // Nothing in here can fail half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Home {
    /// The shard, counted from zero.
    pub(super) fn shard(&self) -> usize {
        self.shard
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let mut directory = self.homes.directory();
        directory.loads[self.shard] -= 1;
        // Somebody may have given the room a new home since the last one let go of this one.
        if directory.rooms.get(&self.room).is_some_and(|home| home.strong_count() == 0) {
            directory.rooms.remove(&self.room);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_spread_evenly_and_stay_where_they_are() {
        let homes = Homes::new(3);
        let names: Vec<RoomName> = (0..9).map(|id| RoomName::from(format!("lesson-{id}"))).collect();
        let held: Vec<Arc<Home>> = names.iter().map(|name| homes.of(name)).collect();
        let shards: Vec<usize> = held.iter().map(|home| home.shard()).collect();
        assert_eq!(shards, [0, 1, 2, 0, 1, 2, 0, 1, 2]);
        for (name, home) in names.iter().zip(&held) {
            assert!(Arc::ptr_eq(&homes.of(name), home));
        }
        assert_eq!(homes.directory().loads, [3, 3, 3]);
    }

    #[test]
    fn a_room_that_nobody_holds_is_forgotten_and_its_place_is_free() {
        let homes = Homes::new(2);
        let (first, second) = (RoomName::from("lesson-1"), RoomName::from("lesson-2"));
        let (home, _other) = (homes.of(&first), homes.of(&second));
        assert!(homes.find(&first).is_some());
        let under_way = home.clone();
        drop(home);
        assert!(homes.find(&first).is_some(), "a request still holds it");
        drop(under_way);
        assert!(homes.find(&first).is_none() && homes.directory().rooms.len() == 1);
        assert_eq!(homes.of(&RoomName::from("lesson-3")).shard(), 0, "the free place");
    }

    #[test]
    fn the_end_of_an_old_home_does_not_touch_a_new_one() {
        let homes = Homes::new(1);
        let room = RoomName::from("lesson-1");
        let old = homes.of(&room);
        // As when the last holder has let go, and its clearing up comes after somebody else's look-up.
        homes.directory().rooms.insert(room.clone(), Weak::new());
        let new = homes.of(&room);
        drop(old);
        assert!(homes.find(&room).is_some_and(|found| Arc::ptr_eq(&found, &new)));
    }

    #[test]
    fn a_room_that_ends_while_others_come_is_never_in_two_places() {
        let homes = Homes::new(4);
        let room = RoomName::from("lesson-1");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..2_000 {
                        let (one, other) = (homes.of(&room), homes.of(&room));
                        assert!(Arc::ptr_eq(&one, &other));
                    }
                });
            }
        });
        let directory = homes.directory();
        assert!(directory.rooms.is_empty() && directory.loads == [0; 4]);
    }
}
