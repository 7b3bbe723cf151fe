//! The head of a request, read strictly.
//!
//! [`parse`] reads HTTP/1.x heads on the light path; [`judge`] applies the same rules to what hyper has
//! parsed. It reads no body and asks nobody. Invariant: a head that two servers could frame differently
//! is refused: this is where request smuggling ends (RFC 9112 sections 5.1, 6.1, 6.3 and 11.2).

use crate::{Client, Peer, Refused};
use http::{HeaderMap, Method, Request, Version, header};
use std::mem::MaybeUninit;

/// What a door sees of a request: borrowed, whichever way it came.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// The method, as sent.
    pub method: &'a str,
    /// Path and query; `*` for OPTIONS about the server itself.
    pub target: &'a str,
    /// The host name asked for, lower or upper case as sent, without port.
    pub host: &'a str,
    /// Which of the front's sites answers for this host.
    pub site: usize,
    /// The other end of the connection.
    pub peer: &'a Peer,
    /// Who asks: the peer, or whom a trusted peer names.
    pub client: Client,
    /// HTTP/1.0, HTTP/1.1 or HTTP/2.
    pub version: Version,
    pub(crate) fields: Fields<'a>,
}

/// The fields, as one of the two parsers holds them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fields<'a> {
    Raw(&'a [httparse::Header<'a>]),
    Map(&'a HeaderMap),
}

impl<'a> Fields<'a> {
    pub(crate) fn first(self, name: &str) -> Option<&'a [u8]> {
        match self {
            Fields::Raw(fields) => {
                fields.iter().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
            }
            Fields::Map(fields) => fields.get(name).map(|value| value.as_bytes()),
        }
    }

    pub(crate) fn each(self, name: &str, mut each: impl FnMut(&'a [u8])) {
        match self {
            Fields::Raw(fields) => fields
                .iter()
                .filter(|field| field.name.eq_ignore_ascii_case(name))
                .for_each(|field| each(field.value)),
            Fields::Map(fields) => {
                fields.get_all(name).into_iter().for_each(|value| each(value.as_bytes()));
            }
        }
    }
}

impl<'a> Head<'a> {
    /// The path without the query.
    #[must_use]
    pub fn path(&self) -> &'a str {
        self.target.split_once('?').map_or(self.target, |(path, _)| path)
    }

    /// The first field of this name, in lower case.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'a [u8]> {
        self.fields.first(name)
    }

    /// Calls `each` with every value of the fields of this name, in lower case. HTTP/2 may send one
    /// cookie a field (RFC 9113 section 8.2.3).
    pub fn each_field(&self, name: &str, each: impl FnMut(&'a [u8])) {
        self.fields.each(name, each);
    }

    /// The value of the first cookie of this name, unchecked (RFC 6265 section 5.4).
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&'a str> {
        let mut found = None;
        self.each_field("cookie", |line| found = found.or_else(|| in_line(line, name.as_bytes())));
        found.and_then(|value| std::str::from_utf8(value).ok())
    }

    /// All fields as a map: a copy, for answers that need one (languages, referrer), not for every request.
    #[must_use]
    pub fn to_map(&self) -> HeaderMap {
        match self.fields {
            Fields::Map(fields) => fields.clone(),
            Fields::Raw(fields) => fields
                .iter()
                .filter_map(|field| {
                    let name = http::HeaderName::from_bytes(field.name.as_bytes()).ok()?;
                    Some((name, http::HeaderValue::from_bytes(field.value).ok()?))
                })
                .fold(HeaderMap::new(), |mut map, (name, value)| {
                    map.append(name, value);
                    map
                }),
        }
    }
}

/// The value of the first cookie of this name in one field.
fn in_line<'l>(mut line: &'l [u8], name: &[u8]) -> Option<&'l [u8]> {
    loop {
        let end = place_of(b';', line);
        let pair = end.map_or(line, |end| &line[..end]).trim_ascii_start();
        if let Some(value) = pair.strip_prefix(name).and_then(|rest| rest.strip_prefix(b"=")) {
            return Some(value);
        }
        line = &line[end? + 1..];
    }
}

