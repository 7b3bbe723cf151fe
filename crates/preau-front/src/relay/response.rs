//! The head of a response as the client gets it, written as bytes.
//!
//! It does to bytes what `upstream/forward.rs`, `heavy.rs` and hyper do together. It judges nothing: what
//! comes here has been read by [`crate::framing`]. Invariant: one framing, ours; nothing about the
//! connection to the upstream.

use super::request::line;
use crate::answer::date;
use crate::fields::{Named, of_the_connection};
use crate::framing::{End, Odd, ResponseHead};
use http::{HeaderValue, StatusCode};
use std::io::Write as _;

/// Whether the upstream says that the session is over.
pub(super) fn ends_session(head: &ResponseHead<'_>) -> bool {
    let said = head.fields.iter().find(|field| is_session(field.name));
    said.is_some_and(|field| field.value.eq_ignore_ascii_case(b"ended"))
}

fn is_session(name: &str) -> bool {
    name.len() == 13 && name.eq_ignore_ascii_case("preau-session")
}

/// Appends the head, with these cookies to set; `close` says that the connection ends with this answer.
pub(super) fn write<'c>(
    out: &mut Vec<u8>,
    head: &ResponseHead<'_>,
    cookies: impl Iterator<Item = &'c HeaderValue>,
    close: bool,
) -> Result<(), Odd> {
    let named = Named::of(head.fields).ok_or(Odd)?;
    let status = StatusCode::from_u16(head.status).map_err(|_| Odd)?;
    let reason = if head.reason.is_empty() { status.canonical_reason().unwrap_or("-") } else { head.reason };
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(reason.as_bytes());
    out.extend_from_slice(b"\r\n");
    let mut dated = false;
    for field in head.fields {
        let own = match field.name.len() {
            14 => field.name.eq_ignore_ascii_case("content-length"),
            13 => is_session(field.name),
            _ => false,
        };
        if own || of_the_connection(field.name) || named.has(field.name) {
            continue;
        }
        dated |= field.name.len() == 4 && field.name.eq_ignore_ascii_case("date");
        line(out, field.name, field.value);
    }
    for cookie in cookies {
        line(out, "set-cookie", cookie.as_bytes());
    }
    if !dated {
        out.extend_from_slice(b"date: ");
        date(out);
        out.extend_from_slice(b"\r\n");
    }
    match (head.end, head.length) {
        (End::Chunks | End::Close, _) => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        // 204 has no length at all, and that of 304 is of no use (RFC 9110 section 8.6).
        (End::Head | End::Length(_), Some(length)) if !matches!(head.status, 204 | 304) => {
            // Writing to a Vec cannot fail.
            let _ = write!(out, "content-length: {length}\r\n");
        }
        _ => {}
    }
    out.extend_from_slice(if close { b"connection: close\r\n\r\n" } else { b"\r\n" });
    Ok(())
}
