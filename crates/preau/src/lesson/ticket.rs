//! The way into a room: a token of LiveKit's kind, with grants computed from the permit.
//!
//! Nothing a page or client says finds its way into a token. Invariant: a pupil's token allows to send
//! exactly what the teacher allows at this moment, and no token allows to change names and attributes or to send
//! data; those go over HTTP, where each has a permit. The one exception are teachers where the platform allows
//! captions: these travel as data of their own.

use super::model::{Allowed, Role, group_room};
use crate::config::LiveConfig;
use crate::ids::{LessonId, Millis, PersonId};
use preau_sfu::grants::{Grants, Source, Sources};
use preau_sfu::protocol as lk;
use preau_sfu::token::{Claims, ServiceClaims, TokenError, TokenKey};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a token opens the door, in seconds. A page asks for a new one before every connection; whoever is
/// connected is sent one.
const LIFETIME: u64 = 600;
/// How often whoever is connected is sent a new one: early enough to miss one and still hold one that opens.
pub(super) const RENEWAL: Duration = Duration::from_secs(LIFETIME / 2);
/// The name of the key in tokens (`iss`).
const KEY_NAME: &str = "preau";

/// Mints and reads tokens.
#[derive(Clone)]
pub(super) struct Tickets {
    key: TokenKey,
    captions: bool,
}

/// For whom a token is.
#[derive(Debug, Clone)]
pub(super) struct Bearer {
    pub(super) lesson: LessonId,
    /// The group whose room it opens; 0 is the whole class.
    pub(super) group: u8,
    pub(super) person: PersonId,
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) allowed: Allowed,
    pub(super) hand: Option<Millis>,
}

impl Tickets {
    /// With the key of the configuration, which a LiveKit server or a tool shares; or with one of our own
    /// from `secret`, the same on every node of an installation, which nobody else has.
    pub(super) fn new(config: &LiveConfig, secret: [u8; 32]) -> Tickets {
        let captions = config.captions;
        let key = match (&config.key, &config.secret) {
            (Some(name), Some(secret)) => TokenKey::new(name.as_str(), secret.expose()),
            _ => TokenKey::new(KEY_NAME, hex(&secret)),
        };
        Tickets { key, captions }
    }

    /// The key itself, for requests to a LiveKit server.
    pub(super) fn key(&self) -> TokenKey {
        self.key.clone()
    }

    /// What somebody may do in the room.
    pub(super) fn grants(&self, role: Role, allowed: Allowed) -> Grants {
        Grants { can_publish_data: self.captions && role == Role::Teacher, ..grants(role, allowed) }
    }

    /// A token, valid from `now` (milliseconds since the Unix epoch) for ten minutes.
    pub(super) fn mint(&self, bearer: &Bearer, now: Millis) -> String {
        let attributes = BTreeMap::from([
            ("role".to_owned(), bearer.role.word().to_owned()),
            ("hand".to_owned(), hand_text(bearer.hand)),
        ]);
        let claims = Claims {
            identity: bearer.person.to_string().into(),
            name: bearer.name.clone(),
            room: group_room(bearer.lesson, bearer.group).into(),
            metadata: String::new(),
            attributes,
            grants: self.grants(bearer.role, bearer.allowed),
            issued_at: seconds(now),
        };
        self.key.mint(&claims, LIFETIME)
    }

    /// A token that says what another said, valid from `now` (milliseconds since the Unix epoch) for ten minutes.
    pub(super) fn mint_again(&self, mut claims: Claims, now: Millis) -> String {
        claims.issued_at = seconds(now);
        self.key.mint(&claims, LIFETIME)
    }

    /// What a token says at `now`.
    ///
    /// # Errors
    /// The first reason to refuse it.
    pub(super) fn read(&self, token: &str, now: Millis) -> Result<Claims, TokenError> {
        self.key.verify(token, seconds(now))
    }

    /// What a tool's token allows to ask of rooms at `now`.
    ///
    /// # Errors
    /// The first reason to refuse it.
    pub(super) fn read_service(&self, token: &str, now: Millis) -> Result<ServiceClaims, TokenError> {
        self.key.verify_service(token, seconds(now))
    }

    /// Whether a token vouches for this body at `now`.
    ///
    /// # Errors
    /// The first reason to refuse it.
    pub(super) fn read_body(&self, token: &str, body: &[u8], now: Millis) -> Result<(), TokenError> {
        self.key.verify_body(token, body, seconds(now))
    }
}

/// When the bearer of a token that said these claims needs the next one: half its life after it was minted, or at
/// once when that is over.
pub(super) fn renewed_in(claims: &Claims, now: Millis) -> Duration {
    let age = Duration::from_secs(seconds(now).saturating_sub(claims.issued_at));
    RENEWAL.saturating_sub(age)
}

fn seconds(now: Millis) -> u64 {
    u64::try_from(now / 1_000).unwrap_or(0)
}

/// LiveKit's tools take secrets as text.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The attribute of a raised hand: the moment it went up, or nothing.
pub(super) fn hand_text(hand: Option<Millis>) -> String {
    hand.map(|at| crate::edge::instant(at).to_string()).unwrap_or_default()
}

