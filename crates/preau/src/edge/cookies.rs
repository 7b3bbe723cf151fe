//! Cookies in and out (RFC 6265bis), and their names on plain HTTP and on TLS.

use super::Platform;
use http::{HeaderMap, HeaderValue, header};

/// How long the browser keeps a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Until the browser closes.
    BrowserSession,
    /// So many seconds.
    Seconds(u64),
    /// Not at all: takes the cookie back.
    Forget,
}

/// Reads and writes this platform's cookies. On TLS their names carry the `__Host-` prefix, which
/// makes browsers refuse them from any other host or path; plain HTTP, where that prefix is not
/// allowed, is meant for loopback and for TLS ended by a proxy in front.
#[derive(Debug, Clone, Copy)]
pub struct CookieJar {
    secure: bool,
}

impl CookieJar {
    /// The jar for this platform.
    pub fn of(platform: &Platform) -> CookieJar {
        CookieJar { secure: platform.is_secure() }
    }

    /// The jar for a platform that people reach at `public_url`.
    pub(super) fn for_address(public_url: &str) -> CookieJar {
        CookieJar { secure: public_url.starts_with("https://") }
    }

    /// The whole name of our cookie `name`, as browsers send it.
    pub fn name(self, name: &str) -> String {
        format!("{}{name}", self.prefix())
    }

    fn prefix(self) -> &'static str {
        if self.secure { "__Host-preau_" } else { "preau_" }
    }

    /// Our cookies in the request, by the names that [`CookieJar::set`] takes.
    pub fn all(self, headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        lines.flat_map(move |line| self.in_line(line))
    }

    /// Our cookies in one `Cookie` field.
    pub(super) fn in_line(self, line: &str) -> impl Iterator<Item = (&str, &str)> {
        let prefix = self.prefix();
        line.split(';').filter_map(move |pair| pair.trim().strip_prefix(prefix)?.split_once('='))
    }

    /// The value of the cookie `name`, if the request carries it.
    pub fn get<'h>(self, headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
        self.all(headers).find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    /// Whether a response already sets the cookie `name`.
    pub(super) fn sets(self, headers: &HeaderMap, name: &str) -> bool {
        headers.get_all(header::SET_COOKIE).iter().filter_map(|line| line.to_str().ok()).any(|line| {
            let rest = line.strip_prefix(self.prefix()).and_then(|rest| rest.strip_prefix(name));
            rest.is_some_and(|rest| rest.starts_with('='))
        })
    }

    /// A `Set-Cookie` value. `value` must be made of characters that cookies allow; anything else
    /// gives an empty cookie.
    pub fn set(self, name: &str, value: &str, kept: Kept) -> HeaderValue {
        let age = match kept {
            Kept::BrowserSession => String::new(),
            Kept::Seconds(seconds) => format!("; Max-Age={seconds}"),
            Kept::Forget => "; Max-Age=0".to_owned(),
        };
        let secure = if self.secure { "; Secure" } else { "" };
        let prefix = self.prefix();
        HeaderValue::from_str(&format!("{prefix}{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}"))
            .unwrap_or(HeaderValue::from_static("preau_void=; Max-Age=0"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_cookie_is_read_among_others() {
        let jar = CookieJar { secure: false };
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; xpreau_session=no; preau_session=yes"));
        assert_eq!(jar.get(&headers, "session"), Some("yes"));
        assert_eq!(CookieJar { secure: true }.get(&headers, "session"), None);
    }

    #[test]
    fn a_cookie_that_is_set_is_known_by_its_whole_name() {
        let jar = CookieJar { secure: true };
        let mut headers = HeaderMap::new();
        headers.append(header::SET_COOKIE, jar.set("gate", "v", Kept::BrowserSession));
        assert!(jar.sets(&headers, "gate"));
        assert!(!jar.sets(&headers, "gat") && !jar.sets(&headers, "gates"));
        assert!(!CookieJar { secure: false }.sets(&headers, "gate"));
    }

    #[test]
    fn tls_cookies_are_host_bound_and_secure() {
        let set = CookieJar { secure: true }.set("session", "v", Kept::Seconds(60));
        assert_eq!(set, "__Host-preau_session=v; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=60");
    }

    #[test]
    fn a_value_with_a_line_break_cannot_split_the_header() {
        let set = CookieJar { secure: false }.set("session", "v\r\nSet-Cookie: x=1", Kept::Forget);
        assert_eq!(set, "preau_void=; Max-Age=0");
    }
}
