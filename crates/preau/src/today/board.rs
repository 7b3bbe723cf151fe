//! What many pages share, kept in memory: at 7:55 a school asks for the same day four hundred times.
//!
//! Each thing is kept with the generation of its topic ([`crate::edge::Changes`]) and the time it was read.
//! It is read again when the generation has moved (something was written in this process) or when it is
//! older than its time (something may have been written by another: a node, an import on the command
//! line). Invariant: the generation is read before the rows, so that a write in between is never missed.

use crate::access::Scope;
use crate::edge::{Platform, Refusal, Topic};
use crate::homework::{self, WorkLine};
use crate::ids::{GroupId, LessonId, Millis, PersonId, SchoolId};
use crate::lesson::{self, Room};
use crate::notices::{self, NoticeLine};
use crate::store::Conn;
use crate::timetable::{self, NamedLesson};
use jiff::civil::Date;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, RwLock};

/// How long lessons and work are believed when another process may have changed them.
const BELIEVED_MS: Millis = 30_000;
/// The same for open rooms: somebody stands before that door.
const ROOMS_BELIEVED_MS: Millis = 3_000;
/// How long an unread notice stays on the page: two weeks.
const NOTICE_SHOWN_MS: Millis = 14 * 24 * 3_600_000;
/// Things kept of one kind. A day of a school takes about 100 kB, so that a region of 300 schools fits.
const KEPT: usize = 20_000;

/// Things of one kind, by key.
struct Shelf<K, V> {
    topic: Topic,
    believed_ms: Millis,
    things: RwLock<HashMap<K, Thing<V>>>,
}

struct Thing<V> {
    value: Arc<V>,
    generation: u64,
    read_at: Millis,
}

impl<K: Hash + Eq + Clone + Send + 'static, V: Send + Sync + 'static> Shelf<K, V> {
    fn new(topic: Topic, believed_ms: Millis) -> Self {
        Shelf { topic, believed_ms, things: RwLock::default() }
    }

    async fn get<F>(&self, platform: &Platform, school: SchoolId, key: K, load: F) -> Result<Arc<V>, Refusal>
    where
        F: FnOnce(&mut Conn) -> Result<V, Refusal> + Send + 'static,
    {
        let (generation, now) = (platform.changes().generation(self.topic, school), platform.now());
        if let Ok(things) = self.things.read()
            && let Some(thing) = things.get(&key)
            && thing.generation == generation
            && (0..self.believed_ms).contains(&(now - thing.read_at))
        {
            return Ok(thing.value.clone());
        }
        let value = Arc::new(platform.store().read::<_, Refusal, _>(load).await?);
        if let Ok(mut things) = self.things.write() {
            if things.len() >= KEPT {
                // Mostly days and classes that nobody asks for any more; the others come back with one read.
                things.clear();
            }
            things.insert(key, Thing { value: value.clone(), generation, read_at: now });
        }
        Ok(value)
    }
}

/// All lessons of a school on one day.
pub(super) struct SchoolDay {
    lessons: Vec<NamedLesson>,
    by_group: HashMap<GroupId, Vec<u32>>,
    by_teacher: HashMap<PersonId, Vec<u32>>,
}

impl SchoolDay {
    fn of(lessons: Vec<NamedLesson>) -> SchoolDay {
        let mut by_group: HashMap<GroupId, Vec<u32>> = HashMap::new();
        let mut by_teacher: HashMap<PersonId, Vec<u32>> = HashMap::new();
        for (place, named) in (0..).zip(&lessons) {
            for group in &named.lesson.groups {
                by_group.entry(*group).or_default().push(place);
            }
            for teacher in &named.lesson.teachers {
                by_teacher.entry(teacher.person).or_default().push(place);
            }
        }
        SchoolDay { lessons, by_group, by_teacher }
    }

    /// All that is shown, by start.
    pub(super) fn all(&self) -> Vec<&NamedLesson> {
        self.lessons.iter().filter(|named| named.lesson.is_shown()).collect()
    }

