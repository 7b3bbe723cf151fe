//! Datagrams on a TCP connection (RFC 4571): each goes after its length, two bytes, high byte first.
//!
//! This is how ICE-TCP (RFC 6544) carries what otherwise travels over UDP, for networks that let no
//! UDP through. It only cuts and glues; who is on the other side is found out elsewhere.

/// Longest datagram taken from a stream, in bytes. WebRTC stays below an Ethernet frame; DTLS flights
/// may exceed it a little.
pub const MAX_DATAGRAM: usize = 4_096;

/// Cuts a stream of bytes into datagrams.
#[derive(Debug, Default)]
pub struct Deframer {
    /// The beginning of a datagram whose end has not come yet, its length included.
    rest: Vec<u8>,
}

/// The stream announces a datagram that is longer than [`MAX_DATAGRAM`]: it is not ICE, and the
/// connection should be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a datagram of {0} bytes was announced; at most {MAX_DATAGRAM} are taken")]
pub struct TooLong(pub usize);

impl Deframer {
    /// Takes bytes as they came, in pieces of any size, and hands on every complete datagram. Never
    /// keeps more than one datagram.
    ///
    /// # Errors
    /// [`TooLong`]; what came before it was handed on.
    pub fn push(&mut self, mut bytes: &[u8], mut each: impl FnMut(&[u8])) -> Result<(), TooLong> {
        loop {
            if self.rest.is_empty() {
                // The common case: whole datagrams, without copying.
                while let Some((datagram, after)) = split(bytes)? {
                    each(datagram);
                    bytes = after;
                }
                self.rest.extend_from_slice(bytes);
                return Ok(());
            }
            // First the length, then as much as it says.
            let wanted = match split_length(&self.rest)? {
                Some(length) => 2 + length - self.rest.len(),
                None => 2 - self.rest.len(),
            };
            let taken = wanted.min(bytes.len());
            self.rest.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            if let Some((datagram, _)) = split(&self.rest)? {
                each(datagram);
                self.rest.clear();
            } else if bytes.is_empty() {
                return Ok(());
            }
        }
    }
}

fn split_length(bytes: &[u8]) -> Result<Option<usize>, TooLong> {
    let (Some(high), Some(low)) = (bytes.first(), bytes.get(1)) else { return Ok(None) };
    let length = usize::from(*high) << 8 | usize::from(*low);
    if length > MAX_DATAGRAM { Err(TooLong(length)) } else { Ok(Some(length)) }
}

fn split(bytes: &[u8]) -> Result<Option<(&[u8], &[u8])>, TooLong> {
    let Some(length) = split_length(bytes)? else { return Ok(None) };
    Ok(bytes[2..].split_at_checked(length))
}

/// A datagram with its length before it. None when it is longer than two bytes can say.
pub fn frame(datagram: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(datagram.len()).ok()?;
    let mut framed = Vec::with_capacity(2 + datagram.len());
    framed.extend_from_slice(&length.to_be_bytes());
    framed.extend_from_slice(datagram);
    Some(framed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_length_beyond_the_bound_ends_it() {
        let mut deframer = Deframer::default();
        let mut seen = Vec::new();
        let mut bytes = frame(b"good").unwrap();
        bytes.extend([0x47, 0x45, 0x54, 0x20]);
        let result = deframer.push(&bytes, |datagram| seen.push(datagram.to_vec()));
        assert_eq!(result, Err(TooLong(0x4745)), "somebody speaks HTTP");
        assert_eq!(seen, [b"good".to_vec()]);
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_give_the_same_datagrams(
            datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20),
            cuts in prop::collection::vec(1usize..97, 1..40),
        ) {
            let stream: Vec<u8> = datagrams.iter().flat_map(|d| frame(d).unwrap()).collect();
            let mut deframer = Deframer::default();
            let mut seen = Vec::new();
            let (mut rest, mut cuts) = (&stream[..], cuts.iter().cycle());
            while !rest.is_empty() {
                let (piece, after) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
                deframer.push(piece, |datagram| seen.push(datagram.to_vec())).unwrap();
                rest = after;
            }
            prop_assert_eq!(seen, datagrams);
            prop_assert!(deframer.rest.is_empty());
        }
    }
}
