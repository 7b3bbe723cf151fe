//! The PROXY protocol, versions 1 and 2: who the client really is, said by a load balancer in front.
//!
//! A reader of bytes (haproxy.org, doc/proxy-protocol.txt); whether the sender may be believed is decided
//! by [`crate::Trusted`]. Invariant: a header is taken only whole and only if every byte of it is as
//! specified; lengths are bounded by the format (107 bytes, and 16 + 65,535).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The longest header of version 1, with its line end.
const LINE: usize = 107;
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// The longest header of version 2 that is read: addresses and a few hundred bytes of extensions.
const BLOCK: usize = 16 + 2048;

/// What stands at the beginning of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyHeader {
    /// More bytes are needed.
    Partial,
    /// A header of `length` bytes; without a client when the sender speaks for itself (health checks).
    Whole {
        /// Where the client comes from.
        client: Option<SocketAddr>,
        /// Bytes to skip.
        length: usize,
    },
    /// No PROXY header, or a broken one: the connection must be closed (section 2 of the specification).
    Invalid,
}

/// Reads the header at the beginning of `bytes`.
#[must_use]
pub fn parse(bytes: &[u8]) -> ProxyHeader {
    let shared = bytes.len().min(SIGNATURE.len());
    if bytes[..shared] == SIGNATURE[..shared] && !bytes.is_empty() {
        return binary(bytes);
    }
    let shared = bytes.len().min(6);
    if bytes[..shared] == b"PROXY "[..shared] { line(bytes) } else { ProxyHeader::Invalid }
}

fn line(bytes: &[u8]) -> ProxyHeader {
    let window = &bytes[..bytes.len().min(LINE)];
    let Some(end) = window.windows(2).position(|pair| pair == b"\r\n") else {
        return if bytes.len() >= LINE { ProxyHeader::Invalid } else { ProxyHeader::Partial };
    };
    let length = end + 2;
    let Some(text) = std::str::from_utf8(&bytes[..end]).ok().and_then(|text| text.strip_prefix("PROXY "))
    else {
        return ProxyHeader::Invalid;
    };
    // After UNKNOWN anything may stand (section 2.1).
    if text == "UNKNOWN" || text.starts_with("UNKNOWN ") {
        return ProxyHeader::Whole { client: None, length };
    }
    let client = match text.split(' ').collect::<Vec<_>>()[..] {
        ["TCP4", source, target, from, to] => {
            let ends = (source.parse::<Ipv4Addr>().ok(), target.parse::<Ipv4Addr>().ok());
            ends.0.zip(ends.1).and_then(|(source, _)| between(source.into(), from, to))
        }
        ["TCP6", source, target, from, to] => {
            let ends = (source.parse::<Ipv6Addr>().ok(), target.parse::<Ipv6Addr>().ok());
            ends.0.zip(ends.1).and_then(|(source, _)| between(source.into(), from, to))
        }
        _ => None,
    };
    match client {
        Some(client) => ProxyHeader::Whole { client: Some(client), length },
        None => ProxyHeader::Invalid,
    }
}

fn between(source: IpAddr, from: &str, to: &str) -> Option<SocketAddr> {
    let port = |text: &str| {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
        plain.then(|| text.parse::<u16>().ok()).flatten()
    };
    port(to)?;
    Some(SocketAddr::new(source, port(from)?))
}