/// The first place of a byte: most of a field is values, of which eight bytes are looked at in one go. Eight bytes among
/// which one is zero borrow when one is taken from each (Lamport, CACM 18(8), 1975); the lowest that does is exact.
fn place_of(byte: u8, within: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let (eights, rest) = within.as_chunks::<8>();
    for (number, eight) in eights.iter().enumerate() {
        let differ = u64::from_le_bytes(*eight) ^ (ONES * u64::from(byte));
        let zero = differ.wrapping_sub(ONES) & !differ & (ONES << 7);
        if zero != 0 {
            return Some(number * 8 + zero.trailing_zeros() as usize / 8);
        }
    }
    let found = rest.iter().position(|own| *own == byte);
    found.map(|place| eights.len() * 8 + place)
}

/// Room for the fields of one head: the most that [`crate::Limits::fields`] may ask for.
pub const MOST_FIELDS: usize = 128;

/// Where the fields of one head are put while it is looked at.
pub type Room<'a> = [MaybeUninit<httparse::Header<'a>>; MOST_FIELDS];

/// Room for one head, on the stack.
#[must_use]
pub const fn room<'a>() -> Room<'a> {
    [const { MaybeUninit::uninit() }; MOST_FIELDS]
}

/// How the body is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    None,
    /// This many bytes.
    Length(u64),
    /// Chunks, until the last.
    Chunked,
}

/// A head of HTTP/1.x.
#[derive(Debug, Clone, Copy)]
pub struct RawHead<'a> {
    /// The method, as sent.
    pub method: &'a str,
    /// Path and query, or `*`.
    pub target: &'a str,
    /// The host with its port, as sent; empty only in HTTP/1.0.
    pub authority: &'a str,
    /// HTTP/1.0 or HTTP/1.1.
    pub version: Version,
    /// Whether the connection may carry another request.
    pub keep_alive: bool,
    /// The body.
    pub framing: Framing,
    /// Whether the client asks to switch protocols.
    pub upgrade: bool,
    /// The fields.
    pub fields: &'a [httparse::Header<'a>],
}

/// What bytes turned out to be.
#[derive(Debug, Clone, Copy)]
pub enum Parsed<'a> {
    /// The beginning of a head.
    Partial,
    /// A head, and how many bytes it took.
    Whole(RawHead<'a>, usize),
    /// The preface of HTTP/2 (RFC 9113 section 3.4), or its beginning.
    Http2,
    /// Something to refuse.
    Refused(Refused),
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Reads one head of at most `most_bytes` from the beginning of `bytes`. `room` takes the fields; a part
/// of it bounds their number.
pub fn parse<'a>(
    bytes: &'a [u8],
    room: &'a mut [MaybeUninit<httparse::Header<'a>>],
    most_bytes: usize,
) -> Parsed<'a> {
    if bytes.starts_with(b"PRI ") && bytes.iter().zip(PREFACE).all(|(a, b)| a == b) {
        return Parsed::Http2;
    }
    let mut request = httparse::Request::new(&mut []);
    let length = match request.parse_with_uninit_headers(bytes, room) {
        Ok(httparse::Status::Complete(length)) if length > most_bytes => {
            return Parsed::Refused(Refused::HeadTooLarge);
        }
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if bytes.len() >= most_bytes => {
            return Parsed::Refused(Refused::HeadTooLarge);
        }
        Ok(httparse::Status::Partial) => return Parsed::Partial,
        Err(httparse::Error::TooManyHeaders) => return Parsed::Refused(Refused::HeadTooLarge),
        Err(httparse::Error::Version) => return Parsed::Refused(Refused::Version),
        Err(_) => return Parsed::Refused(Refused::Malformed),
    };
    let (Some(method), Some(target), Some(version)) = (request.method, request.path, request.version) else {
        return Parsed::Refused(Refused::Malformed);
    };
    let version = if version == 1 { Version::HTTP_11 } else { Version::HTTP_10 };
    match read(method, target, version, request.headers) {
        Ok(head) => Parsed::Whole(head, length),
        Err(refused) => Parsed::Refused(refused),
    }
}

