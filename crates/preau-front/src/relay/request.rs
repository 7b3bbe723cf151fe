//! The head of a request as the upstream gets it, written as bytes.
//!
//! It does to bytes what `upstream/forward.rs` does to a map of fields: the property below holds the two
//! to each other. It judges nothing: what comes here has been read by [`crate::head`]. Invariant: one
//! `Host`, no body, and nothing about the connection the request came over.

use crate::Peer;
use crate::fields::{Named, of_the_connection};
use crate::head::{Framing, RawHead};
use crate::upstream::Upstream;
use http::Version;
use std::io::Write as _;
use std::net::IpAddr;

/// A longer target is none to hyper, which may say so itself.
const MOST_TARGET: usize = 60_000;

/// Whether a request can be forwarded as bytes. Whatever is rare, has a body or wants another protocol
/// goes the other way.
pub(crate) fn fits(raw: &RawHead<'_>) -> bool {
    matches!(raw.method, "GET" | "HEAD" | "OPTIONS")
        && raw.framing == Framing::None
        && raw.version == Version::HTTP_11
        && !raw.upgrade
        && raw.target.starts_with('/')
        && raw.target.len() <= MOST_TARGET
        && raw.target.bytes().all(plain)
        && !raw.fields.iter().any(|field| field.name.len() == 6 && field.name.eq_ignore_ascii_case("expect"))
        && Named::of(raw.fields).is_some()
}

/// Bytes of a target that nobody reads otherwise (RFC 3986 section 3.3 and 3.4): no fragment, nothing that
/// should have been encoded.
fn plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(&byte)
}

