//! The configuration: one typed TOML file, environment overrides, defaults that need no file.
//!
//! It is parsed once into small structs, each owned by the part that uses it. A bad file is refused
//! as a whole, with line, key and reason; nothing is guessed.

mod read;

pub use read::{ConfigError, DOCUMENTED};

use preau_nodes::NodesConfig;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Everything that an operator can set.
#[derive(Debug, Clone, PartialEq, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Addresses and the public name.
    pub server: ServerConfig,
    /// Certificates.
    pub tls: TlsConfig,
    /// The database.
    pub store: StoreConfig,
    /// Handed-in and published files.
    pub files: FilesConfig,
    /// Time zone and language.
    pub place: PlaceConfig,
    /// Accounts, sessions and passwords.
    pub identity: IdentityConfig,
    /// The admission gate.
    pub gate: GateConfig,
    /// The live classroom.
    pub live: LiveConfig,
    /// Recordings of live lessons.
    pub recording: RecordingConfig,
}

/// `[server]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// Address and port for plain HTTP.
    pub listen: SocketAddr,
    /// The address people type, with its scheme. `https` turns on `Secure` cookies, the `__Host-`
    /// prefix and HSTS.
    pub public_url: String,
    /// Addresses and ports for HTTPS, with `[tls]`.
    pub https: Vec<SocketAddr>,
    /// Addresses and ports where browsers are sent on to HTTPS.
    pub redirect: Vec<SocketAddr>,
    /// Networks of load balancers whose word about a client's address is believed.
    pub trusted: Vec<String>,
    /// Whether connections from those begin with a PROXY header.
    pub proxy_protocol: bool,
    /// Address and port of the operator's console and of the metrics; absent: none.
    pub console: Option<SocketAddr>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        ServerConfig {
            listen: SocketAddr::from(([127, 0, 0, 1], 8000)),
            public_url: "http://127.0.0.1:8000".into(),
            https: Vec::new(),
            redirect: Vec::new(),
            trusted: Vec::new(),
            proxy_protocol: false,
            console: None,
        }
    }
}

/// `[tls]`: a certificate from files, or from an authority by ACME.
#[derive(Debug, Clone, PartialEq, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    /// The certificate with its chain, in a PEM file.
    pub chain: Option<PathBuf>,
    /// Its key, in a PEM file.
    pub key: Option<PathBuf>,
    /// Host names to have certificates for, by ACME.
    pub names: Vec<String>,
    /// Where the authority may write to: `mailto:` addresses.
    pub contact: Vec<String>,
    /// The authority's directory; absent: Let's Encrypt.
    pub directory: Option<String>,
    /// A PEM file with the root of the authority's own certificate, when it is not a public one.
    pub authority_root: Option<PathBuf>,
    /// Whether names are proved on port 80 instead of in the handshake: behind something that ends TLS.
    pub prove_on_http: bool,
    /// Where certificates and the account's key are kept.
    pub folder: PathBuf,
}

/// `[store]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/NAME`.
    pub url: String,
}

impl Default for StoreConfig {
    fn default() -> Self {
        StoreConfig { url: "sqlite:data/preau.db".into() }
    }
}

/// `[files]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FilesConfig {
    /// A folder, or `s3://BUCKET/PREFIX`.
    pub place: String,
    /// Largest single file, in mebibytes.
    pub largest_mib: u32,
    /// Most files on one piece of homework or one hand-in.
    pub most: u32,
}

impl Default for FilesConfig {
    fn default() -> Self {
        FilesConfig { place: "data/files".into(), largest_mib: 20, most: 10 }
    }
}

impl FilesConfig {
    /// The largest file, in bytes.
    pub fn largest_bytes(&self) -> usize {
        self.largest_mib as usize * 1024 * 1024
    }
}

/// `[place]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlaceConfig {
    /// IANA name of the time zone in which lessons are held and shown.
    pub time_zone: String,
}

impl Default for PlaceConfig {
    fn default() -> Self {
        PlaceConfig { time_zone: "Europe/Paris".into() }
    }
}

/// `[identity]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IdentityConfig {
    /// Days a session lasts on a personal device.
    pub session_days: u32,
    /// Days an activation code stays valid.
    pub activation_days: u32,
    /// Threads that hash passwords; 0 means one less than there are cores, at least one.
    pub hashing_threads: u32,
    /// Password checks that may wait before newcomers are asked to come back.
    pub hashing_queue: u32,
}

impl Default for IdentityConfig {
    fn default() -> Self {
        IdentityConfig { session_days: 30, activation_days: 30, hashing_threads: 0, hashing_queue: 256 }
    }
}

/// `[gate]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GateConfig {
    /// Sessions that may be inside at the same time, at most.
    pub sessions: u32,
    /// Sessions that may be inside whatever is measured.
    pub floor: u32,
    /// Whether the number and the pace are found by watching how requests fare, between `floor` and
    /// `sessions`; else `sessions` is the number.
    pub find: bool,
    /// Whether whole lessons come in first before their bell, as the timetable says.
    pub lessons: bool,
    /// A file with a secret of 32 bytes or more that all nodes of a house share; absent: the one in the
    /// database.
    pub secret_file: Option<PathBuf>,
    /// How this node reaches the others of its house, where there are several.
    pub nodes: Option<NodesConfig>,
    /// Services behind `preau gate`, by a name of the operator's choice.
    pub upstream: BTreeMap<String, UpstreamConfig>,
    /// Minutes without a request after which a session outside lessons gives its place back.
    pub idle_minutes: u32,
    /// File in which the state of the queue outlives a restart, rewritten about once a second while
    /// something moves. On the machine's own disk; each node has its own.
    pub state: PathBuf,
}