fn read<'a>(
    method: &'a str,
    target: &'a str,
    version: Version,
    fields: &'a [httparse::Header<'a>],
) -> Result<RawHead<'a>, Refused> {
    if !allowed(method) {
        return Err(Refused::Method);
    }
    let mut host = None;
    let (mut framing, mut chunked) = (Framing::None, false);
    let (mut close, mut kept, mut upgrade) = (false, false, false);
    for field in fields {
        // The length first: most fields are told apart by it.
        match field.name.len() {
            4 if field.name.eq_ignore_ascii_case("host") => {
                let text = std::str::from_utf8(field.value).map_err(|_| Refused::Malformed)?;
                if host.replace(text).is_some() {
                    return Err(Refused::Malformed);
                }
            }
            7 if field.name.eq_ignore_ascii_case("upgrade") => upgrade = true,
            10 if field.name.eq_ignore_ascii_case("connection") => {
                for token in tokens(field.value) {
                    close |= token.eq_ignore_ascii_case(b"close");
                    kept |= token.eq_ignore_ascii_case(b"keep-alive");
                }
            }
            14 if field.name.eq_ignore_ascii_case("content-length") => {
                // Even two that agree: what stands behind us may not read them so.
                if framing != Framing::None {
                    return Err(Refused::Malformed);
                }
                framing = Framing::Length(length(field.value).ok_or(Refused::Malformed)?);
            }
            17 if field.name.eq_ignore_ascii_case("transfer-encoding") => {
                if chunked || version == Version::HTTP_10 || !field.value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Refused::Malformed);
                }
                chunked = true;
            }
            _ => {}
        }
    }
    if chunked {
        if framing != Framing::None {
            return Err(Refused::Malformed);
        }
        framing = Framing::Chunked;
    }
    let (named, target) = split_target(method, target)?;
    let authority = match (named, host) {
        // RFC 9112 section 3.2.2: the target is believed, and the field must still be a host.
        (Some(named), Some(host)) if is_authority(host) => named,
        (None, Some(host)) => host,
        (named, None) if version == Version::HTTP_10 => named.unwrap_or_default(),
        _ => return Err(Refused::Malformed),
    };
    if !(is_authority(authority) || authority.is_empty() && version == Version::HTTP_10) {
        return Err(Refused::Malformed);
    }
    let keep_alive = !close && (version == Version::HTTP_11 || kept);
    Ok(RawHead { method, target, authority, version, keep_alive, framing, upgrade, fields })
}

/// The authority of an absolute target and its path; of any other target the target itself.
fn split_target<'a>(method: &str, target: &'a str) -> Result<(Option<&'a str>, &'a str), Refused> {
    if target.starts_with('/') {
        return Ok((None, target));
    }
    if target == "*" && method == "OPTIONS" {
        return Ok((None, target));
    }
    let scheme = ["http://", "https://"]
        .into_iter()
        .find(|scheme| target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
    let rest = scheme.map(|scheme| &target[scheme.len()..]).ok_or(Refused::Malformed)?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    match path.as_bytes().first() {
        None => Ok((Some(authority), "/")),
        Some(b'/') => Ok((Some(authority), path)),
        // `http://host?query` has no path to forward: nobody sends it in earnest.
        Some(_) => Err(Refused::Malformed),
    }
}

/// The same rules for a request that hyper has parsed; gives the authority, `None` only in HTTP/1.0.
pub(crate) fn judge<B>(request: &Request<B>) -> Result<Option<&str>, Refused> {
    if !allowed(request.method().as_str()) {
        return Err(Refused::Method);
    }
    let fields = request.headers();
    if fields.contains_key(header::TRANSFER_ENCODING) {
        let mut codings = fields.get_all(header::TRANSFER_ENCODING).into_iter();
        let one = codings.next().is_some_and(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"));
        if !one || codings.next().is_some() || fields.contains_key(header::CONTENT_LENGTH) {
            return Err(Refused::Malformed);
        }
    }
    let mut hosts = fields.get_all(header::HOST).into_iter();
    let host = hosts.next().map(|host| host.to_str().map_err(|_| Refused::Malformed)).transpose()?;
    if hosts.next().is_some() || host.is_some_and(|host| !is_authority(host)) {
        return Err(Refused::Malformed);
    }
    let target = request.uri();
    // RFC 9113 section 8.3.1: both, if both are there, say the same.
    if let (Some(named), Some(host), Version::HTTP_2) = (target.authority(), host, request.version())
        && !named.as_str().eq_ignore_ascii_case(host)
    {
        return Err(Refused::Malformed);
    }
    let path = target.path();
    if !(path.starts_with('/') || path == "*" && request.method() == Method::OPTIONS) {
        return Err(Refused::Malformed);
    }
    match target.authority().map(|authority| authority.as_str()).or(host) {
        Some(authority) if is_authority(authority) => Ok(Some(authority)),
        None if request.version() == Version::HTTP_10 => Ok(None),
        _ => Err(Refused::Malformed),
    }
}

/// CONNECT would make this a tunnel, and TRACE would show a script the cookies it must not see.
fn allowed(method: &str) -> bool {
    !matches!(method, "CONNECT" | "TRACE")
}

/// Digits only: `+5`, `0x5`, `5, 5` and an empty value are lengths to some and none to others.
pub(crate) fn length(value: &[u8]) -> Option<u64> {
    if value.is_empty() || value.len() > 18 || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// The members of a list field (RFC 9110 section 5.6.1).
pub(crate) fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|token| !token.is_empty())
}

/// A host with an optional port, and nothing that could begin something else (RFC 3986 section 3.2;
/// user names are not for HTTP, RFC 9110 section 4.2.4).
fn is_authority(text: &str) -> bool {
    let host = host_of(text);
    let port = text[host.len()..].strip_prefix(':');
    let port_fits = match port {
        None => host.len() == text.len(),
        Some(port) => port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit()),
    };
    let name = |byte: u8| OF_NAMES[usize::from(byte)];
    let host_fits = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok()),
        None => !host.is_empty() && host.len() <= 255 && host.bytes().all(name),
    };
    port_fits && host_fits
}