    /// Those of a pupil's classes and groups, by start.
    pub(super) fn of_groups(&self, groups: &[GroupId]) -> Vec<&NamedLesson> {
        self.pick(groups.iter().filter_map(|group| self.by_group.get(group)))
    }

    /// Those that a teacher holds, by start.
    pub(super) fn of_teacher(&self, teacher: PersonId) -> Vec<&NamedLesson> {
        self.pick(self.by_teacher.get(&teacher).into_iter())
    }

    fn pick<'d>(&'d self, lists: impl Iterator<Item = &'d Vec<u32>>) -> Vec<&'d NamedLesson> {
        // Lessons stand by start, so their places do too; one for two groups of a pupil counts once.
        let mut places: Vec<u32> = lists.flatten().copied().collect();
        places.sort_unstable();
        places.dedup();
        places
            .into_iter()
            .filter_map(|place| self.lessons.get(place as usize))
            .filter(|named| named.lesson.is_shown())
            .collect()
    }
}

/// The rooms of a school's day; a lesson without one was never opened.
pub(super) type Rooms = HashMap<LessonId, Room>;

/// The board. Cheap to clone.
#[derive(Clone)]
pub(super) struct Board {
    platform: Platform,
    shelves: Arc<Shelves>,
}

struct Shelves {
    days: Shelf<(SchoolId, Date), SchoolDay>,
    rooms: Shelf<(SchoolId, Date), Rooms>,
    work: Shelf<(GroupId, Date), Vec<WorkLine>>,
    notices: Shelf<SchoolId, Vec<NoticeLine>>,
}

impl Board {
    pub(super) fn new(platform: Platform) -> Board {
        let shelves = Shelves {
            days: Shelf::new(Topic::Timetable, BELIEVED_MS),
            rooms: Shelf::new(Topic::Live, ROOMS_BELIEVED_MS),
            work: Shelf::new(Topic::Work, BELIEVED_MS),
            notices: Shelf::new(Topic::Notices, BELIEVED_MS),
        };
        Board { platform, shelves: Arc::new(shelves) }
    }

    /// The lessons of a school on a day.
    pub(super) async fn day(&self, school: SchoolId, day: Date) -> Result<Arc<SchoolDay>, Refusal> {
        let zone = self.platform.zone();
        let load = move |conn: &mut Conn| {
            let lessons = timetable::lessons_of_day(conn, &Scope::School(school), day, &zone)?;
            Ok(SchoolDay::of(timetable::named(conn, lessons)?))
        };
        self.shelves.days.get(&self.platform, school, (school, day), load).await
    }

    /// The live rooms of a school's lessons on a day.
    pub(super) async fn rooms(&self, school: SchoolId, day: Date) -> Result<Arc<Rooms>, Refusal> {
        let bounds = timetable::day_bounds(day, &self.platform.zone());
        let load = move |conn: &mut Conn| Ok(lesson::rooms_between(conn, school, bounds)?);
        self.shelves.rooms.get(&self.platform, school, (school, day), load).await
    }

    /// The work due for a class or group from a day on, soonest first, without anybody's ticks.
    pub(super) async fn work(
        &self,
        school: SchoolId,
        group: GroupId,
        from: Date,
    ) -> Result<Arc<Vec<WorkLine>>, Refusal> {
        let load =
            move |conn: &mut Conn| Ok(homework::work_due(conn, &[group], PersonId::from_raw(0), from)?);
        self.shelves.work.get(&self.platform, school, (group, from), load).await
    }

    /// The notices of a school that are worth showing.
    pub(super) async fn notices(&self, school: SchoolId) -> Result<Arc<Vec<NoticeLine>>, Refusal> {
        let since = self.platform.now() - NOTICE_SHOWN_MS;
        let load = move |conn: &mut Conn| Ok(notices::latest(conn, school, since)?);
        self.shelves.notices.get(&self.platform, school, school, load).await
    }
}
