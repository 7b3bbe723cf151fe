//! Where an answer ends: the head of a response, read strictly, and its body, framed anew as it passes.
//!
//! Pure: bytes in, bytes out. It decides nothing about requests and keeps nothing of a body. Invariants:
//! an answer whose end two readers could see in two places is [`Odd`]; what goes out does not depend on
//! the pieces in which a body came in, unless its only end is that of the connection (RFC 9112 section 6.3).

use crate::head::{length, tokens};
use std::io::Write as _;
use std::mem::MaybeUninit;

/// Bytes that the extensions of all chunks of one body, or its trailer, may have: nobody sends any.
const MOST_ASIDE: u32 = 16 * 1024;

/// Not HTTP, or an end that could be read in two ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an answer that is no HTTP, or could be read in two ways")]
pub struct Odd;

/// Where the body of a response ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With the head.
    Head,
    /// After this many bytes.
    Length(u64),
    /// With the last chunk.
    Chunks,
    /// With the connection.
    Close,
}

/// The head of a response of HTTP/1.x.
#[derive(Debug, Clone, Copy)]
pub struct ResponseHead<'a> {
    /// The status code, 100 to 999.
    pub status: u16,
    /// The words behind it; may be empty.
    pub reason: &'a str,
    /// Whether the connection may carry another exchange afterwards.
    pub keep_alive: bool,
    /// Where the body ends.
    pub end: End,
    /// The length that the head tells: the body's, or the one that a GET would have had.
    pub length: Option<u64>,
    /// The fields.
    pub fields: &'a [httparse::Header<'a>],
}

/// Reads the head of a response from the beginning of `bytes`: `None` while it is not whole. `to_head`
/// says that the request was a HEAD. With the head comes its length in bytes.
///
/// # Errors
/// When it is not HTTP/1.x, or tells its end twice or in a way that not everybody reads alike.
pub fn read_response<'a>(
    bytes: &'a [u8],
    room: &'a mut [MaybeUninit<httparse::Header<'a>>],
    to_head: bool,
) -> Result<Option<(ResponseHead<'a>, usize)>, Odd> {
    let mut response = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    let taken = match config.parse_response_with_uninit_headers(&mut response, bytes, room) {
        Ok(httparse::Status::Complete(taken)) => taken,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(Odd),
    };
    let (Some(status @ 100..), Some(version)) = (response.code, response.version) else { return Err(Odd) };
    let (mut told, mut chunked) = (None, false);
    let (mut close, mut odd) = (version == 0, false);
    let fields: &[httparse::Header<'_>] = response.headers;
    for field in fields {
        match field.name.len() {
            10 if field.name.eq_ignore_ascii_case("connection") => {
                close |= tokens(field.value).any(|token| token.eq_ignore_ascii_case(b"close"));
            }
            14 if field.name.eq_ignore_ascii_case("content-length") => {
                let length = length(field.value);
                odd |= length.is_none() || told.is_some();
                told = length;
            }
            17 if field.name.eq_ignore_ascii_case("transfer-encoding") => {
                odd |= chunked || version == 0 || !field.value.eq_ignore_ascii_case(b"chunked");
                chunked = true;
            }
            _ => {}
        }
    }
    if odd || chunked && told.is_some() {
        return Err(Odd);
    }
    let end = match (status, told) {
        (100..200 | 204 | 304, _) => End::Head,
        _ if to_head => End::Head,
        _ if chunked => End::Chunks,
        (_, Some(0)) => End::Head,
        (_, Some(length)) => End::Length(length),
        (_, None) => End::Close,
    };
    let keep_alive = !close && end != End::Close;
    let reason = response.reason.unwrap_or_default();
    Ok(Some((ResponseHead { status, reason, keep_alive, end, length: told, fields }, taken)))
}

/// A body on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Framer(At);

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Done,
    /// Bytes of a body with a length.
    Length(u64),
    /// Bytes until the connection ends.
    Close,
    /// A digit of a chunk's size, of which there have been so many.
    Size {
        size: u64,
        digits: u8,
        aside: u32,
    },
    /// Blanks behind the digits, which some servers pad them with.
    Blank {
        size: u64,
        aside: u32,
    },
    /// An extension of the chunk, thrown away.
    Extension {
        size: u64,
        aside: u32,
    },
    /// The line feed behind the size.
    SizeEnd {
        size: u64,
        aside: u32,
    },
    /// Bytes of a chunk.
    Chunk {
        left: u64,
        aside: u32,
    },
    /// The two bytes behind a chunk.
    ChunkReturn {
        aside: u32,
    },
    ChunkEnd {
        aside: u32,
    },
    /// A line of the trailer, thrown away: its first byte, another, its line feed.
    Trailer {
        aside: u32,
    },
    TrailerLine {
        aside: u32,
    },
    TrailerEnd {
        aside: u32,
    },
    /// The line feed behind everything.
    Last,
}

