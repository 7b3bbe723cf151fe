//! Who asks: the other end of a connection, the networks that may speak for others, and the client that
//! a trusted one names.
//!
//! Nothing here reads from the network. Invariant: an address that a stranger wrote into a field is never
//! believed; the chain is read from the right, and the first one that is not trusted is the client.

use crate::head::{Fields, tokens};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

/// The other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Its address, or the one that a trusted load balancer named by the PROXY protocol.
    pub address: SocketAddr,
    /// Whether it came over TLS.
    pub https: bool,
    /// Whether it may name other clients in `Forwarded` and `X-Forwarded-*`.
    pub trusted: bool,
}

impl Peer {
    /// A peer on a plain connection that is not trusted.
    #[must_use]
    pub fn of(address: SocketAddr) -> Peer {
        Peer {
            address: SocketAddr::new(address.ip().to_canonical(), address.port()),
            https: false,
            trusted: false,
        }
    }
}

/// Networks whose hosts may say who the client is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trusted(Vec<IpNet>);

impl Trusted {
    /// Reads addresses and networks: `10.0.0.0/8`, `::1`.
    ///
    /// # Errors
    /// The first text that is neither.
    pub fn parse<'t>(networks: impl IntoIterator<Item = &'t str>) -> Result<Trusted, String> {
        let network = |text: &str| {
            let address = || text.parse::<IpAddr>().map(IpNet::from);
            text.parse::<IpNet>().or_else(|_| address()).map_err(|_| text.to_owned())
        };
        networks.into_iter().map(network).collect::<Result<_, _>>().map(Trusted)
    }

    /// Is this address one of them? An IPv4 address in IPv6 clothes is judged as IPv4.
    #[must_use]
    pub fn has(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// The client of one request, as far as it can be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// Its address.
    pub address: IpAddr,
    /// Whether it speaks HTTPS, to us or to the load balancer in front.
    pub https: bool,
}

impl Client {
    /// Reads the chain that a trusted peer has sent; of anybody else the peer itself.
    #[must_use]
    pub(crate) fn of(peer: &Peer, trusted: &Trusted, fields: Fields<'_>) -> Client {
        let mut client = Client { address: peer.address.ip(), https: peer.https };
        if !peer.trusted {
            return client;
        }
        let mut chain: Vec<IpAddr> = Vec::new();
        fields.each("x-forwarded-for", |line| {
            for entry in tokens(line) {
                match std::str::from_utf8(entry).ok().and_then(|text| text.parse().ok()) {
                    Some(address) => chain.push(address),
                    // Whatever stands left of something unreadable cannot be checked.
                    None => chain.clear(),
                }
            }
        });
        for address in chain.into_iter().rev() {
            client.address = address.to_canonical();
            if !trusted.has(address) {
                break;
            }
        }
        match fields.first("x-forwarded-proto") {
            Some(b"https") => client.https = true,
            Some(b"http") => client.https = false,
            _ => {}
        }
        client
    }
}

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const REAL: HeaderName = HeaderName::from_static("x-real-ip");

/// Tells the upstream who asked: adds to what a trusted peer said, replaces what anybody else said
/// (RFC 7239 for `Forwarded`; the older names are what most services read).
pub(crate) fn introduce(peer: &Peer, authority: &str, fields: &mut HeaderMap) {
    let address = peer.address.ip();
    let scheme = if peer.https { "https" } else { "http" };
    let node = match address {
        IpAddr::V4(address) => format!("for={address}"),
        IpAddr::V6(address) => format!("for=\"[{address}]\""),
    };
    if peer.trusted {
        append(fields, &FOR, &address.to_string());
        if !fields.contains_key(&PROTO) {
            fields.insert(PROTO, HeaderValue::from_static(scheme));
        }
        if !fields.contains_key(&HOST) {
            set(fields, &HOST, authority);
        }
        append(fields, &header::FORWARDED, &node);
        return;
    }
    fields.remove(&PORT);
    fields.remove(&REAL);
    set(fields, &FOR, &address.to_string());
    fields.insert(PROTO, HeaderValue::from_static(scheme));
    set(fields, &HOST, authority);
    // An authority holds no quote and no backslash: `head` has judged it.
    set(fields, &header::FORWARDED, &format!("{node};host=\"{authority}\";proto={scheme}"));
}