impl Default for GateConfig {
    fn default() -> Self {
        GateConfig {
            sessions: 2_000,
            floor: 10,
            find: true,
            lessons: true,
            secret_file: None,
            nodes: None,
            upstream: BTreeMap::new(),
            idle_minutes: 10,
            state: "data/gate.json".into(),
        }
    }
}

/// `[gate.upstream.NAME]`: a service behind `preau gate`.
#[derive(Debug, Clone, PartialEq, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct UpstreamConfig {
    /// `http://ADDRESS:PORT` or `https://NAME`.
    pub url: String,
    /// Host names it answers for; none for all that nobody else answers for.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// People inside at most, instead of `gate.sessions`.
    pub sessions: Option<u32>,
    /// People inside at least, instead of `gate.floor`.
    pub floor: Option<u32>,
    /// Requests at once at most (default 1000).
    pub requests: Option<u32>,
    /// Seconds until the head of a response (default 60).
    pub timeout_seconds: Option<u32>,
    /// Mebibytes of a request's body (default 256).
    pub largest_mib: Option<u32>,
    /// A path that is asked every ten seconds; absent: health follows from what people's requests show.
    pub health: Option<String>,
}

/// `[live]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LiveConfig {
    /// Address and UDP port for media; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The address that browsers send media to; absent: the listening address.
    pub public_address: Option<std::net::IpAddr>,
    /// Address and TCP port for media where a network lets no UDP through; absent: as for UDP.
    pub listen_tcp: Option<SocketAddr>,
    /// Threads that carry media, each with a port of its own from that of `listen` on; 0: one for each core, up to
    /// [`LiveConfig::MOST_SHARDS`].
    pub shards: u32,
    /// Whether media may also come through the web port, over TURN.
    pub relay: bool,
    /// Megabits a second that all lessons together may send.
    pub bandwidth_mbps: u32,
    /// What carries sound and picture.
    pub engine: LiveEngine,
    /// Whether teachers may have what they say written down by their browser.
    pub captions: bool,
    /// Days that what a class wrote in a lesson is kept: chat, private words, answers, notes, the board.
    pub keep_days: u32,
    /// The LiveKit server's address, as browsers and this server reach it.
    pub url: Option<String>,
    /// The name of the key that signs tokens.
    pub key: Option<String>,
    /// The key.
    pub secret: Option<Secret>,
}

/// `[recording]`: whether lessons may be recorded at all is each school's own setting.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecordingConfig {
    /// The folder, on a disk of this machine; each process has its own.
    pub folder: PathBuf,
    /// Lessons recorded at the same time, at most.
    pub parallel: u32,
    /// Minutes that one recording may last.
    pub longest_minutes: u32,
    /// Mebibytes that stay free on the disk: below it nothing is begun, and what runs is ended.
    pub least_free_mib: u32,
    /// With a LiveKit server: the folder into which its recorder (Egress) writes, as this process reaches it.
    pub egress_folder: Option<PathBuf>,
    /// The same folder as the recorder reaches it, where that differs.
    pub egress_sees: Option<String>,
}

impl Default for RecordingConfig {
    fn default() -> Self {
        RecordingConfig {
            folder: "data/recordings".into(),
            parallel: 8,
            longest_minutes: 180,
            least_free_mib: 2_048,
            egress_folder: None,
            egress_sees: None,
        }
    }
}

/// What carries sound and picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LiveEngine {
    /// This process.
    #[default]
    Embedded,
    /// A LiveKit server.
    Livekit,
}

/// Text that is never written to a log or an error.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Secret {
        Secret(text.to_owned())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

impl LiveConfig {
    /// More threads than this send more than any network card of today takes, and each costs memory for its socket.
    pub const MOST_SHARDS: u32 = 16;

    /// How many threads carry media on this machine.
    pub fn shard_count(&self) -> u16 {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let cores = u32::try_from(cores).unwrap_or(Self::MOST_SHARDS);
        let wanted = if self.shards == 0 { cores } else { self.shards };
        u16::try_from(wanted.clamp(1, Self::MOST_SHARDS)).unwrap_or(1)
    }
}

impl Default for LiveConfig {
    fn default() -> Self {
        LiveConfig {
            listen: SocketAddr::from(([127, 0, 0, 1], 7882)),
            public_address: None,
            listen_tcp: None,
            shards: 0,
            relay: true,
            bandwidth_mbps: 2_250,
            engine: LiveEngine::default(),
            captions: false,
            keep_days: 365,
            url: None,
            key: None,
            secret: None,
        }
    }
}

impl Config {
    /// The defaults, with everything that is kept lying in `folder`.
    pub fn in_folder(folder: PathBuf) -> Config {
        let mut config = Config::default();
        config.store.url = format!("sqlite:{}", folder.join("preau.db").display());
        config.gate.state = folder.join("gate.json");
        config.tls.folder = folder.join("certificates");
        config.recording.folder = folder.join("recordings");
        config.files.place = folder.join("files").display().to_string();
        config
    }
}
