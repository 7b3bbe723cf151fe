//! Fields that end here: those of one connection, and those that would confuse what stands behind.
//!
//! Pure. Invariant: after [`strip`] nothing is left that speaks about the connection it came over
//! (RFC 9110 section 7.6.1), so that each side is framed anew by whoever writes it.

use crate::head::tokens;
use http::{HeaderMap, HeaderName, HeaderValue, header};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
/// Taken for the environment variable HTTP_PROXY by CGI programs ("httpoxy").
const PROXY: HeaderName = HeaderName::from_static("proxy");
const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");

/// Removes the fields of one connection. Says whether the message asked to change to WebSocket, the only
/// protocol that is let through (RFC 6455 section 4.1); `h2c` would be a way around every check.
pub(crate) fn strip(fields: &mut HeaderMap) -> bool {
    let mut websocket = false;
    if fields.contains_key(header::TRANSFER_ENCODING) {
        // The chunks say how long it is; a length beside them would frame it a second time.
        fields.remove(header::CONTENT_LENGTH);
    }
    if fields.contains_key(header::CONNECTION) {
        let mut named: Vec<HeaderName> = Vec::new();
        let mut upgrade = false;
        for line in fields.get_all(header::CONNECTION) {
            for token in tokens(line.as_bytes()) {
                upgrade |= token.eq_ignore_ascii_case(b"upgrade");
                let spares = [&b"close"[..], b"keep-alive", b"upgrade"];
                if spares.iter().any(|spare| token.eq_ignore_ascii_case(spare)) {
                    continue;
                }
                // Naming what we add or rely on must not remove it.
                named.extend(HeaderName::from_bytes(token).ok().filter(|name| !kept(name)));
            }
        }
        websocket = upgrade
            && fields.get(header::UPGRADE).is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket"));
        fields.remove(header::CONNECTION);
        for name in named {
            fields.remove(name);
        }
    }
    for name in [
        &header::TRANSFER_ENCODING,
        &header::UPGRADE,
        &header::TE,
        &header::TRAILER,
        &header::PROXY_AUTHENTICATE,
        &header::PROXY_AUTHORIZATION,
        &KEEP_ALIVE,
        &PROXY_CONNECTION,
        &PROXY,
        &HTTP2_SETTINGS,
    ] {
        fields.remove(name);
    }
    websocket
}

/// Fields that no `Connection` option may take away: else a client could hide who it is from the
/// upstream, or who is signed in.
fn kept(name: &HeaderName) -> bool {
    let text = name.as_str();
    [header::HOST, header::COOKIE, header::AUTHORIZATION, header::CONTENT_LENGTH, header::FORWARDED]
        .contains(name)
        || text.starts_with("x-forwarded-")
}

/// Removes fields whose names have an underscore, which many services read as the same name with a
/// hyphen: `X_Forwarded_For` would pass where `X-Forwarded-For` was replaced.
pub(crate) fn strip_underscores(fields: &mut HeaderMap) {
    let odd = |name: &HeaderName| name.as_str().contains('_');
    if fields.keys().any(odd) {
        let names: Vec<HeaderName> = fields.keys().filter(|name| odd(name)).cloned().collect();
        for name in names {
            fields.remove(name);
        }
    }
}

