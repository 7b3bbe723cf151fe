//! An answer from memory: status, header fields, body; written as bytes on the light path and as a
//! response on the others.
//!
//! It never streams. Invariant: what is written has exactly one length, counted from the body itself.

use crate::Body;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, Version, header};
use std::cell::RefCell;
use std::io::Write as _;
use std::time::{Duration, Instant, SystemTime};

/// A whole answer, ready to be sent.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: StatusCode,
    /// Fields, without `Content-Length`, `Date` and `Connection`, which are written from the rest.
    pub fields: Vec<(HeaderName, HeaderValue)>,
    /// The body; not sent on HEAD, but counted.
    pub body: Bytes,
    /// Whether the connection ends with this answer: whoever comes back in a minute needs it no more.
    pub close: bool,
}

impl Answer {
    /// An answer without fields.
    #[must_use]
    pub fn new(status: StatusCode, body: Bytes) -> Answer {
        Answer { status, fields: Vec::new(), body, close: false }
    }

    /// Adds a field.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Answer {
        self.fields.push((name, value));
        self
    }

    /// As bytes of HTTP/1.1, appended to `out` (RFC 9112 section 4).
    pub(crate) fn write(&self, out: &mut Vec<u8>, head_only: bool, keep_alive: bool) {
        let reason = self.status.canonical_reason().unwrap_or("-");
        out.extend_from_slice(b"HTTP/1.1 ");
        out.extend_from_slice(self.status.as_str().as_bytes());
        out.push(b' ');
        out.extend_from_slice(reason.as_bytes());
        out.extend_from_slice(b"\r\ndate: ");
        date(out);
        for (name, value) in &self.fields {
            out.extend_from_slice(b"\r\n");
            out.extend_from_slice(name.as_str().as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value.as_bytes());
        }
        if self.has_body() {
            // Writing to a Vec cannot fail.
            let _ = write!(out, "\r\ncontent-length: {}", self.body.len());
        }
        out.extend_from_slice(if keep_alive && !self.close {
            b"\r\n\r\n"
        } else {
            b"\r\nconnection: close\r\n\r\n"
        });
        if !head_only && self.has_body() {
            out.extend_from_slice(&self.body);
        }
    }

    /// As a response for hyper.
    pub(crate) fn into_response(self, version: Version) -> Response<Body> {
        let body = if self.has_body() { Body::full(self.body) } else { Body::empty() };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        for (name, value) in self.fields {
            response.headers_mut().append(name, value);
        }
        if self.close && version < Version::HTTP_2 {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// 204 and 304 end with their head (RFC 9112 section 6.3).
    fn has_body(&self) -> bool {
        self.status != StatusCode::NO_CONTENT && self.status != StatusCode::NOT_MODIFIED
    }
}

/// The date (RFC 9110 section 6.6.1), formatted once a second and thread.
pub(crate) fn date(out: &mut Vec<u8>) {
    thread_local! {
        static DATE: RefCell<Option<(Instant, String)>> = const { RefCell::new(None) };
    }
    DATE.with_borrow_mut(|date| {
        let fresh = date.as_ref().is_some_and(|(since, _)| since.elapsed() < Duration::from_secs(1));
        if !fresh {
            *date = Some((Instant::now(), httpdate::fmt_http_date(SystemTime::now())));
        }
        if let Some((_, text)) = date {
            out.extend_from_slice(text.as_bytes());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(answer: &Answer, head_only: bool, keep_alive: bool) -> String {
        let mut out = Vec::new();
        answer.write(&mut out, head_only, keep_alive);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn head_counts_what_get_sends() {
        let answer = Answer::new(StatusCode::OK, Bytes::from_static(b"hello"))
            .with(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        let get = text(&answer, false, true);
        assert!(get.starts_with("HTTP/1.1 200 OK\r\ndate: "), "{get}");
        assert!(get.ends_with("\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello"), "{get}");
        let head = text(&answer, true, false);
        assert!(head.ends_with("\r\ncontent-length: 5\r\nconnection: close\r\n\r\n"), "{head}");
    }

    #[test]
    fn no_content_has_no_length() {
        let answer = Answer::new(StatusCode::NO_CONTENT, Bytes::from_static(b"ignored"));
        let sent = text(&answer, false, true);
        assert!(!sent.contains("content-length") && sent.ends_with("\r\n\r\n"), "{sent}");
    }
}
