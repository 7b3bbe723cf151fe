//! The console's token: 128 random bits in a file that only its owner reads.

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, header};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use subtle::ConstantTimeEq as _;

/// The file's name.
const FILE: &str = "console.token";

/// The token.
pub(super) struct Token {
    path: PathBuf,
    value: String,
}

impl Token {
    /// Reads it, or makes it the first time.
    pub(super) fn open(folder: &Path) -> anyhow::Result<Token> {
        match Token::read(folder) {
            Err(_) if !folder.join(FILE).exists() => Token::make(folder),
            read => read,
        }
    }

    /// Reads it.
    pub(super) fn read(folder: &Path) -> anyhow::Result<Token> {
        let path = folder.join(FILE);
        let text = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        let value = text.trim().to_owned();
        anyhow::ensure!(
            value.len() >= 16 && value.bytes().all(|byte| byte.is_ascii_alphanumeric()),
            "{}: expected at least 16 letters and digits",
            path.display()
        );
        Ok(Token { path, value })
    }

    fn make(folder: &Path) -> anyhow::Result<Token> {
        let mut bytes = [0_u8; 16];
        getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
        let value: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let path = folder.join(FILE);
        let write = || -> std::io::Result<()> {
            fs::create_dir_all(folder)?;
            // Not over one that somebody else has made in this moment.
            let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            writeln!(file, "{value}")
        };
        write().with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(Token { path, value })
    }

    /// Where it lies.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The `Authorization` value of somebody who has it (RFC 7617).
    pub(super) fn authorization(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("operator:{}", self.value)))
    }

    /// Whether a request shows it. The user's name is not looked at.
    pub(super) fn is_shown(&self, headers: &HeaderMap) -> bool {
        let shown = || {
            let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
            let (scheme, secret) = value.split_once(' ')?;
            let decoded =
                scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(secret.trim()))?.ok()?;
            let colon = decoded.iter().position(|byte| *byte == b':')?;
            Some(decoded[colon + 1..].ct_eq(self.value.as_bytes()).into())
        };
        shown().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn it_is_made_once_and_readable_by_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let first = Token::open(folder.path()).unwrap();
        assert_eq!(Token::open(folder.path()).unwrap().value, first.value);
        let mode = fs::metadata(first.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(first.path(), "short").unwrap();
        assert!(Token::open(folder.path()).is_err(), "a token that somebody has broken is not replaced");
    }

    #[test]
    fn only_who_shows_it_is_let_in() {
        let folder = tempfile::tempdir().unwrap();
        let token = Token::open(folder.path()).unwrap();
        let shown = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            token.is_shown(&headers)
        };
        assert!(shown(&token.authorization()));
        assert!(!token.is_shown(&HeaderMap::new()));
        let other = format!("Basic {}", STANDARD.encode("operator:0123456789abcdef0123456789abcdef"));
        for wrong in ["", "Basic", "Basic !!", "Bearer x", &other, &format!("Basic {}", STANDARD.encode("x"))]
        {
            assert!(!shown(wrong), "{wrong}");
        }
    }
}