fn binary(bytes: &[u8]) -> ProxyHeader {
    let Some((head, rest)) = bytes.split_first_chunk::<16>() else { return ProxyHeader::Partial };
    let (version, command, family) = (head[12] >> 4, head[12] & 15, head[13]);
    let body = usize::from(u16::from_be_bytes([head[14], head[15]]));
    let length = 16 + body;
    if version != 2 || command > 1 || length > BLOCK {
        return ProxyHeader::Invalid;
    }
    let Some(body) = rest.get(..body) else { return ProxyHeader::Partial };
    // LOCAL: the balancer itself asks; addresses are to be ignored (section 2.2).
    if command == 0 {
        return ProxyHeader::Whole { client: None, length };
    }
    let client = match family {
        // Over TCP or UDP, IPv4: two addresses, two ports.
        0x11 | 0x12 => body.first_chunk::<12>().map(|block| {
            let port = u16::from_be_bytes([block[8], block[9]]);
            SocketAddr::from(([block[0], block[1], block[2], block[3]], port))
        }),
        0x21 | 0x22 => body.first_chunk::<36>().map(|block| {
            let port = u16::from_be_bytes([block[32], block[33]]);
            let mut octets = [0; 16];
            octets.copy_from_slice(&block[..16]);
            SocketAddr::from((octets, port))
        }),
        // Unspecified, or a UNIX socket: nobody with an address.
        0x00 | 0x31 | 0x32 => return ProxyHeader::Whole { client: None, length },
        _ => None,
    };
    match client {
        Some(client) => ProxyHeader::Whole { client: Some(client), length },
        None => ProxyHeader::Invalid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole(client: &str, length: usize) -> ProxyHeader {
        ProxyHeader::Whole { client: client.parse().ok(), length }
    }

    fn block(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([0x20 | command, family]);
        bytes.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
        bytes.extend(body);
        bytes
    }

    #[test]
    fn lines_of_version_one() {
        let text = "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n";
        assert_eq!(parse(format!("{text}GET /").as_bytes()), whole("192.0.2.7:56324", text.len()));
        let text = "PROXY TCP6 2001:db8::7 2001:db8::1 56324 443\r\n";
        assert_eq!(parse(text.as_bytes()), whole("[2001:db8::7]:56324", text.len()));
        assert_eq!(parse(b"PROXY UNKNOWN\r\n"), whole("", 15));
        assert_eq!(parse(b"PROXY UNKNOWN anything at all\r\n"), whole("", 31));
        for bad in [
            "GET / HTTP/1.1\r\n\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 56324\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443 9\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 +1 443\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 01 443\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 70000 443\r\n",
            "PROXY TCP4  192.0.2.7 198.51.100.1 1 443\r\n",
            "PROXY TCP4 ::1 198.51.100.1 1 443\r\n",
            "PROXY TCP6 192.0.2.7 198.51.100.1 1 443\r\n",
            "PROXY UDP4 192.0.2.7 198.51.100.1 1 443\r\n",
            "PROXY UNKNOWNX\r\n",
        ] {
            assert_eq!(parse(bad.as_bytes()), ProxyHeader::Invalid, "{bad}");
        }
        assert_eq!(parse(format!("PROXY UNKNOWN {}", "x".repeat(100)).as_bytes()), ProxyHeader::Invalid);
    }

    #[test]
    fn blocks_of_version_two() {
        let four = [192, 0, 2, 7, 198, 51, 100, 1, 0xdc, 0x04, 0x01, 0xbb];
        let bytes = block(1, 0x11, &four);
        assert_eq!(parse(&bytes), whole("192.0.2.7:56324", 28));
        // Extensions follow the addresses and are skipped.
        let extended = block(1, 0x11, &[&four[..], &[0x03, 0, 4, 1, 2, 3, 4]].concat());
        assert_eq!(parse(&extended), whole("192.0.2.7:56324", 35));
        let mut six = [0; 36];
        six[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
        six[15] = 7;
        six[32..].copy_from_slice(&[0xdc, 0x04, 0x01, 0xbb]);
        assert_eq!(parse(&block(1, 0x21, &six)), whole("[2001:db8::7]:56324", 52));
        assert_eq!(parse(&block(0, 0x11, &four)), whole("", 28));
        assert_eq!(parse(&block(1, 0x00, &[])), whole("", 16));
        assert_eq!(parse(&block(1, 0x31, &[0; 216])), whole("", 232));
        assert_eq!(parse(&block(1, 0x11, &four[..11])), ProxyHeader::Invalid);
        assert_eq!(parse(&block(2, 0x11, &four)), ProxyHeader::Invalid);
        assert_eq!(parse(&block(1, 0x13, &four)), ProxyHeader::Invalid);
        assert_eq!(parse(&block(1, 0x11, &[0; 4000])), ProxyHeader::Invalid);
    }

    proptest! {
        /// Whatever arrives, and however it is cut: a verdict on a prefix is never taken back.
        #[test]
        fn a_verdict_on_a_prefix_stands(
            body in proptest::collection::vec(any::<u8>(), 0..64),
            command in 0_u8..4, family in any::<u8>(), cut in any::<prop::sample::Index>(),
        ) {
            let bytes = block(command, family, &body);
            let cut = cut.index(bytes.len());
            match parse(&bytes[..cut]) {
                ProxyHeader::Partial => {}
                verdict => prop_assert_eq!(verdict, parse(&bytes)),
            }
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let ProxyHeader::Whole { length, .. } = parse(&bytes) {
                prop_assert!(length <= bytes.len());
            }
        }
    }
}
