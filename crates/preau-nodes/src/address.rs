//! The address of the store, as a URL: read once, refused with a reason.

use std::fmt;

use url::{Host, Url};

/// Where the store is, and as whom it is spoken to.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) tls: bool,
    pub(crate) host: Host<String>,
    pub(crate) port: u16,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) database: u16,
}

/// Why an address cannot be used. None of these shows the password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// Not a URL.
    #[error("this is no address such as redis://HOST:6379: {0}")]
    Url(#[from] url::ParseError),
    /// Another kind of address.
    #[error("an address begins with redis://, or rediss:// for TLS, not with {0}:")]
    Scheme(String),
    /// Where is the store?
    #[error("the address names no host")]
    Host,
    /// What stands behind the host is no database number.
    #[error("behind the host stands a database number (0 to 65535) or nothing, not {0:?}")]
    Database(String),
    /// Something that has no meaning here.
    #[error("nothing may follow the database number, but there is {0:?}")]
    Beyond(String),
    /// A user name or password in which a percent sign is not followed by two digits.
    #[error("user and password are written with %XX for special characters; here that is no text")]
    Escapes,
    /// A user name that nobody is checked for.
    #[error("a user name needs a password beside it (USER:PASSWORD@)")]
    UserAlone,
}

impl Address {
    /// Reads `redis[s]://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE]`. A user without password is accepted
    /// here, since the password may stand in a file; [`Address::credentials`] asks for both.
    pub(crate) fn parse(text: &str) -> Result<Address, AddressError> {
        let url = Url::parse(text.trim())?;
        let tls = match url.scheme() {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" => true,
            other => return Err(AddressError::Scheme(other.to_owned())),
        };
        // The schemes are unknown to the URL standard, so a host that is an IPv4 address arrives as a name.
        let host = match url.host() {
            Some(Host::Domain(name)) if !name.is_empty() => Host::parse(name)?,
            Some(host @ (Host::Ipv4(_) | Host::Ipv6(_))) => host.to_owned(),
            _ => return Err(AddressError::Host),
        };
        if let Some(beyond) = url.query().or(url.fragment()) {
            return Err(AddressError::Beyond(beyond.to_owned()));
        }
        let number = url.path().trim_start_matches('/');
        let database = match number {
            "" => 0,
            number => number.parse().map_err(|_| AddressError::Database(number.to_owned()))?,
        };
        let user = Some(url.username()).filter(|user| !user.is_empty()).map(plain).transpose()?;
        let password = url.password().map(plain).transpose()?;
        Ok(Address { tls, host, port: url.port().unwrap_or(6_379), user, password, database })
    }

    /// User and password, if there are any.
    pub(crate) fn credentials(&self) -> Result<Option<(Option<&str>, &str)>, AddressError> {
        match (&self.user, &self.password) {
            (user, Some(password)) => Ok(Some((user.as_deref(), password))),
            (Some(_), None) => Err(AddressError::UserAlone),
            (None, None) => Ok(None),
        }
    }
}

impl fmt::Display for Address {
    /// Without the password.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "rediss" } else { "redis" };
        write!(out, "{scheme}://{}:{}/{}", self.host, self.port, self.database)
    }
}

/// A text in which `%XX` stands for a byte.
fn plain(escaped: &str) -> Result<String, AddressError> {
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else { return Err(AddressError::Escapes) };
        bytes.push((high << 4 | low) as u8);
    }
    String::from_utf8(bytes).map_err(|_| AddressError::Escapes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_whole() {
        let full = Address::parse("rediss://pr%C3%A9au:p%40ss%3A@[::1]:7000/12").unwrap();
        assert_eq!(full.credentials().unwrap(), Some((Some("préau"), "p@ss:")));
        assert_eq!((full.tls, full.port, full.database), (true, 7_000, 12));
        assert_eq!(full.to_string(), "rediss://[::1]:7000/12");
        let least = Address::parse("redis://10.0.0.7").unwrap();
        assert_eq!(least.host, Host::<String>::Ipv4([10, 0, 0, 7].into()));
        assert_eq!((least.tls, least.port, least.database, least.credentials()), (false, 6_379, 0, Ok(None)));
        assert_eq!(Address::parse("valkey://:x@v/").unwrap().credentials().unwrap(), Some((None, "x")));
    }

    #[test]
    fn every_mistake_is_named_without_the_password() {
        let wrong = |text: &str| {
            let address = Address::parse(text);
            address.and_then(|address| address.credentials().map(|_| ())).expect_err(text).to_string()
        };
        for (text, part) in [
            ("", "this is no address such as redis://HOST:6379"),
            ("redis.example.fr:6379", "not with redis.example.fr:"),
            ("http://geheim@r", "not with http:"),
            ("redis:///2", "names no host"),
            ("redis://:geheim@", "this is no address"),
            ("redis://r:99999", "this is no address"),
            ("redis://r/two", "not \"two\""),
            ("redis://r/70000", "not \"70000\""),
            ("redis://r/1?protocol=3", "nothing may follow"),
            ("redis://r/1#insecure", "nothing may follow"),
            ("redis://:%zz@r", "%XX"),
            ("redis://preau@r", "needs a password"),
        ] {
            let said = wrong(text);
            assert!(said.contains(part) && !said.contains("geheim"), "{text}: {said}");
        }
    }
}