/// Appends the head.
pub(crate) fn write(out: &mut Vec<u8>, raw: &RawHead<'_>, peer: &Peer, upstream: &Upstream) {
    out.extend_from_slice(raw.method.as_bytes());
    out.push(b' ');
    out.extend_from_slice(raw.target.as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\nhost: ");
    let told = if upstream.tells_host { raw.authority } else { upstream.authority.as_str() };
    out.extend_from_slice(told.as_bytes());
    out.extend_from_slice(b"\r\n");
    let named = Named::of(raw.fields).unwrap_or_default();
    let (mut cookies, mut proto, mut host) = (0, false, false);
    for field in raw.fields {
        match place(field.name) {
            Place::Away => continue,
            Place::Stranger if !peer.trusted => continue,
            Place::Proto if !peer.trusted => continue,
            Place::Host if !peer.trusted => continue,
            Place::Proto => proto = true,
            Place::Host => host = true,
            Place::Cookie => {
                cookies += 1;
                continue;
            }
            Place::Stranger | Place::Usual => {}
        }
        if field.name.contains('_') || named.has(field.name) {
            continue;
        }
        line(out, field.name, field.value);
    }
    match cookies {
        0 => {}
        1 if upstream.hidden_cookies.is_empty() => {
            let only = raw.fields.iter().find(|field| field.name.eq_ignore_ascii_case("cookie"));
            line(out, "cookie", only.map_or(&[], |field| field.value));
        }
        _ => write_cookies(out, raw, cookies, &upstream.hidden_cookies),
    }
    introduce(out, raw, peer, (proto, host));
    out.extend_from_slice(b"\r\n");
}

/// What becomes of a field.
enum Place {
    /// It is passed on.
    Usual,
    /// It ends here, or is written anew.
    Away,
    /// Only a trusted peer may send it.
    Stranger,
    /// The same; and it is added when it is missing.
    Proto,
    Host,
    Cookie,
}

fn place(name: &str) -> Place {
    let is = |known: &str| name.eq_ignore_ascii_case(known);
    match name.len() {
        4 if is("host") => Place::Away,
        6 if is("cookie") => Place::Cookie,
        9 if is("forwarded") => Place::Away,
        9 if is("x-real-ip") => Place::Stranger,
        13 if is("preau-session") => Place::Away,
        15 if is("x-forwarded-for") => Place::Away,
        16 if is("x-forwarded-host") => Place::Host,
        16 if is("x-forwarded-port") => Place::Stranger,
        17 if is("x-forwarded-proto") => Place::Proto,
        _ if of_the_connection(name) => Place::Away,
        _ => Place::Usual,
    }
}

pub(super) fn line(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    let from = out.len();
    out.extend_from_slice(name.as_bytes());
    out[from..].make_ascii_lowercase();
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// All cookies but the hidden ones, in one line; as it was when there is one and nothing is hidden in it.
fn write_cookies(out: &mut Vec<u8>, raw: &RawHead<'_>, lines: usize, names: &[String]) {
    let hidden = |pair: &[u8]| {
        let key = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
        names.iter().any(|name| name.as_bytes() == key)
    };
    let values =
        || raw.fields.iter().filter(|field| field.name.eq_ignore_ascii_case("cookie")).map(|f| f.value);
    let pairs = || {
        let parts = values().flat_map(|line| line.split(|byte| *byte == b';').map(<[u8]>::trim_ascii));
        parts.filter(|part| !part.is_empty())
    };
    if lines == 1 && !pairs().any(hidden) {
        values().for_each(|value| line(out, "cookie", value));
        return;
    }
    let mut first = true;
    for pair in pairs().filter(|pair| !hidden(pair)) {
        out.extend_from_slice(if first { b"cookie: " } else { b"; " });
        out.extend_from_slice(pair);
        first = false;
    }
    if !first {
        out.extend_from_slice(b"\r\n");
    }
}

/// Tells the upstream who asked, as [`crate::peer::introduce`] does.
fn introduce(out: &mut Vec<u8>, raw: &RawHead<'_>, peer: &Peer, (proto, host): (bool, bool)) {
    let address = peer.address.ip();
    let scheme = if peer.https { "https" } else { "http" };
    out.extend_from_slice(b"x-forwarded-for: ");
    if peer.trusted {
        chain(out, raw, "x-forwarded-for");
    }
    write_address(out, address);
    // Writing to a Vec cannot fail.
    if !proto {
        let _ = write!(out, "\r\nx-forwarded-proto: {scheme}");
    }
    if !host {
        out.extend_from_slice(b"\r\nx-forwarded-host: ");
        out.extend_from_slice(raw.authority.as_bytes());
    }
    out.extend_from_slice(b"\r\nforwarded: ");
    if peer.trusted {
        chain(out, raw, "forwarded");
    }
    out.extend_from_slice(if address.is_ipv6() { b"for=\"[" } else { b"for=" });
    write_address(out, address);
    if address.is_ipv6() {
        out.extend_from_slice(b"]\"");
    }
    if !peer.trusted {
        // An authority holds no quote and no backslash: `head` has judged it.
        out.extend_from_slice(b";host=\"");
        out.extend_from_slice(raw.authority.as_bytes());
        out.extend_from_slice(b"\";proto=");
        out.extend_from_slice(scheme.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

/// What the fields of this name already say, in one line.
fn chain(out: &mut Vec<u8>, raw: &RawHead<'_>, name: &str) {
    for field in raw.fields.iter().filter(|field| field.name.eq_ignore_ascii_case(name)) {
        let readable = field.value.iter().all(|byte| *byte == b'\t' || (b' '..0x7f).contains(byte));
        out.extend_from_slice(if readable { field.value } else { b"unknown" });
        out.extend_from_slice(b", ");
    }
}

/// Without the formatter for the usual family: this is written twice for every request.
fn write_address(out: &mut Vec<u8>, address: IpAddr) {
    let IpAddr::V4(address) = address else {
        let _ = write!(out, "{address}");
        return;
    };
    for (index, octet) in address.octets().into_iter().enumerate() {
        if index > 0 {
            out.push(b'.');
        }
        if octet >= 100 {
            out.push(b'0' + octet / 100);
        }
        if octet >= 10 {
            out.push(b'0' + octet / 10 % 10);
        }
        out.push(b'0' + octet % 10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::{Parsed, parse, room};
    use crate::upstream::prepare;
    use crate::{Asked, Backend as _, Upstreams};
    use http::{HeaderMap, HeaderName, HeaderValue, Request};
    use proptest::prelude::*;
    use std::sync::Arc;

    const FIELDS: [(&str, &str); 34] = [
        ("Accept", "text/html"),
        ("X-Two", "1"),
        ("X-Two", "2"),
        ("X-Empty", ""),
        ("X-Latin", "caf\u{e9}"),
        ("Connection", "keep-alive"),
        ("Connection", "close, X-Two"),
        ("connection", "x-forwarded-for, Cookie, HOST"),
        ("Connection", "x_under, te"),
        ("Keep-Alive", "timeout=5"),
        ("TE", "trailers"),
        ("Trailer", "x"),
        ("Proxy", "http://evil"),
        ("Proxy-Connection", "x"),
        ("Proxy-Authorization", "x"),
        ("Proxy-Authenticate", "x"),
        ("HTTP2-Settings", "AAA"),
        ("X_Under", "1"),
        ("X_Forwarded_For", "1.1.1.1"),
        ("X-Forwarded-For", "203.0.113.9, 10.0.0.1"),
        ("X-Forwarded-For", "caf\u{e9}"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Proto", "gopher"),
        ("X-Forwarded-Host", "other.example"),
        ("X-Forwarded-Port", "8443"),
        ("X-Real-IP", "1.1.1.1"),
        ("Forwarded", "for=1.1.1.1;proto=https"),
        ("Forwarded", "for=unknown"),
        ("Preau-Session", "ended"),
        ("Cookie", "a=1; gate=2"),
        ("Cookie", "gate=2"),
        ("Cookie", "b=3;;ticket=4 ;c"),
        ("Cookie", " "),
        ("Authorization", "Basic x"),
    ];

    /// Name and value of every field, in an order of their own. Two of one name keep their order.
    fn sorted(fields: &HeaderMap) -> Vec<(String, Vec<u8>)> {
        let mut all: Vec<(String, Vec<u8>)> =
            fields.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    proptest! {
        /// Whichever way a request goes, the upstream is told the same.
        #[test]
        fn bytes_say_what_a_map_says(
            chosen in prop::collection::vec(0..FIELDS.len(), 0..12),
            (trusted, tells_host, hides, https) in any::<(bool, bool, bool, bool)>(),
            target in prop_oneof![
                Just("/"), Just("/a/b?c=d&e=%20"), Just("http://abs.example:81/x?y"), Just("http://abs.example"),
            ],
            from in prop_oneof![Just("192.0.2.107:5"), Just("10.0.0.9:1"), Just("[2001:db8::7]:9")],
        ) {
            let mut text = format!("GET {target} HTTP/1.1\r\nHost: Ent.Example:8080\r\n").into_bytes();
            let mut map = HeaderMap::new();
            map.append("host", HeaderValue::from_static("Ent.Example:8080"));
            for (name, value) in chosen.iter().map(|index| FIELDS[*index]) {
                // Latin-1, as old programs send it.
                let value: Vec<u8> = value.chars().map(|letter| letter as u8).collect();
                text.extend_from_slice(name.as_bytes());
                text.extend_from_slice(b": ");
                text.extend_from_slice(&value);
                text.extend_from_slice(b"\r\n");
                let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
                map.append(name, HeaderValue::from_bytes(value.trim_ascii()).unwrap());
            }
            text.extend_from_slice(b"\r\n");
            let mut upstream = Upstream::new("http://behind.example:9000").unwrap();
            upstream.tells_host = tells_host;
            if hides {
                upstream.hidden_cookies = vec!["gate".to_owned(), "ticket".to_owned()];
            }
            let peer = Peer { trusted, https, ..Peer::of(from.parse().unwrap()) };

            let mut room = room();
            let Parsed::Whole(raw, _) = parse(&text, &mut room, 32 * 1024) else { panic!("{text:?}") };
            // More than eight names in `Connection` go the other way.
            prop_assume!(fits(&raw));
            let mut out = Vec::new();
            write(&mut out, &raw, &peer, &upstream);
            let mut told = [httparse::EMPTY_HEADER; 100];
            let mut request = httparse::Request::new(&mut told);
            prop_assert_eq!(request.parse(&out), Ok(httparse::Status::Complete(out.len())));
            let (method, path) = (request.method.unwrap().to_owned(), request.path.unwrap().to_owned());
            let mut bytes = HeaderMap::new();
            for field in request.headers.iter() {
                prop_assert_eq!(field.name, field.name.to_ascii_lowercase());
                let name = HeaderName::from_bytes(field.name.as_bytes()).unwrap();
                bytes.append(name, HeaderValue::from_bytes(field.value).unwrap());
            }

            let upstreams = Upstreams::new(vec![upstream], Arc::new(())).unwrap();
            let site = upstreams.direct(0).unwrap().site;
            let (mut parts, ()) = Request::get(target).body(()).unwrap().into_parts();
            parts.headers = map;
            prepare(site, &mut parts, Asked { peer, site: 0 });
            prop_assert_eq!((method, path), ("GET".to_owned(), parts.uri.to_string()));
            prop_assert_eq!(sorted(&bytes), sorted(&parts.headers));
        }
    }

    #[test]
    fn what_is_rare_goes_the_other_way() {
        for (text, goes) in [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", true),
            ("HEAD /a?b HTTP/1.1\r\nHost: a\r\n\r\n", true),
            ("OPTIONS /a HTTP/1.1\r\nHost: a\r\n\r\n", true),
            ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", false),
            ("POST / HTTP/1.1\r\nHost: a\r\n\r\n", false),
            ("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", false),
            ("GET / HTTP/1.0\r\nHost: a\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", false),
            ("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", false),
            ("GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nHost: a\r\nConnection: a,b,c,d,e,f,g,h,i\r\n\r\n", false),
        ] {
            let mut room = room();
            let Parsed::Whole(raw, _) = parse(text.as_bytes(), &mut room, 4096) else { panic!("{text}") };
            assert_eq!(fits(&raw), goes, "{text}");
        }
    }
}