impl Framer {
    /// For a body that ends so.
    #[must_use]
    pub fn new(end: End) -> Framer {
        Framer(match end {
            End::Head | End::Length(0) => At::Done,
            End::Length(length) => At::Length(length),
            End::Chunks => At::Size { size: 0, digits: 0, aside: 0 },
            End::Close => At::Close,
        })
    }

    /// Whether the body has ended.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.0 == At::Done
    }

    /// Of a body with a length: how many of these bytes are its own and go out as they are.
    #[must_use]
    pub fn plain(&mut self, bytes: &[u8]) -> Option<usize> {
        let At::Length(left) = self.0 else { return None };
        let taken = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        self.0 = match left - taken as u64 {
            0 => At::Done,
            left => At::Length(left),
        };
        Some(taken)
    }

    /// Takes what belongs to the body from the beginning of `bytes`, says how many that were, and appends
    /// what goes out for them. Takes all of them unless the body ends before.
    ///
    /// # Errors
    /// When chunks are not what RFC 9112 section 7.1 says; what has been appended may go out, and nothing
    /// after it.
    pub fn pass(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<usize, Odd> {
        if let Some(taken) = self.plain(bytes) {
            out.extend_from_slice(&bytes[..taken]);
            return Ok(taken);
        }
        if self.0 == At::Close {
            if !bytes.is_empty() {
                size_line(bytes.len() as u64, out);
                out.extend_from_slice(bytes);
                out.extend_from_slice(b"\r\n");
            }
            return Ok(bytes.len());
        }
        let mut taken = 0;
        while taken < bytes.len() && !self.is_done() {
            if let At::Chunk { left, aside } = self.0 {
                let rest = &bytes[taken..];
                let length = usize::try_from(left).map_or(rest.len(), |left| left.min(rest.len()));
                out.extend_from_slice(&rest[..length]);
                taken += length;
                self.0 = match left - length as u64 {
                    0 => At::ChunkReturn { aside },
                    left => At::Chunk { left, aside },
                };
                continue;
            }
            self.0 = self.0.after(bytes[taken], out)?;
            taken += 1;
        }
        Ok(taken)
    }

    /// The connection has ended: so has the body, or it has been cut off.
    ///
    /// # Errors
    /// When more should have come.
    pub fn close(&mut self, out: &mut Vec<u8>) -> Result<(), Odd> {
        match self.0 {
            At::Done => Ok(()),
            At::Close => {
                out.extend_from_slice(b"0\r\n\r\n");
                self.0 = At::Done;
                Ok(())
            }
            _ => Err(Odd),
        }
    }
}

impl At {
    /// What comes after this byte of what frames the chunks.
    fn after(self, byte: u8, out: &mut Vec<u8>) -> Result<At, Odd> {
        let more = |aside: u32| if aside < MOST_ASIDE { Ok(aside + 1) } else { Err(Odd) };
        // Nothing that could end a line for somebody else.
        let text = byte == b'\t' || byte >= b' ' && byte != 0x7f;
        Ok(match (self, byte) {
            (At::Size { size, digits: digits @ ..16, aside }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = char::from(byte).to_digit(16).ok_or(Odd)?;
                At::Size { size: size << 4 | u64::from(digit), digits: digits + 1, aside }
            }
            (At::Size { size, digits: 1.., aside } | At::Blank { size, aside }, b' ' | b'\t') => {
                At::Blank { size, aside: more(aside)? }
            }
            (At::Size { size, digits: 1.., aside } | At::Blank { size, aside }, b';') => {
                At::Extension { size, aside: more(aside)? }
            }
            (
                At::Size { size, digits: 1.., aside }
                | At::Blank { size, aside }
                | At::Extension { size, aside },
                b'\r',
            ) => At::SizeEnd { size, aside },
            (At::Extension { size, aside }, _) if text => At::Extension { size, aside: more(aside)? },
            (At::SizeEnd { size: 0, aside }, b'\n') => At::Trailer { aside },
            (At::SizeEnd { size, aside }, b'\n') => {
                size_line(size, out);
                At::Chunk { left: size, aside }
            }
            (At::ChunkReturn { aside }, b'\r') => At::ChunkEnd { aside },
            (At::ChunkEnd { aside }, b'\n') => {
                out.extend_from_slice(b"\r\n");
                At::Size { size: 0, digits: 0, aside }
            }
            (At::Trailer { .. }, b'\r') => At::Last,
            (At::TrailerLine { aside }, b'\r') => At::TrailerEnd { aside },
            (At::Trailer { aside } | At::TrailerLine { aside }, _) if text => {
                At::TrailerLine { aside: more(aside)? }
            }
            (At::TrailerEnd { aside }, b'\n') => At::Trailer { aside },
            (At::Last, b'\n') => {
                out.extend_from_slice(b"0\r\n\r\n");
                At::Done
            }
            _ => return Err(Odd),
        })
    }
}

fn size_line(size: u64, out: &mut Vec<u8>) {
    // Writing to a Vec cannot fail.
    let _ = write!(out, "{size:x}\r\n");
}
