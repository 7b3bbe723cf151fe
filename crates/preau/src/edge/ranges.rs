//! The part of a file that a client asks for (RFC 9110, section 14): one range of bytes, or all of it.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use std::ops::Range;

/// A part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    All,
    /// From the first to the last byte, both included.
    Bytes(u64, u64),
    /// None of it: it is shorter.
    Beyond,
}

impl Part {
    /// The part of a file of `size` bytes that `headers` ask for. `tag` says which file it is, quotes included: whoever
    /// has a part of another one already (`If-Range`) gets all of this one.
    pub fn asked(headers: &HeaderMap, size: u64, tag: &str) -> Part {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let fresh = text(header::IF_RANGE).is_none_or(|known| known == tag);
        part_of(text(header::RANGE).filter(|_| fresh), size)
    }

    /// Which bytes that are.
    pub fn bytes(self, size: u64) -> Range<u64> {
        match self {
            Part::All => 0..size,
            Part::Bytes(from, to) => from..to + 1,
            Part::Beyond => 0..0,
        }
    }

    /// The answer with these bytes, which `body` yields, and the headers that say which part of the file they are.
    pub fn answer(self, body: Body, size: u64, tag: &str) -> Response {
        let bytes = self.bytes(size);
        let (status, range) = match self {
            Part::All => (StatusCode::OK, None),
            Part::Bytes(from, to) => (StatusCode::PARTIAL_CONTENT, Some(format!("bytes {from}-{to}/{size}"))),
            Part::Beyond => (StatusCode::RANGE_NOT_SATISFIABLE, Some(format!("bytes */{size}"))),
        };
        let mut response = (status, body).into_response();
        let length = (bytes.end - bytes.start).to_string();
        let headers = [
            (header::CONTENT_LENGTH, Some(length)),
            (header::ACCEPT_RANGES, Some("bytes".to_owned())),
            (header::ETAG, Some(tag.to_owned())),
            (header::CONTENT_RANGE, range),
        ];
        for (name, value) in headers {
            if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

/// Reads a `Range` of a file of `size` bytes. What is no single range of bytes is as good as none.
fn part_of(range: Option<&str>, size: u64) -> Part {
    let Some((from, to)) = range.and_then(|range| range.trim().strip_prefix("bytes=")?.split_once('-'))
    else {
        return Part::All;
    };
    let (from, to) = (from.trim(), to.trim());
    let number = |text: &str| {
        let digits = !text.is_empty() && text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u64>().ok()).flatten()
    };
    match (number(from), number(to)) {
        (Some(from), Some(to)) if from <= to && from < size => Part::Bytes(from, to.min(size - 1)),
        (Some(from), None) if to.is_empty() && from < size => Part::Bytes(from, size - 1),
        // The last so many bytes.
        (None, Some(last)) if from.is_empty() && last > 0 && size > 0 => {
            Part::Bytes(size.saturating_sub(last), size - 1)
        }
        (Some(from), Some(to)) if from <= to => Part::Beyond,
        (Some(_), None) if to.is_empty() => Part::Beyond,
        (None, Some(_)) if from.is_empty() => Part::Beyond,
        _ => Part::All,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_has_them() {
        for (range, part) in [
            (None, Part::All),
            (Some("bytes=0-"), Part::Bytes(0, 99)),
            (Some("bytes=10-19"), Part::Bytes(10, 19)),
            (Some("bytes=90-1000"), Part::Bytes(90, 99)),
            (Some("bytes=-20"), Part::Bytes(80, 99)),
            (Some("bytes=-200"), Part::Bytes(0, 99)),
            (Some("bytes=100-"), Part::Beyond),
            (Some("bytes=-0"), Part::Beyond),
            (Some("bytes=20-10"), Part::All),
            (Some("bytes=0-1,5-6"), Part::All),
            (Some("lines=1-2"), Part::All),
            (Some("bytes=--5"), Part::All),
        ] {
            assert_eq!(part_of(range, 100), part, "{range:?}");
        }
        assert_eq!(part_of(Some("bytes=0-"), 0), Part::Beyond);
    }

    #[test]
    fn a_part_of_another_file_is_not_continued() {
        let headers = |known: &'static str| {
            HeaderMap::from_iter([
                (header::RANGE, HeaderValue::from_static("bytes=2-4")),
                (header::IF_RANGE, HeaderValue::from_static(known)),
            ])
        };
        assert_eq!(Part::asked(&headers("\"a\""), 9, "\"a\""), Part::Bytes(2, 4));
        assert_eq!(Part::asked(&headers("\"b\""), 9, "\"a\""), Part::All);
        // A date names no file of ours.
        assert_eq!(Part::asked(&headers("Sun, 06 Nov 1994 08:49:37 GMT"), 9, "\"a\""), Part::All);
    }
}
