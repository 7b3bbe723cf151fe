//! Reading the configuration: file, then environment, then the bounds; refused as a whole with line,
//! key and reason.

use super::{Config, LiveConfig, LiveEngine};
use serde::Deserialize as _;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Every key with its default and what it means; `preau config` prints it, a test holds it to the code.
pub const DOCUMENTED: &str = include_str!("preau.toml");

/// Environment variables that begin with this are settings.
const PREFIX: &str = "PREAU_";

/// Why a configuration is refused. Worded for the operator.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read at all.
    #[error("{}: cannot be read: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// A line is not TOML, names an unknown key or holds a value of the wrong kind.
    #[error("{}, line {line}: {reason}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// The key and what is wrong with it.
        reason: String,
    },
    /// An environment variable names no setting or holds a value of the wrong kind.
    #[error("environment variable {name}: {reason}")]
    Environment {
        /// The variable.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A value lies outside its bounds.
    #[error("{place}: {key} = {value}: must be {bounds}")]
    OutOfBounds {
        /// The file and line, or the environment variable.
        place: String,
        /// `section.key`.
        key: &'static str,
        /// The value found.
        value: String,
        /// What it must be.
        bounds: String,
    },
}

impl Config {
    /// Reads `file` (or only the defaults), then the environment given as name and value.
    ///
    /// # Errors
    /// The first [`ConfigError`]; nothing of a refused configuration is used.
    pub fn read(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Config, ConfigError> {
        Config::read_over(Config::default(), file, environment)
    }

    /// Like [`Config::read`], for a configuration that starts from `folder` instead of `data`.
    ///
    /// # Errors
    /// As [`Config::read`].
    pub fn read_in_folder(
        folder: PathBuf,
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Config, ConfigError> {
        Config::read_over(Config::in_folder(folder), file, environment)
    }

    fn read_over(
        start: Config,
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Config, ConfigError> {
        let mut table = toml::Table::new();
        let mut text = String::new();
        if let Some(path) = file {
            text = std::fs::read_to_string(path)
                .map_err(|reason| ConfigError::Unreadable { path: path.to_owned(), reason })?;
            let refused = |error: toml::de::Error| ConfigError::Line {
                path: path.to_owned(),
                line: error.span().map_or(1, |span| line_of(&text, span.start)),
                reason: error.message().to_owned(),
            };
            toml::from_str::<Config>(&text).map_err(refused)?;
            table = text.parse().map_err(refused)?;
        }
        let mut variables: Vec<(String, String)> = environment
            .into_iter()
            .filter(|(name, _)| name.starts_with(PREFIX) && name.contains("__"))
            .collect();
        variables.sort();
        for (name, value) in &variables {
            overlay(&mut table, name, value)?;
        }
        let defaults_used =
            |section: &str, key: &str| table.get(section).and_then(|section| section.get(key)).is_none();
        let (no_url, no_place) = (defaults_used("store", "url"), defaults_used("files", "place"));
        let no_state = defaults_used("gate", "state");
        let no_folder = defaults_used("tls", "folder");
        let no_recordings = defaults_used("recording", "folder");
        let mut config = Config::deserialize(table)
            .map_err(|error| ConfigError::Environment { name: PREFIX.into(), reason: error.to_string() })?;
        if no_url {
            config.store.url = start.store.url;
        }
        if no_place {
            config.files.place = start.files.place;
        }
        if no_state {
            config.gate.state = start.gate.state;
        }
        if no_folder {
            config.tls.folder = start.tls.folder;
        }
        if no_recordings {
            config.recording.folder = start.recording.folder;
        }
        check(&config, file, &text, &variables)?;
        Ok(config)
    }
}

/// Puts one variable into the table and sees whether the whole still makes sense, so that the error
/// names the variable.
fn overlay(table: &mut toml::Table, name: &str, value: &str) -> Result<(), ConfigError> {
    let refused = |reason: String| ConfigError::Environment { name: name.to_owned(), reason };
    let path = name[PREFIX.len()..].to_ascii_lowercase();
    let Some((section, key)) = path.split_once("__") else {
        return Err(refused("expected PREAU_SECTION__KEY".into()));
    };
    let as_number = value.parse::<i64>().ok().map(toml::Value::Integer);
    let as_switch = value.parse::<bool>().ok().map(toml::Value::Boolean);
    let candidates = [Some(toml::Value::String(value.to_owned())), as_number, as_switch];
    let mut reason = String::new();
    for candidate in candidates.into_iter().flatten() {
        let mut attempt = table.clone();
        let entry = attempt.entry(section).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        if let Some(entry) = entry.as_table_mut() {
            entry.insert(key.to_owned(), candidate);
        }
        match Config::deserialize(attempt.clone()) {
            Ok(_) => {
                *table = attempt;
                return Ok(());
            }
            Err(error) => reason = error.message().to_owned(),
        }
    }
    Err(refused(reason))
}

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
}

/// The bounds that types do not express.
fn check(
    config: &Config,
    file: Option<&Path>,
    text: &str,
    variables: &[(String, String)],
) -> Result<(), ConfigError> {
    let refuse = |key: &'static str, value: String, bounds: String| {
        Err(ConfigError::OutOfBounds { place: place_of(key, file, text, variables), key, value, bounds })
    };
    let numbers = [
        ("files.largest_mib", config.files.largest_mib, 1, 500),
        ("files.most", config.files.most, 1, 50),
        ("identity.session_days", config.identity.session_days, 1, 365),
        ("identity.activation_days", config.identity.activation_days, 1, 365),
        ("identity.hashing_threads", config.identity.hashing_threads, 0, 64),
        ("identity.hashing_queue", config.identity.hashing_queue, 1, 100_000),
        ("gate.sessions", config.gate.sessions, 1, 10_000_000),
        ("gate.floor", config.gate.floor, 1, 10_000_000),
        ("gate.idle_minutes", config.gate.idle_minutes, 1, 240),
        ("live.shards", config.live.shards, 0, LiveConfig::MOST_SHARDS),
        ("live.keep_days", config.live.keep_days, 1, 3_650),
        ("live.bandwidth_mbps", config.live.bandwidth_mbps, 1, 1_000_000),
        ("recording.parallel", config.recording.parallel, 1, 200),
        ("recording.longest_minutes", config.recording.longest_minutes, 1, 600),
        ("recording.least_free_mib", config.recording.least_free_mib, 0, 1_000_000_000),
    ];
    for (key, value, low, high) in numbers {
        if !(low..=high).contains(&value) {
            return refuse(key, value.to_string(), format!("between {low} and {high}"));
        }
    }
    let address = &config.server.public_url;
    if !(address.starts_with("http://") || address.starts_with("https://")) {
        return refuse(
            "server.public_url",
            format!("{address:?}"),
            "an address with http:// or https://".into(),
        );
    }
    if let Err(wrong) = preau_front::Trusted::parse(config.server.trusted.iter().map(String::as_str)) {
        let bounds = "addresses or networks, such as \"10.0.0.0/8\"".to_owned();
        return refuse("server.trusted", format!("{wrong:?}"), bounds);
    }
    let tls = &config.tls;
    if tls.chain.is_some() != tls.key.is_some() {
        let bounds = "given together with tls.key, both or neither".to_owned();
        return refuse("tls.chain", format!("{:?}", tls.chain), bounds);
    }
    if !config.server.https.is_empty() && tls.chain.is_none() && tls.names.is_empty() {
        let bounds = "empty without a certificate: give tls.chain and tls.key, or tls.names".to_owned();
        return refuse("server.https", format!("{:?}", config.server.https), bounds);
    }
    let name = |name: &String| {
        name.contains('.') && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
    };
    if let Some(wrong) = tls.names.iter().find(|text| !name(text)) {
        return refuse("tls.names", format!("{wrong:?}"), "host names such as \"ent.example.fr\"".into());
    }
    if let Some(nodes) = &config.gate.nodes
        && let Err(error) = nodes.check()
    {
        return refuse("gate.nodes", error.to_string(), "as `preau config` shows".into());
    }
    for (name, upstream) in &config.gate.upstream {
        if let Err(error) = preau_front::Upstream::new(&upstream.url) {
            return refuse("gate.upstream", format!("{name}: {error}"), "a service's address".into());
        }
        if upstream.health.as_ref().is_some_and(|path| !path.starts_with('/')) {
            return refuse(
                "gate.upstream",
                format!("{name}: {:?}", upstream.health),
                "a path such as \"/healthz\"".into(),
            );
        }
    }
    if let Some((key, value, bounds)) = live_complaint(&config.live) {
        return refuse(key, value, bounds.to_owned());
    }
    if let Some((key, value, bounds)) = egress_complaint(config) {
        return refuse(key, value, bounds.to_owned());
    }
    if jiff::tz::TimeZone::get(&config.place.time_zone).is_err() {
        let zone = format!("{:?}", config.place.time_zone);
        return refuse("place.time_zone", zone, "an IANA time zone such as \"Europe/Paris\"".into());
    }
    Ok(())
}

/// What does not fit together about the recorder of a LiveKit server.
fn egress_complaint(config: &Config) -> Option<(&'static str, String, &'static str)> {
    let recording = &config.recording;
    match (&recording.egress_folder, &recording.egress_sees) {
        (Some(folder), _) if config.live.engine != LiveEngine::Livekit => Some((
            "recording.egress_folder",
            format!("{folder:?}"),
            "absent unless live.engine is \"livekit\"",
        )),
        (Some(folder), _) if !folder.is_absolute() => {
            Some(("recording.egress_folder", format!("{folder:?}"), "an absolute path"))
        }
        (Some(_), Some(seen)) if !seen.starts_with('/') => {
            Some(("recording.egress_sees", format!("{seen:?}"), "an absolute path"))
        }
        (None, Some(seen)) => {
            Some(("recording.egress_sees", format!("{seen:?}"), "accompanied by recording.egress_folder"))
        }
        (Some(folder), _) if *folder == recording.folder => {
            Some(("recording.egress_folder", format!("{folder:?}"), "another folder than recording.folder"))
        }
        _ => None,
    }
}

/// What does not fit together in `[live]`: key, value and what it must be. The secret itself is not shown.
fn live_complaint(live: &LiveConfig) -> Option<(&'static str, String, &'static str)> {
    const SECRET: usize = 32;
    let wanted = live.engine == LiveEngine::Livekit;
    let missing = |what| Some(("live.engine", "\"livekit\"".to_owned(), what));
    match &live.url {
        None if wanted => return missing("accompanied by live.url, which is missing"),
        Some(url) if !wanted => {
            return Some(("live.url", format!("{url:?}"), "absent unless live.engine is \"livekit\""));
        }
        Some(url) if !is_livekit_address(url) => {
            let bounds = "an address with wss://, ws://, https:// or http://, a host, and nothing after it";
            return Some(("live.url", format!("{url:?}"), bounds));
        }
        _ => {}
    }
    if let Some(wrong) = ports_complaint(live) {
        return Some(wrong);
    }
    match (&live.key, &live.secret) {
        (None, _) if wanted => missing("accompanied by live.key, which is missing"),
        (_, None) if wanted => missing("accompanied by live.secret, which is missing"),
        (Some(key), _) if key.is_empty() || key.contains(char::is_whitespace) => {
            Some(("live.key", format!("{key:?}"), "a name without spaces"))
        }
        (Some(key), None) => Some(("live.key", format!("{key:?}"), "accompanied by live.secret")),
        (None, Some(_)) => Some(("live.secret", "…".to_owned(), "accompanied by live.key")),
        (Some(_), Some(secret)) if secret.expose().chars().count() < SECRET => {
            Some(("live.secret", "…".to_owned(), "at least 32 characters"))
        }
        _ => None,
    }
}

/// Each shard after the first takes the next number.
fn ports_complaint(live: &LiveConfig) -> Option<(&'static str, String, &'static str)> {
    let beyond = |port: u16| port != 0 && port.checked_add(live.shard_count() - 1).is_none();
    let (udp, tcp) = (live.listen, live.listen_tcp.unwrap_or(live.listen));
    let what = "low enough for the ports of all live.shards, which follow it";
    if beyond(udp.port()) {
        return Some(("live.listen", format!("\"{udp}\""), what));
    }
    beyond(tcp.port()).then(|| ("live.listen_tcp", format!("\"{tcp}\""), what))
}

fn is_livekit_address(address: &str) -> bool {
    url::Url::parse(address).is_ok_and(|url| {
        ["wss", "ws", "https", "http"].contains(&url.scheme())
            && url.has_host()
            && matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.username().is_empty()
    })
}

/// Where a value came from: a variable outweighs the file.
fn place_of(key: &str, file: Option<&Path>, text: &str, variables: &[(String, String)]) -> String {
    let (section, name) = key.split_once('.').unwrap_or(("", key));
    let variable = format!("{PREFIX}{}__{}", section.to_ascii_uppercase(), name.to_ascii_uppercase());
    if variables.iter().any(|(found, _)| *found == variable) {
        return format!("environment variable {variable}");
    }
    let mut inside = false;
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            inside = line.trim_matches(['[', ']']) == section;
        } else if inside && line.split('=').next().is_some_and(|found| found.trim() == name) {
            return format!("{}, line {}", file.unwrap_or(Path::new("configuration")).display(), at + 1);
        }
    }
    file.map_or_else(|| "configuration".to_owned(), |file| file.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("preau.toml");
        std::fs::write(&file, text).expect("written");
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::read(Some(&file), environment)
            .map_err(|error| error.to_string().replace(&format!("{}/", folder.path().display()), ""))
    }

    #[test]
    fn the_documented_file_is_the_defaults_and_names_every_key() {
        assert_eq!(read(DOCUMENTED, &[]).expect("accepted"), Config::default());
        let source = include_str!("mod.rs");
        let keys = source
            .lines()
            .filter_map(|line| line.strip_prefix("    pub ")?.split_once(':').map(|(key, _)| key));
        for key in keys.filter(|key| !key.starts_with("fn ") && !key.starts_with("const ")) {
            let named = DOCUMENTED.lines().any(|line| {
                let line = line.trim_start_matches("# ");
                line.starts_with(&format!("{key} ="))
                    || line.starts_with(&format!("[{key}]"))
                    || line.starts_with(&format!("[gate.{key}"))
            });
            assert!(named, "{key} is not documented in preau.toml");
        }
    }

    #[test]
    fn a_bad_file_is_refused_with_line_key_and_reason() {
        for (text, parts) in [
            ("[gate]\nsessions = \"many\"\n", ["preau.toml, line 2", "invalid type"]),
            ("[gate]\n\nsesions = 3\n", ["preau.toml, line 3", "sesions"]),
            ("[gate\n", ["preau.toml, line 1", ""]),
            ("[gate]\nsessions = 0\n", ["preau.toml, line 2: gate.sessions = 0", "between 1 and 10000000"]),
            ("[place]\ntime_zone = \"Europe/Pari\"\n", ["line 2: place.time_zone", "IANA"]),
            ("[server]\nlisten = \"nowhere\"\n", ["preau.toml, line 2", "socket address"]),
            ("[server]\ntrusted = [\"10.0.0.0/40\"]\n", ["line 2: server.trusted", "networks"]),
            ("[server]\nhttps = [\"[::]:443\"]\n", ["line 2: server.https", "tls.chain and tls.key"]),
            ("[tls]\nchain = \"a.pem\"\n", ["line 2: tls.chain", "tls.key"]),
            ("[tls]\nnames = [\"https://a.fr\"]\n", ["line 2: tls.names", "ent.example.fr"]),
            ("[gate.nodes]\nurl = \"http://a\"\n", ["gate.nodes", "redis"]),
            ("[gate.upstream.moodle]\nurl = \"moodle\"\n", ["gate.upstream = moodle", "http://host:port"]),
            ("[live]\nengine = \"jitsi\"\n", ["preau.toml, line 2", "`embedded` or `livekit`"]),
            ("[live]\nengine = \"livekit\"\n", ["line 2: live.engine", "live.url, which is missing"]),
            (
                "[recording]\negress_folder = \"/srv/egress\"\n",
                ["line 2: recording.egress_folder", "absent unless live.engine is \"livekit\""],
            ),
            (
                "[recording]\negress_sees = \"/out\"\n",
                ["line 2: recording.egress_sees", "accompanied by recording.egress_folder"],
            ),
            ("[live]\nurl = \"wss://a.b\"\n", ["line 2: live.url", "absent unless"]),
            ("[live]\nengine = \"livekit\"\nurl = \"a.b\"\n", ["line 3: live.url = \"a.b\"", "wss://"]),
            (
                "[live]\nengine = \"livekit\"\nurl = \"ws://a.b:7880/x\"\n",
                ["line 3: live.url", "nothing after"],
            ),
            (
                "[live]\nengine = \"livekit\"\nurl = \"ws://a.b\"\n",
                ["line 2: live.engine", "live.key, which"],
            ),
            (
                "[live]\nengine = \"livekit\"\nurl = \"ws://a.b\"\nkey = \"k\"\n",
                ["line 2: live.engine", "live.secret, which is missing"],
            ),
            ("[live]\nkey = \"a b\"\n", ["line 2: live.key = \"a b\"", "without spaces"]),
            ("[live]\nkey = \"k\"\nsecret = \"short\"\n", ["line 3: live.secret = …", "at least 32"]),
            ("[live]\nshards = 17\n", ["line 2: live.shards = 17", "between 0 and 16"]),
            (
                "[live]\nshards = 3\nlisten = \"127.0.0.1:65534\"\n",
                ["line 3: live.listen = \"127.0.0.1:65534\"", "low enough"],
            ),
            ("[live]\nbandwidth_mbps = 0\n", ["line 2: live.bandwidth_mbps = 0", "between 1 and 1000000"]),
        ] {
            let error = read(text, &[]).expect_err(text);
            for part in parts {
                assert!(error.contains(part), "{error:?} does not say {part:?}");
            }
        }
    }

    #[test]
    fn the_environment_outweighs_the_file_and_errors_name_the_variable() {
        let config = read("[gate]\nsessions = 5\n", &[("PREAU_GATE__SESSIONS", "7"), ("PREAU_BIN", "x")]);
        assert_eq!(config.expect("accepted").gate.sessions, 7);
        let config = read("", &[("PREAU_GATE__FIND", "false"), ("PREAU_SERVER__CONSOLE", "127.0.0.1:9100")]);
        let config = config.expect("accepted");
        assert_eq!((config.gate.find, config.server.console.map(|at| at.port())), (false, Some(9100)));
        let error = read("", &[("PREAU_GATE__SESSIONS", "lots")]).expect_err("refused");
        assert!(error.contains("PREAU_GATE__SESSIONS") && error.contains("invalid type"), "{error}");
        let error = read("", &[("PREAU_GATE__SESSIONS", "0")]).expect_err("refused");
        assert!(
            error.contains("environment variable PREAU_GATE__SESSIONS") && error.contains("between"),
            "{error}"
        );
        let error = read("", &[("PREAU_GATES__SESSIONS", "3")]).expect_err("refused");
        assert!(error.contains("PREAU_GATES__SESSIONS"), "{error}");
    }

    #[test]
    fn a_livekit_server_is_a_line_and_its_secret_is_not_shown() {
        let secret = "0123456789abcdef0123456789abcdef";
        let text = format!(
            "[live]\nengine = \"livekit\"\nurl = \"wss://live.example.org\"\nkey = \"APIx\"\nsecret = \"{secret}\"\n"
        );
        let config = read(&text, &[]).expect("accepted");
        assert_eq!(config.live.engine, LiveEngine::Livekit);
        assert!(!format!("{config:?}").contains(secret));
    }
}
