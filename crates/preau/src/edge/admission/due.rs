//! Who is due in which lesson, as far as the gate needs to know it: a cookie that names somebody's groups,
//! and the lessons that are near.
//!
//! The gate asks no database about anybody. What a device's holder belongs to is therefore carried by the
//! device, signed and bound to it; which lessons those groups have soon is a small table that the timetable
//! renews every minute. It names no person. Invariant: a cookie made for another device says nothing.

use super::super::platform::sign;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use preau_gate::{Lesson, LessonId, Moment};
use std::collections::HashMap;
use std::time::Duration;
use subtle::ConstantTimeEq as _;

/// Bytes of the tag.
const TAG: usize = 16;
/// Keys a cookie holds at most: no pupil is in more groups, and a teacher needs one.
const MOST_KEYS: usize = 24;
/// Whoever comes later than this before the end of a lesson has come for the next one.
const TOO_LATE: Duration = Duration::from_secs(300);

/// What makes somebody due in a lesson: a group they belong to, or that they give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DueKey(u64);

impl DueKey {
    const PERSON: u64 = 1 << 63;

    /// The members of a class or group, by its number.
    pub fn group(number: i64) -> DueKey {
        DueKey(number.unsigned_abs() & !Self::PERSON)
    }

    /// One person who gives lessons, by their number.
    pub fn person(number: i64) -> DueKey {
        DueKey(number.unsigned_abs() | Self::PERSON)
    }
}

/// A lesson that is near, with whom it concerns.
#[derive(Debug, Clone)]
pub struct NearLesson {
    /// For the plan.
    pub lesson: Lesson,
    /// Whom it concerns.
    pub keys: Vec<DueKey>,
}

/// The lessons that are near, by whom they concern.
#[derive(Debug, Default)]
pub(super) struct Near(HashMap<DueKey, Vec<Lesson>>);

impl Near {
    pub(super) fn of(lessons: &[NearLesson]) -> Near {
        let mut table: HashMap<DueKey, Vec<Lesson>> = HashMap::new();
        for NearLesson { lesson, keys } in lessons {
            for key in keys {
                table.entry(*key).or_default().push(*lesson);
            }
        }
        Near(table)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The lesson that somebody with these keys comes for: the first that is not nearly over.
    pub(super) fn lesson(&self, keys: &[DueKey], now: Moment) -> Option<LessonId> {
        let lessons = keys.iter().filter_map(|key| self.0.get(key)).flatten();
        let coming = lessons.filter(|lesson| lesson.ends > now + TOO_LATE);
        coming.min_by_key(|lesson| (lesson.begins, lesson.id)).map(|lesson| lesson.id)
    }
}

/// The cookie's value for the holder of `device`.
pub(super) fn sealed(keys: &[DueKey], device: &[u8; 12], key: &[u8; 32]) -> String {
    let mut bytes: Vec<u8> = keys.iter().take(MOST_KEYS).flat_map(|key| key.0.to_be_bytes()).collect();
    let tag = tag(&bytes, device, key);
    bytes.extend_from_slice(&tag);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads a cookie's value; anything that was not made for this device is nothing.
pub(super) fn unseal(value: &str, device: &[u8; 12], key: &[u8; 32]) -> Vec<DueKey> {
    if value.len() > (MOST_KEYS * 8 + TAG) * 4 / 3 + 4 {
        return Vec::new();
    }
    let bytes = URL_SAFE_NO_PAD.decode(value).unwrap_or_default();
    let Some((keys, shown)) = bytes.split_last_chunk::<TAG>() else { return Vec::new() };
    if !bool::from(tag(keys, device, key).ct_eq(shown)) {
        return Vec::new();
    }
    let (numbers, _) = keys.as_chunks::<8>();
    numbers.iter().map(|number| DueKey(u64::from_be_bytes(*number))).collect()
}

fn tag(keys: &[u8], device: &[u8; 12], key: &[u8; 32]) -> [u8; TAG] {
    let mut message = device.to_vec();
    message.extend_from_slice(keys);
    let mut tag = [0; TAG];
    tag.copy_from_slice(&sign(key, &message)[..TAG]);
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn lesson(id: u64, begins: u64) -> Lesson {
        let begins = Moment::from_unix_seconds(begins);
        let ends = begins + Duration::from_secs(3_300);
        Lesson { id: LessonId(id), school: 1, begins, ends, people: 28, exam: false }
    }

    #[test]
    fn a_cookie_says_something_on_its_own_device_only() {
        let keys = [DueKey::group(5), DueKey::group(i64::MAX), DueKey::person(5)];
        let value = sealed(&keys, &[1; 12], &KEY);
        assert_eq!(unseal(&value, &[1; 12], &KEY), keys);
        assert_eq!(unseal(&value, &[2; 12], &KEY), []);
        assert_eq!(unseal(&value, &[1; 12], &[8; 32]), []);
        assert_eq!(unseal(&value[1..], &[1; 12], &KEY), []);
        assert_eq!(unseal(&"A".repeat(10_000), &[1; 12], &KEY), []);
        assert_eq!(unseal("", &[1; 12], &KEY), []);
    }

    #[test]
    fn a_group_is_nobody_who_gives_lessons() {
        assert_ne!(DueKey::group(5), DueKey::person(5));
    }

    #[test]
    fn who_comes_at_the_end_comes_for_the_next_lesson() {
        let near = Near::of(&[
            NearLesson { lesson: lesson(1, 28_800), keys: vec![DueKey::group(5), DueKey::person(9)] },
            NearLesson { lesson: lesson(2, 32_400), keys: vec![DueKey::group(5)] },
        ]);
        let at = |second| near.lesson(&[DueKey::group(5)], Moment::from_unix_seconds(second));
        assert_eq!(at(28_000), Some(LessonId(1)));
        assert_eq!(at(31_000), Some(LessonId(1)));
        assert_eq!(at(31_900), Some(LessonId(2)));
        assert_eq!(at(40_000), None);
        assert_eq!(near.lesson(&[DueKey::person(9)], Moment::from_unix_seconds(31_900)), None);
        assert_eq!(near.lesson(&[DueKey::group(6)], Moment::from_unix_seconds(28_000)), None);
    }
}