/// Whether a field of this name, in any case, speaks about the connection it came over, whoever sent it.
pub(crate) fn of_the_connection(name: &str) -> bool {
    let names: &[&str] = match name.len() {
        2 => &["te"],
        5 => &["proxy"],
        7 => &["trailer", "upgrade"],
        10 => &["connection", "keep-alive"],
        14 => &["http2-settings"],
        16 => &["proxy-connection"],
        17 => &["transfer-encoding"],
        18 => &["proxy-authenticate"],
        19 => &["proxy-authorization"],
        _ => return false,
    };
    names.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Names that one message may give in `Connection` besides the usual ones, when it is read as bytes.
const MOST_NAMED: usize = 8;

/// The fields that `Connection` names: they end here too.
#[derive(Debug, Default)]
pub(crate) struct Named<'a> {
    names: [&'a [u8]; MOST_NAMED],
    count: usize,
}

impl<'a> Named<'a> {
    /// Reads them; `None` when there are more than anybody sends in earnest.
    pub(crate) fn of(fields: &[httparse::Header<'a>]) -> Option<Named<'a>> {
        let mut named = Named::default();
        for field in fields {
            if field.name.len() != 10 || !field.name.eq_ignore_ascii_case("connection") {
                continue;
            }
            for token in tokens(field.value) {
                let spares = [&b"close"[..], b"keep-alive", b"upgrade"];
                if spares.iter().any(|spare| token.eq_ignore_ascii_case(spare)) {
                    continue;
                }
                *named.names.get_mut(named.count)? = token;
                named.count += 1;
            }
        }
        Some(named)
    }

    /// Whether it names this field, and may.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.names[..self.count].iter().any(|token| token.eq_ignore_ascii_case(name.as_bytes()))
            && !HeaderName::from_bytes(name.as_bytes()).is_ok_and(|name| kept(&name))
    }
}

/// Marks a message that changes to WebSocket.
pub(crate) fn mark_websocket(fields: &mut HeaderMap) {
    fields.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    fields.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
}

/// Removes the cookies with these names and leaves the others as they are; HTTP/2's many fields become
/// one line again (RFC 9113 section 8.2.3).
pub(crate) fn strip_cookies(fields: &mut HeaderMap, names: &[String]) {
    let mut lines = fields.get_all(header::COOKIE).into_iter();
    let (first, more) = (lines.next(), lines.next().is_some());
    let Some(first) = first else { return };
    let hidden = |pair: &[u8]| {
        let key = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
        names.iter().any(|name| name.as_bytes() == key)
    };
    let pairs = |line: &HeaderValue| {
        let parts = line.as_bytes().split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        parts.filter(|part| !part.is_empty()).map(<[u8]>::to_vec).collect::<Vec<_>>()
    };
    if !more && !pairs(first).iter().any(|pair| hidden(pair)) {
        return;
    }
    let left: Vec<Vec<u8>> =
        fields.get_all(header::COOKIE).into_iter().flat_map(pairs).filter(|pair| !hidden(pair)).collect();
    fields.remove(header::COOKIE);
    if let (false, Ok(line)) = (left.is_empty(), HeaderValue::from_bytes(&left.join(&b"; "[..]))) {
        fields.insert(header::COOKIE, line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn what_belongs_to_one_connection_goes() {
        let mut map = fields(&[
            ("connection", "close, X-Hop"),
            ("connection", "x-other"),
            ("x-hop", "1"),
            ("x-other", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("trailer", "x"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("http2-settings", "AAA"),
            ("proxy-authorization", "x"),
            ("proxy", "http://evil"),
            ("x-stays", "1"),
        ]);
        assert!(!strip(&mut map));
        assert_eq!(map.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x-stays"]);
    }

    #[test]
    fn chunks_and_a_length_do_not_both_go_on() {
        let mut map = fields(&[("content-length", "5"), ("transfer-encoding", "chunked")]);
        strip(&mut map);
        assert!(map.is_empty());
    }

    #[test]
    fn a_connection_option_takes_away_no_proof() {
        let mut map =
            fields(&[("connection", "cookie, x-forwarded-for, host"), ("cookie", "a=1"), ("host", "a")]);
        strip(&mut map);
        assert!(map.contains_key("cookie") && map.contains_key("host"));
    }

    #[test]
    fn only_websocket_is_an_upgrade() {
        assert!(strip(&mut fields(&[("connection", "keep-alive, Upgrade"), ("upgrade", "WebSocket")])));
        assert!(!strip(&mut fields(&[("connection", "Upgrade, HTTP2-Settings"), ("upgrade", "h2c")])));
        assert!(!strip(&mut fields(&[("upgrade", "websocket")])));
    }

    #[test]
    fn cookies_of_the_gate_stay_at_the_gate() {
        let hidden = ["gate".to_owned(), "ticket".to_owned()];
        let mut map = fields(&[("cookie", "a=1; gate=x"), ("cookie", "ticket=y"), ("cookie", "gates=2")]);
        strip_cookies(&mut map, &hidden);
        assert_eq!(map.get_all("cookie").into_iter().collect::<Vec<_>>(), ["a=1; gates=2"]);
        let mut map = fields(&[("cookie", "gate=x")]);
        strip_cookies(&mut map, &hidden);
        assert!(map.is_empty());
    }

    #[test]
    fn underscores_do_not_smuggle_a_name() {
        let mut map = fields(&[("x_forwarded_for", "1.1.1.1"), ("x-a", "1")]);
        strip_underscores(&mut map);
        assert_eq!(map.len(), 1);
    }
}
