//! What every handler may rely on: store, clock, zone, secrets, configuration, menu.

use super::{Changes, CookieJar, Door, NavEntry, Sessions};
use crate::config::Config;
use crate::ids::{Millis, now_ms};
use crate::store::{Store, StoreError, secret_or_fresh};
use anyhow::Context as _;
use hmac::{Hmac, Mac as _};
use jiff::tz::TimeZone;
use sha2::{Digest as _, Sha256};
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

/// The time, from outside: the machine's, or one that a test sets.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// A clock that stands where it was put.
    Set(Arc<AtomicI64>),
    /// The machine's clock, moved by so many milliseconds.
    Shifted(i64),
}

impl Clock {
    /// A clock standing at `now`.
    pub fn at(now: Millis) -> Clock {
        Clock::Set(Arc::new(AtomicI64::new(now)))
    }

    /// Milliseconds since the Unix epoch.
    pub fn now(&self) -> Millis {
        match self {
            Clock::System => now_ms(),
            Clock::Set(now) => now.load(Ordering::Relaxed),
            Clock::Shifted(by) => now_ms() + by,
        }
    }

    /// Puts a standing clock to `now`; the others go on as they do.
    pub fn set(&self, now: Millis) {
        if let Clock::Set(clock) = self {
            clock.store(now, Ordering::Relaxed);
        }
    }
}

/// Keys derived from one secret that lies in the database, so that nodes share them and restarts keep
/// them. Each purpose has a key of its own.
#[derive(Clone)]
pub struct Secrets {
    root: [u8; 32],
}

impl Secrets {
    /// Reads the secret, or makes it the first time.
    ///
    /// # Errors
    /// The store's.
    pub fn open(store: &Store) -> Result<Secrets, StoreError> {
        Ok(Secrets { root: secret_or_fresh(store, "platform-secret")? })
    }

    /// Reads the secret that nodes with databases of their own share.
    ///
    /// # Errors
    /// A file that cannot be read, or holds too little.
    pub fn of_file(path: &Path) -> anyhow::Result<Secrets> {
        let text = std::fs::read(path).with_context(|| format!("gate.secret_file {}", path.display()))?;
        anyhow::ensure!(
            text.trim_ascii().len() >= 32,
            "gate.secret_file {}: must hold at least 32 bytes, as from `openssl rand -hex 32`",
            path.display()
        );
        Ok(Secrets { root: Sha256::digest(text.trim_ascii()).into() })
    }

    /// The key for one purpose: HMAC-SHA256(root, purpose).
    pub fn key(&self, purpose: &str) -> [u8; 32] {
        sign(&self.root, purpose.as_bytes())
    }
}

/// HMAC-SHA256 (RFC 2104) of `message`.
pub(super) fn sign(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    // HMAC takes keys of every length, so this cannot fail; an all-zero tag would match nothing signed.
    Hmac::<Sha256>::new_from_slice(key).map_or([0; 32], |mut mac| {
        mac.update(message);
        mac.finalize().into_bytes().into()
    })
}

/// The shared part of the application; cheap to clone.
#[derive(Clone)]
pub struct Platform(Arc<Parts>);

struct Parts {
    store: Store,
    config: Config,
    clock: Clock,
    changes: Changes,
    zone: TimeZone,
    secrets: Secrets,
    device_key: [u8; 32],
    csrf_key: [u8; 32],
    door: Door,
    nav: OnceLock<Vec<NavEntry>>,
    sessions: OnceLock<Arc<dyn Sessions>>,
}

impl Platform {
    /// Puts the shared parts together.
    ///
    /// # Errors
    /// The store's, when the secrets cannot be read; an unknown time zone; rules of the gate that
    /// contradict themselves.
    pub fn new(config: Config, store: Store, clock: Clock) -> anyhow::Result<Platform> {
        let zone = TimeZone::get(&config.place.time_zone)
            .map_err(|error| anyhow::anyhow!("place.time_zone: {error}"))?;
        let secrets = match &config.gate.secret_file {
            Some(path) => Secrets::of_file(path)?,
            None => Secrets::open(&store)?,
        };
        let (device_key, csrf_key) = (secrets.key("device"), secrets.key("csrf"));
        let jar = CookieJar::for_address(&config.server.public_url);
        let door = Door::open(&config.gate, &secrets, &clock, &zone, jar)?;
        Ok(Platform(Arc::new(Parts {
            store,
            config,
            clock,
            changes: Changes::default(),
            zone,
            secrets,
            device_key,
            csrf_key,
            door,
            nav: OnceLock::new(),
            sessions: OnceLock::new(),
        })))
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The zone in which lessons are held and shown.
    pub fn zone(&self) -> TimeZone {
        self.0.zone.clone()
    }

    /// The clock.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// What tells caches and open pages that something changed.
    pub fn changes(&self) -> &Changes {
        &self.0.changes
    }

    /// Now, in milliseconds since the Unix epoch.
    pub fn now(&self) -> Millis {
        self.0.clock.now()
    }

    /// Now, as a point in time for calendar questions.
    pub fn instant(&self) -> jiff::Timestamp {
        instant(self.now())
    }

    /// Today's date where the school is.
    pub fn today(&self) -> jiff::civil::Date {
        self.instant().to_zoned(self.zone()).date()
    }

    /// Keys for other purposes.
    pub fn secrets(&self) -> &Secrets {
        &self.0.secrets
    }

    /// The door: who may come in now.
    pub fn door(&self) -> &Door {
        &self.0.door
    }

    /// Whether people reach this server over TLS.
    pub fn is_secure(&self) -> bool {
        self.0.config.server.public_url.starts_with("https://")
    }

    pub(super) fn device_key(&self) -> &[u8; 32] {
        &self.0.device_key
    }

    pub(crate) fn csrf_key(&self) -> &[u8; 32] {
        &self.0.csrf_key
    }

    /// The device that a cookie's value names, if it is sealed by us.
    pub(crate) fn device(&self, value: &str) -> Option<super::DeviceId> {
        super::DeviceId::unseal(value, &self.0.device_key)
    }

    /// The menu entries that the slices declared.
    pub fn nav(&self) -> &[NavEntry] {
        self.0.nav.get().map_or(&[], Vec::as_slice)
    }

    /// Called once by `app`, which alone knows the slices.
    pub fn complete(&self, nav: Vec<NavEntry>, sessions: Arc<dyn Sessions>) {
        // A second call changes nothing: the first application to be assembled owns the platform.
        let _ = self.0.nav.set(nav);
        let _ = self.0.sessions.set(sessions);
    }

    pub(super) fn sessions(&self) -> Option<&Arc<dyn Sessions>> {
        self.0.sessions.get()
    }
}

/// Milliseconds since the epoch as a point in time; values out of range become the epoch.
pub(crate) fn instant(ms: Millis) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}
