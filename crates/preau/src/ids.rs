//! Typed identifiers, and the clock they and everything else are stamped with.
//!
//! An identifier is a positive 63-bit number: milliseconds since 2024 in the upper 42 bits, a
//! per-process random part and a running count below. It is made by the application, so that one
//! insert needs no answer from either database engine, and it grows with time, so that indexes stay
//! compact. It is not a secret: what must not be guessed carries a random token of its own.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch, UTC.
pub type Millis = i64;

/// 2024-01-01T00:00:00Z in milliseconds since the Unix epoch.
const ORIGIN_MS: i64 = 1_704_067_200_000;
/// Bits below the milliseconds.
const LOW_BITS: u32 = 21;

static LAST: AtomicI64 = AtomicI64::new(0);

/// Now, by this machine's clock.
pub fn now_ms() -> Millis {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_millis() as i64)
}

/// The next identifier of this process: greater than every one before it, even when the clock steps
/// back or a million are made within one millisecond.
pub fn next_id() -> i64 {
    let base = (now_ms() - ORIGIN_MS).max(1) << LOW_BITS;
    let fresh = base | i64::from(noise());
    let previous = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(fresh.max(last + 1)));
    match previous {
        Ok(last) | Err(last) => fresh.max(last + 1),
    }
}

/// Twenty random bits, so that two processes on one database do not meet within a millisecond.
fn noise() -> u32 {
    let mut bytes = [0_u8; 4];
    // Without randomness the running count still keeps identifiers of this process apart.
    let _ = getrandom::fill(&mut bytes);
    u32::from_le_bytes(bytes) & ((1 << (LOW_BITS - 1)) - 1)
}

/// Declares a typed identifier that both database engines store as a 64-bit integer.
#[macro_export]
macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
            diesel::expression::AsExpression, diesel::deserialize::FromSqlRow,
        )]
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        #[serde(transparent)]
        pub struct $name(i64);

        impl $name {
            /// A new identifier, greater than all that this process made before.
            pub fn fresh() -> Self {
                Self($crate::ids::next_id())
            }
            /// The bare number, for the journal and for hidden form fields.
            pub const fn get(self) -> i64 {
                self.0
            }
            /// Wraps a number that came from outside. It is inert: it proves neither that the object
            /// exists nor that anybody may touch it.
            pub const fn from_raw(raw: i64) -> Self {
                Self(raw)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::ids::NotAnId;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::ids::parse(text).map(Self)
            }
        }

        impl<DB> diesel::deserialize::FromSql<diesel::sql_types::BigInt, DB> for $name
        where
            DB: diesel::backend::Backend,
            i64: diesel::deserialize::FromSql<diesel::sql_types::BigInt, DB>,
        {
            fn from_sql(bytes: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
                <i64 as diesel::deserialize::FromSql<diesel::sql_types::BigInt, DB>>::from_sql(bytes).map(Self)
            }
        }

        impl<DB> diesel::serialize::ToSql<diesel::sql_types::BigInt, DB> for $name
        where
            DB: diesel::backend::Backend,
            i64: diesel::serialize::ToSql<diesel::sql_types::BigInt, DB>,
        {
            fn to_sql<'b>(
                &'b self,
                out: &mut diesel::serialize::Output<'b, '_, DB>,
            ) -> diesel::serialize::Result {
                <i64 as diesel::serialize::ToSql<diesel::sql_types::BigInt, DB>>::to_sql(&self.0, out)
            }
        }
    };
}

/// What stood in an address or a form is not an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnId;

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an identifier")
    }
}

impl std::error::Error for NotAnId {}

/// Reads a positive decimal number of at most 19 digits and nothing else (no sign, no space).
///
/// # Errors
/// [`NotAnId`] for anything else.
pub fn parse(text: &str) -> Result<i64, NotAnId> {
    if text.is_empty() || text.len() > 19 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NotAnId);
    }
    text.parse().map_err(|_| NotAnId)
}

typed_id!(
    /// A human being: pupil, guardian, teacher, any member of staff.
    PersonId
);
typed_id!(
    /// A school (établissement).
    SchoolId
);
typed_id!(
    /// A class (division) or a group of pupils.
    GroupId
);
typed_id!(
    /// A subject taught in a school (matière).
    SubjectId
);
typed_id!(
    /// One occurrence of a lesson (séance).
    LessonId
);

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn identifiers_grow_and_never_repeat_over_threads() {
        let threads: Vec<_> = (0..4)
            .map(|_| std::thread::spawn(|| (0..20_000).map(|_| next_id()).collect::<Vec<_>>()))
            .collect();
        let mut seen = HashSet::new();
        for thread in threads {
            let ids = thread.join().expect("no panic");
            assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
            for id in ids {
                assert!(id > 0 && seen.insert(id));
            }
        }
    }

    #[test]
    fn only_plain_positive_numbers_are_identifiers() {
        assert_eq!(parse("42"), Ok(42));
        for bad in
            ["", "-1", "+1", " 1", "1 ", "1e3", "٣", "99999999999999999999", "9223372036854775808", "1;DROP"]
        {
            assert_eq!(parse(bad), Err(NotAnId), "{bad:?}");
        }
    }
}