fn set(fields: &mut HeaderMap, name: &HeaderName, text: &str) {
    match HeaderValue::from_str(text) {
        Ok(value) => {
            fields.insert(name, value);
        }
        Err(_) => {
            fields.remove(name);
        }
    }
}

/// Joins what is there in one line, as RFC 9110 section 5.3 allows.
fn append(fields: &mut HeaderMap, name: &HeaderName, text: &str) {
    let mut line = String::new();
    for value in fields.get_all(name) {
        line += value.to_str().unwrap_or("unknown");
        line += ", ";
    }
    line += text;
    set(fields, name, &line);
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
    fn networks_are_matched_in_both_families() {
        let trusted = Trusted::parse(["10.0.0.0/8", "::1", "2001:db8::/32"]).unwrap();
        for (address, is) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("11.0.0.1", false),
            ("::1", true),
            ("::2", false),
        ] {
            assert_eq!(trusted.has(address.parse().unwrap()), is, "{address}");
        }
        assert_eq!(Trusted::parse(["10.0.0.0/33"]), Err("10.0.0.0/33".to_owned()));
    }

    #[test]
    fn the_chain_is_read_from_the_right() {
        let trusted = Trusted::parse(["10.0.0.0/8"]).unwrap();
        let mut peer = Peer::of("10.0.0.1:5".parse().unwrap());
        let chain =
            fields(&[("x-forwarded-for", "203.0.113.9, 198.51.100.7"), ("x-forwarded-for", "10.0.0.2")]);
        assert_eq!(Client::of(&peer, &trusted, Fields::Map(&chain)).address.to_string(), "10.0.0.1");
        peer.trusted = true;
        assert_eq!(Client::of(&peer, &trusted, Fields::Map(&chain)).address.to_string(), "198.51.100.7");
        let garbled =
            fields(&[("x-forwarded-for", "203.0.113.9, nonsense, 10.0.0.2"), ("x-forwarded-proto", "https")]);
        let client = Client::of(&peer, &trusted, Fields::Map(&garbled));
        assert_eq!((client.address.to_string().as_str(), client.https), ("10.0.0.2", true));
    }

    #[test]
    fn a_stranger_introduces_nobody() {
        let lies = [
            ("x-forwarded-for", "1.1.1.1"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "evil.example"),
            ("x-real-ip", "1.1.1.1"),
            ("forwarded", "for=1.1.1.1"),
        ];
        let mut map = fields(&lies);
        let peer = Peer::of("[2001:db8::7]:9".parse().unwrap());
        introduce(&peer, "ent.example", &mut map);
        assert_eq!(map["x-forwarded-for"], "2001:db8::7");
        assert_eq!(map["x-forwarded-proto"], "http");
        assert_eq!(map["x-forwarded-host"], "ent.example");
        assert_eq!(map["forwarded"], "for=\"[2001:db8::7]\";host=\"ent.example\";proto=http");
        assert!(!map.contains_key("x-real-ip"));
    }

    #[test]
    fn a_trusted_one_is_added_to_the_chain() {
        let mut map = fields(&[("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "https")]);
        let peer = Peer { trusted: true, ..Peer::of("10.0.0.1:9".parse().unwrap()) };
        introduce(&peer, "ent.example", &mut map);
        assert_eq!(map["x-forwarded-for"], "203.0.113.9, 10.0.0.1");
        assert_eq!(map["x-forwarded-proto"], "https");
        assert_eq!(map["forwarded"], "for=10.0.0.1");
    }
}
