//! Sessions: random tokens, stored hashed, found through a cache that a write to them empties.

use super::store;
use crate::access::{Actor, Facts, Profile};
use crate::edge::{Display, Platform, Refusal, SessionMark, Sessions, SignedIn};
use crate::ids::Millis;
use crate::school;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

/// How long the facts of a signed-in person are believed without asking again. Changes made on this
/// node show at once ([`SessionCache::forget_person`], [`SessionCache::forget_all`]); this bounds how
/// late a change made elsewhere (another node, an import on the command line) shows.
const BELIEVED_MS: Millis = 10_000;
/// Sessions kept in memory at the most: about 500 bytes each.
const KEPT: usize = 200_000;

/// A new session's token, 256 random bits, and what is stored of it.
pub(super) struct FreshToken {
    /// What the browser keeps.
    pub(super) token: String,
    /// What the database keeps.
    pub(super) hash: [u8; 32],
}

impl FreshToken {
    /// # Errors
    /// No randomness: nobody can sign in then.
    pub(super) fn new() -> Result<FreshToken, Refusal> {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes).map_err(|error| Refusal::Internal(format!("no randomness: {error}")))?;
        let token = URL_SAFE_NO_PAD.encode(bytes);
        let hash = hash_of(&token);
        Ok(FreshToken { token, hash })
    }
}

/// SHA-256 of a token: tokens are random, so that a slow hash would protect nothing more.
pub(super) fn hash_of(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

struct Known {
    session: SignedIn,
    expires_at: Millis,
    read_at: Millis,
}

/// The sessions seen lately; shared by all requests.
#[derive(Clone)]
pub struct SessionCache {
    platform: Platform,
    known: Arc<RwLock<HashMap<[u8; 32], Arc<Known>>>>,
    /// Counts the times something was forgotten: what was read before must not be kept afterwards.
    forgotten: Arc<AtomicU64>,
}

impl SessionCache {
    /// An empty cache over the platform's store.
    pub fn new(platform: Platform) -> SessionCache {
        SessionCache { platform, known: Arc::default(), forgotten: Arc::default() }
    }

    /// Forgets one session, after its row is gone.
    pub fn forget(&self, hash: &[u8; 32]) {
        if let Ok(mut known) = self.known.write() {
            self.forgotten.fetch_add(1, Ordering::Relaxed);
            known.remove(hash);
        }
    }

    /// Forgets everything about a person, after their sessions or choices changed.
    pub fn forget_person(&self, person: crate::ids::PersonId) {
        if let Ok(mut known) = self.known.write() {
            self.forgotten.fetch_add(1, Ordering::Relaxed);
            known.retain(|_, entry| !entry.session.actor.is(person));
        }
    }

    /// Forgets everybody, after an import changed who belongs where.
    pub fn forget_all(&self) {
        if let Ok(mut known) = self.known.write() {
            self.forgotten.fetch_add(1, Ordering::Relaxed);
            known.clear();
        }
    }

    async fn look_up(&self, token: &str) -> Result<Option<SignedIn>, Refusal> {
        if token.len() != 43 {
            return Ok(None);
        }
        let hash = hash_of(token);
        let now = self.platform.now();
        let found = self.known.read().ok().and_then(|known| known.get(&hash).cloned());
        if let Some(entry) = found {
            if entry.expires_at <= now {
                return Ok(None);
            }
            if (0..BELIEVED_MS).contains(&(now - entry.read_at)) {
                return Ok(Some(entry.session.clone()));
            }
        }
        let forgotten = self.forgotten.load(Ordering::Relaxed);
        let row = self.platform.store().read::<_, Refusal, _>(move |conn| Ok(load(conn, hash, now)?)).await?;
        let Some((session, expires_at)) = row else {
            // Whoever sends invented tokens does not disturb the cache of the others.
            if let Ok(mut known) = self.known.write() {
                known.remove(&hash);
            }
            return Ok(None);
        };
        if let Ok(mut known) = self.known.write() {
            if known.len() >= KEPT {
                // The map is full of people who are mostly gone: those who are here come back with one read each.
                known.clear();
            }
            // The counter moves under this lock only: a session that was closed while it was being read is
            // shown once and not kept.
            if self.forgotten.load(Ordering::Relaxed) == forgotten {
                known.insert(hash, Arc::new(Known { session: session.clone(), expires_at, read_at: now }));
            }
        }
        Ok(Some(session))
    }
}

impl Sessions for SessionCache {
    fn find<'a>(
        &'a self,
        token: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Option<SignedIn>, Refusal>> + Send + 'a>> {
        Box::pin(self.look_up(token))
    }
}

fn load(
    conn: &mut crate::store::Conn,
    hash: [u8; 32],
    now: Millis,
) -> diesel::QueryResult<Option<(SignedIn, Millis)>> {
    let Some(row) = store::live_session(conn, &hash, now)? else { return Ok(None) };
    let Some(facts) = school::facts_of(conn, row.person)? else { return Ok(None) };
    let school_name = match main_school(&facts) {
        Some(id) => school::school_line(conn, id)?.map(|line| line.name),
        None => None,
    };
    let session = SignedIn {
        role_key: role_key(&facts),
        mark: SessionMark { hash, personal: row.personal },
        display: Display { lang: row.lang, theme: row.theme, spacing: row.spacing },
        school_name: school_name.unwrap_or_else(|| "Préau".to_owned()).into(),
        actor: Actor::person(Arc::new(facts)),
    };
    Ok(Some((session, row.expires_at)))
}

fn main_school(facts: &Facts) -> Option<crate::ids::SchoolId> {
    facts
        .affiliations
        .first()
        .map(|tie| tie.school)
        .or_else(|| facts.children.first().map(|child| child.school))
}

/// The text key of the role shown beside the name: the first of the person's profiles.
pub(super) fn role_key(facts: &Facts) -> &'static str {
    let profile = facts.affiliations.iter().map(|tie| tie.profile).min();
    match profile {
        Some(Profile::Pupil) => "role-pupil",
        Some(Profile::Teacher) => "role-teacher",
        Some(Profile::Librarian) => "role-librarian",
        Some(Profile::Supervisor) => "role-supervisor",
        Some(Profile::Counsellor) => "role-counsellor",
        Some(Profile::Head) => "role-head",
        Some(Profile::Staff) => "role-staff",
        Some(Profile::LocalAdmin) => "role-local-admin",
        Some(Profile::Authority) => "role-authority",
        Some(Profile::Guardian) | None => "role-guardian",
    }
}