/// What everybody may do in the room, whatever the platform allows beside.
fn grants(role: Role, allowed: Allowed) -> Grants {
    let sources = match role {
        Role::Teacher => {
            vec![Source::Camera, Source::Microphone, Source::ScreenShare, Source::ScreenShareAudio]
        }
        Role::Pupil => [
            (allowed.camera, Source::Camera),
            (allowed.microphone, Source::Microphone),
            (allowed.screen, Source::ScreenShare),
        ]
        .into_iter()
        .filter_map(|(may, source)| may.then_some(source))
        .collect(),
        Role::Visitor => Vec::new(),
    };
    Grants {
        // An empty list of sources means "any" in the protocol: it must never stand beside "may publish".
        can_publish: !sources.is_empty(),
        sources: Sources::only(sources),
        can_subscribe: true,
        can_publish_data: false,
        can_update_own_metadata: false,
        hidden: false,
        room_admin: false,
    }
}

/// The same as a command to a room.
pub(super) fn permission(role: Role, allowed: Allowed) -> lk::ParticipantPermission {
    grants(role, allowed).to_permission()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(role: Role, allowed: Allowed) -> Bearer {
        Bearer {
            lesson: LessonId::from_raw(7),
            group: 0,
            person: PersonId::from_raw(12),
            name: "Maëlys Verdoyant".into(),
            role,
            allowed,
            hand: Some(1_795_416_900_000),
        }
    }

    #[test]
    fn who_may_send_what() {
        let voice = Allowed { microphone: true, ..Allowed::default() };
        let picture = Allowed { camera: true, ..Allowed::default() };
        let screen = Allowed { screen: true, ..Allowed::default() };
        for (role, allowed, sends) in [
            (
                Role::Teacher,
                Allowed::default(),
                vec!["camera", "microphone", "screen_share", "screen_share_audio"],
            ),
            (Role::Pupil, Allowed::default(), vec![]),
            (Role::Pupil, voice, vec!["microphone"]),
            (Role::Pupil, picture, vec!["camera"]),
            (Role::Pupil, screen, vec!["screen_share"]),
            (Role::Pupil, Allowed::ALL, vec!["camera", "microphone", "screen_share"]),
            (Role::Visitor, Allowed::ALL, vec![]),
        ] {
            let grants = grants(role, allowed);
            let named: Vec<&str> = Source::ALL
                .into_iter()
                .filter(|source| grants.publishes(*source))
                .map(Source::name)
                .collect();
            assert_eq!(named, sends, "{role:?} {allowed:?}");
            assert!(grants.can_subscribe && !grants.can_publish_data && !grants.can_update_own_metadata);
            assert!(!grants.hidden && !grants.room_admin);
        }
    }

    #[test]
    fn a_token_is_renewed_half_its_life_after_it_was_minted() {
        let (tickets, now) = (Tickets::new(&LiveConfig::default(), [7; 32]), 1_795_416_900_000);
        let claims =
            tickets.read(&tickets.mint(&bearer(Role::Pupil, Allowed::ALL), now), now).expect("valid");
        assert_eq!(renewed_in(&claims, now), Duration::from_secs(300));
        assert_eq!(renewed_in(&claims, now + 299_000), Duration::from_secs(1));
        assert_eq!(renewed_in(&claims, now + 599_000), Duration::ZERO);
        let later = tickets.mint_again(claims.clone(), now + 599_000);
        let again = tickets.read(&later, now + 1_198_000).expect("valid for ten minutes more");
        assert_eq!(Claims { issued_at: claims.issued_at, ..again }, claims);
    }

    #[test]
    fn only_teachers_send_captions_and_only_where_they_are_allowed() {
        for captions in [false, true] {
            let tickets = Tickets::new(&LiveConfig { captions, ..LiveConfig::default() }, [7; 32]);
            for role in [Role::Teacher, Role::Pupil, Role::Visitor] {
                let sends = tickets.grants(role, Allowed::ALL).can_publish_data;
                assert_eq!(sends, captions && role == Role::Teacher, "{role:?}, captions {captions}");
            }
        }
    }

    #[test]
    fn a_token_says_who_and_where_for_ten_minutes() {
        let (tickets, now) = (Tickets::new(&LiveConfig::default(), [7; 32]), 1_795_416_900_000);
        let token = tickets.mint(&bearer(Role::Pupil, Allowed::default()), now);
        let claims = tickets.read(&token, now + 599_000).expect("valid");
        assert_eq!((claims.identity.as_str(), claims.room.as_str()), ("12", "lesson-7"));
        assert_eq!((claims.name.as_str(), claims.attributes["role"].as_str()), ("Maëlys Verdoyant", "pupil"));
        assert_eq!(claims.attributes["hand"], "2026-11-23T06:55:00Z");
        assert!(tickets.read(&token, now + 600_000).is_err());
        assert!(Tickets::new(&LiveConfig::default(), [8; 32]).read(&token, now).is_err());
    }
}