/// The characters of a registered name (RFC 3986 section 3.2.2), without the comma, which would begin another host.
static OF_NAMES: [bool; 256] = {
    let mut table = [false; 256];
    let marks = b"-._~%!$&'()*+;=";
    let mut at = 0;
    while at < 256 {
        table[at] = (at as u8).is_ascii_alphanumeric();
        at += 1;
    }
    at = 0;
    while at < marks.len() {
        table[marks[at] as usize] = true;
        at += 1;
    }
    table
};

/// The host of an authority, without its port; of `[::1]:80` the address with its brackets.
pub(crate) fn host_of(authority: &str) -> &str {
    // Both are ASCII, and hosts are short: byte by byte is the quickest.
    let place = |from: usize, mark: u8| authority.bytes().skip(from).position(|byte| byte == mark);
    let from = if authority.starts_with('[') { place(0, b']').unwrap_or(0) } else { 0 };
    place(from, b':').map_or(authority, |colon| &authority[..from + colon])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn try_parse(text: &str) -> Result<(String, String, Framing, bool), Option<Refused>> {
        let mut room = room();
        match parse(text.as_bytes(), &mut room, 4096) {
            Parsed::Whole(head, length) => {
                assert_eq!(length, text.len());
                Ok((head.authority.to_owned(), head.target.to_owned(), head.framing, head.keep_alive))
            }
            Parsed::Refused(refused) => Err(Some(refused)),
            Parsed::Partial | Parsed::Http2 => Err(None),
        }
    }

    fn refused(text: &str) -> Refused {
        match try_parse(text) {
            Err(Some(refused)) => refused,
            other => panic!("{text:?} became {other:?}"),
        }
    }

    #[test]
    fn an_ordinary_head() {
        let head = try_parse("GET /a?b HTTP/1.1\r\nHost: ent.example:8443\r\n\r\n").unwrap();
        assert_eq!(head, ("ent.example:8443".to_owned(), "/a?b".to_owned(), Framing::None, true));
        let head =
            try_parse("POST / HTTP/1.1\r\nhost: a\r\nContent-Length: 12\r\nConnection: x, Close\r\n\r\n");
        assert_eq!(head.unwrap().2, Framing::Length(12));
        let head = try_parse("GET http://b.example/x HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        assert_eq!((&*head.0, &*head.1), ("b.example", "/x"));
        assert!(!try_parse("GET / HTTP/1.0\r\n\r\n").unwrap().3);
        assert!(try_parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").unwrap().3);
    }

    #[test]
    fn what_two_servers_could_frame_differently_is_refused() {
        for fields in [
            "Content-Length: 4\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nContent-Length: 4",
            "Content-Length: 4\r\nContent-Length: 4",
            "Content-Length: 4\r\nContent-Length: 5",
            "Content-Length: 4, 4",
            "Content-Length: +4",
            "Content-Length: 0x4",
            "Content-Length:",
            "Content-Length: 99999999999999999999",
            "Transfer-Encoding: gzip, chunked",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked, identity",
            "Transfer-Encoding: xchunked",
            "Transfer-Encoding: \"chunked\"",
            "Transfer-Encoding:\x0bchunked",
            "Transfer-Encoding : chunked",
            " Transfer-Encoding: chunked",
            "X: a\r\n b",
            "X: a\r\n\tb",
            "X: a\rb",
            "X: a\0b",
            "X",
            "Host: other",
        ] {
            let text = format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n");
            assert_eq!(refused(&text), Refused::Malformed, "{fields:?}");
        }
        assert_eq!(refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), Refused::Malformed);
    }

    #[test]
    fn hosts_and_targets_that_lead_astray_are_refused() {
        for text in [
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost:\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
            "GET http://a@b/ HTTP/1.1\r\nHost: b\r\n\r\n",
            "GET http://a?b HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET a HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
        ] {
            assert_eq!(refused(text), Refused::Malformed, "{text:?}");
        }
        assert_eq!(refused("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"), Refused::Method);
        assert_eq!(refused("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"), Refused::Method);
        assert_eq!(refused("GET / HTTP/3.7\r\nHost: a\r\n\r\n"), Refused::Version);
        assert!(try_parse("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n").is_ok());
        assert!(try_parse("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").is_ok());
    }

    #[test]
    fn large_heads_are_refused_before_they_are_whole() {
        let text = format!("GET /{} HTTP/1.1\r\nHost: a\r\n", "a".repeat(5000));
        assert_eq!(refused(&text), Refused::HeadTooLarge);
        let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "A: b\r\n".repeat(200));
        assert_eq!(refused(&many), Refused::HeadTooLarge);
        assert!(matches!(try_parse("GET / HT"), Err(None)));
        assert!(matches!(try_parse("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Err(None)));
    }

    #[test]
    fn cookies_are_found_in_any_field() {
        let mut map = HeaderMap::new();
        map.append("cookie", "a=1; gate=2".parse().unwrap());
        map.append("cookie", "ticket=3=; gate=4".parse().unwrap());
        let peer = Peer::of("192.0.2.1:1".parse().unwrap());
        let head = Head {
            method: "GET",
            target: "/x?y",
            host: "a",
            site: 0,
            peer: &peer,
            client: Client { address: peer.address.ip(), https: false },
            version: Version::HTTP_2,
            fields: Fields::Map(&map),
        };
        assert_eq!(
            (head.cookie("gate"), head.cookie("ticket"), head.cookie("t")),
            (Some("2"), Some("3="), None)
        );
        assert_eq!((head.path(), head.to_map().len()), ("/x", 2));
        let of = |line| in_line(line, b"gate");
        assert_eq!(
            (of(b"gate=a;b"), of(b"a;gate=b;gate=c"), of(b"a=gate=1; \tgate=")),
            (Some(&b"a"[..]), Some(&b"b"[..]), Some(&b""[..]))
        );
        assert_eq!(
            (of(b""), of(b";;"), of(b"gate"), of(b"xgate=1; gate2=3; Gate=4;")),
            (None, None, None, None)
        );
    }

    #[test]
    fn a_byte_is_found_where_it_first_stands() {
        for length in 0..40 {
            for at in 0..length {
                // Its neighbours differ from it by one, and there is another behind.
                let mut line = vec![b';' + 1; length];
                line[..at].fill(b';' - 1);
                (line[at], line[length - 1]) = (b';', b';');
                assert_eq!(place_of(b';', &line), Some(at), "{line:?}");
            }
            assert_eq!(place_of(b';', &vec![b';' ^ 0x80; length]), None);
        }
    }

    #[test]
    fn a_host_ends_where_its_port_begins() {
        let hosts = ["a.example:80", "a.example", "[::1]:80", "[::1]", "", ":", "[::1", "é:1"].map(host_of);
        assert_eq!(hosts, ["a.example", "a.example", "[::1]", "[::1]", "", "", "[", "é"]);
    }

    #[test]
    fn requests_from_hyper_are_judged_alike() {
        let judged = |request: http::request::Builder| judge(&request.body(()).unwrap()).map(|_| ());
        assert_eq!(judged(Request::get("/").header("host", "a")), Ok(()));
        assert_eq!(judged(Request::get("/")), Err(Refused::Malformed));
        assert_eq!(
            judged(Request::get("/").header("host", "a").header("host", "b")),
            Err(Refused::Malformed)
        );
        let both = Request::post("/").header("host", "a").header("content-length", "1");
        assert_eq!(judged(both.header("transfer-encoding", "chunked")), Err(Refused::Malformed));
        let two = Request::get("https://a/").version(Version::HTTP_2).header("host", "b");
        assert_eq!(judged(two), Err(Refused::Malformed));
        assert_eq!(judged(Request::builder().method("TRACE").uri("/")), Err(Refused::Method));
    }
}
