//! Passwords that run out: what a browser shows to the relay.
//!
//! The name is the second (Unix time) at which it runs out, the password an HMAC of it. That is the scheme which
//! every TURN server with a shared secret has (draft-uberti-behave-turn-rest-00), so the same code speaks for a
//! foreign one. Names fall on full hours: the few that are good at a time can be told to the protocol beforehand.
//! Invariant: a name that has run out opens nothing, whatever its password.

use base64::Engine as _;
use hmac::{Hmac, Mac as _};
use sha1::Sha1;
use std::time::Duration;

/// Names fall on multiples of this, in seconds.
const STEP: u64 = 3_600;
/// Hours after which a name runs out: a school day, so that nobody's runs out in a lesson.
const HOURS: u64 = 12;

/// What passwords are made of.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A name and its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The second at which they run out.
    pub username: String,
    /// Base64 of 20 bytes.
    pub password: String,
}

impl Secret {
    /// From random bytes, or from what is agreed upon with a foreign server.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Secret {
        Secret(bytes.to_vec())
    }

    /// Good for twelve to thirteen hours from `now` (since 1970-01-01 UTC) on.
    #[must_use]
    pub fn issue(&self, now: Duration) -> Credentials {
        self.of((now.as_secs() / STEP + HOURS + 1) * STEP)
    }

    /// All that are good at `now`, whenever they were issued.
    pub(crate) fn good(&self, now: Duration) -> impl Iterator<Item = Credentials> {
        let hour = now.as_secs() / STEP;
        (1..=HOURS + 1).map(move |ahead| self.of((hour + ahead) * STEP))
    }

    fn of(&self, expiry: u64) -> Credentials {
        let username = expiry.to_string();
        // An HMAC takes keys of any length (RFC 2104 section 3).
        let password = Hmac::<Sha1>::new_from_slice(&self.0).map(|mut mac| {
            mac.update(username.as_bytes());
            base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes())
        });
        Credentials { username, password: password.unwrap_or_default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_one_that_other_servers_compute() {
        // printf 1700006400 | openssl dgst -sha1 -hmac north -binary | base64
        let made = Secret::new(b"north").of(1_700_006_400);
        assert_eq!(
            (made.username.as_str(), made.password.as_str()),
            ("1700006400", "z5gyB4t+Hmo7XTWFm4psP7JMYHk=")
        );
    }

    #[test]
    fn what_is_issued_is_good_for_half_a_day_and_no_longer() {
        let secret = Secret::new(&[7; 32]);
        let hour = |hours: u64| Duration::from_secs(1_700_000_000 + hours * STEP);
        let mine = secret.issue(hour(0));
        assert!((0..=12).all(|later| secret.good(hour(later)).any(|good| good == mine)));
        assert!(secret.good(hour(13)).all(|good| good != mine));
        assert!(Secret::new(&[8; 32]).good(hour(0)).all(|good| good != mine));
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }
}
