//! Pages leave compressed: on a weak link a list of a school's pupils is eight kilobytes instead of 170.
//!
//! Only HTML, at the fastest level: style and scripts are compressed when the binary is built, pictures
//! and files are dense already, and a stream of events must not wait for a buffer to fill. Form tokens are
//! masked anew in every page (see `csrf`), so that lengths betray nothing (BREACH).

use http::{Extensions, HeaderMap, StatusCode, Version, header};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{And, Predicate as _, SizeAbove};

/// What fits into one packet gains nothing, in bytes.
const WORTH_IT: u64 = 1_300;

type OnlyPages = fn(StatusCode, Version, &HeaderMap, &Extensions) -> bool;

/// The layer that does it.
pub fn compression() -> CompressionLayer<And<SizeAbove, OnlyPages>> {
    let only_pages: OnlyPages = |_, _, headers, _| {
        headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
    };
    CompressionLayer::new()
        .quality(tower_http::CompressionLevel::Fastest)
        .compress_when(SizeAbove::new(WORTH_IT).and(only_pages))
}
