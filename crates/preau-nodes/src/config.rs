//! What an operator says about the nodes: `[gate.nodes]`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::address::{Address, AddressError};

/// Bytes of a prefix at most: it stands in each of four keys and nowhere else.
const PREFIX: usize = 64;

/// How this node reaches the others. Every node of a house has the same, and the same secret.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NodesConfig {
    /// The common Redis (6.2 or newer) or Valkey: `redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE]`, or
    /// `rediss://` for TLS. Port 6379 and database 0 unless named.
    pub url: String,
    /// A file that holds the password and nothing else, instead of the address.
    pub password_file: Option<PathBuf>,
    /// A PEM file with the authority that signed the store's certificate; absent: those that the system
    /// trusts.
    pub authority: Option<PathBuf>,
    /// Begins the name of each key, so that several houses can share one Redis.
    pub prefix: String,
    /// How long the store may take to answer, in milliseconds. What is slower counts as gone. 100 to 10,000.
    pub timeout_millis: u32,
    /// How long a node that is asked to stop waits for its people to leave, in seconds.
    pub leave_seconds: u32,
}

impl Default for NodesConfig {
    fn default() -> Self {
        Self {
            url: "redis://127.0.0.1".into(),
            password_file: None,
            authority: None,
            prefix: "preau".into(),
            timeout_millis: 2_000,
            leave_seconds: 10,
        }
    }
}

impl fmt::Debug for NodesConfig {
    /// Without the password.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = Address::parse(&self.url).map_or_else(|_| "(unusable)".to_owned(), |at| at.to_string());
        out.debug_struct("NodesConfig")
            .field("url", &url)
            .field("password_file", &self.password_file)
            .field("authority", &self.authority)
            .field("prefix", &self.prefix)
            .field("timeout_millis", &self.timeout_millis)
            .field("leave_seconds", &self.leave_seconds)
            .finish()
    }
}

/// What is wrong with `[gate.nodes]`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The address.
    #[error("url: {0}")]
    Url(#[from] AddressError),
    /// A password twice.
    #[error("url and password_file both name a password: keep one")]
    TwoPasswords,
    /// A file cannot be used.
    #[error("{name} {path}: {why}", path = .path.display())]
    File {
        /// The setting.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// An authority without TLS.
    #[error("authority is for rediss:// only: change the url, or leave authority out")]
    NoTls,
    /// The prefix.
    #[error("prefix must be 1 to 64 letters, digits, and -._: (it is {0:?})")]
    Prefix(String),
    /// The time-out.
    #[error("timeout_millis must lie between 100 and 10000, it is {0}")]
    Timeout(u32),
    /// TLS cannot be set up.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
}

impl NodesConfig {
    /// Checks everything that can be checked without the store, and reads the password.
    pub(crate) fn address(&self) -> Result<Address, ConfigError> {
        let mut address = Address::parse(&self.url)?;
        if let Some(file) = &self.password_file {
            if address.password.is_some() {
                return Err(ConfigError::TwoPasswords);
            }
            address.password = Some(password(file)?);
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
        if self.prefix.is_empty() || self.prefix.len() > PREFIX || !self.prefix.bytes().all(plain) {
            return Err(ConfigError::Prefix(self.prefix.clone()));
        }
        if !(100..=10_000).contains(&self.timeout_millis) {
            return Err(ConfigError::Timeout(self.timeout_millis));
        }
        if self.authority.is_some() && !address.tls {
            return Err(ConfigError::NoTls);
        }
        Ok(address)
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_millis(u64::from(self.timeout_millis))
    }

    /// How long [`crate::Nodes::leave`] may take.
    pub fn leave(&self) -> Duration {
        Duration::from_secs(u64::from(self.leave_seconds))
    }

    /// Checks the configuration without reaching for the store.
    ///
    /// # Errors
    /// Names the setting, what it is and what it may be.
    pub fn check(&self) -> Result<(), ConfigError> {
        let address = self.address()?;
        crate::dial::Tcp::new(&address, self.authority.as_deref()).map(drop)
    }
}

fn password(file: &Path) -> Result<String, ConfigError> {
    let wrong = |why: String| ConfigError::File { name: "password_file", path: file.to_owned(), why };
    let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() || password.contains('\n') {
        return Err(wrong("it must hold the password, on one line".to_owned()));
    }
    Ok(password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(config: &NodesConfig) -> String {
        config.check().expect_err("refused").to_string()
    }

    #[test]
    fn the_defaults_hold_and_every_mistake_is_named() {
        let good = NodesConfig::default();
        good.check().unwrap();
        let text = "url = 'redis://r/2'\nprefix = 'lycee-a'\nleave_seconds = 3";
        let read: NodesConfig = toml::from_str(text).unwrap();
        assert_eq!((read.prefix.as_str(), read.leave_seconds, read.timeout_millis), ("lycee-a", 3, 2_000));
        assert!(toml::from_str::<NodesConfig>("adress = 'x'").unwrap_err().to_string().contains("adress"));
        for prefix in ["", "a b", "é", &"x".repeat(65)] {
            assert!(
                wrong(&NodesConfig { prefix: prefix.to_owned(), ..good.clone() }).starts_with("prefix must")
            );
        }
        assert_eq!(
            wrong(&NodesConfig { timeout_millis: 20, ..good.clone() }),
            "timeout_millis must lie between 100 and 10000, it is 20"
        );
        let authority = Some(PathBuf::from("ca.pem"));
        assert!(
            wrong(&NodesConfig { authority: authority.clone(), ..good.clone() }).contains("rediss:// only")
        );
        let secure = NodesConfig { authority, url: "rediss://r".into(), ..good };
        assert!(wrong(&secure).starts_with("authority ca.pem: "), "{}", wrong(&secure));
    }

    #[test]
    fn a_password_comes_from_one_place_and_is_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, "geheim\n").unwrap();
        let config = NodesConfig { password_file: Some(file.clone()), ..NodesConfig::default() };
        assert_eq!(config.address().unwrap().password.as_deref(), Some("geheim"));
        let twice = NodesConfig { url: "redis://:geheim@r".into(), ..config.clone() };
        assert!(wrong(&twice).contains("both name a password"));
        assert!(!format!("{twice:?}").contains("geheim"), "{twice:?}");
        std::fs::write(&file, "\n").unwrap();
        assert!(wrong(&config).ends_with("it must hold the password, on one line"));
    }
}
