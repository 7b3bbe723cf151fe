//! Static files from the binary, under names made of their content.

use super::{Audience, Cost, Refusal, Routes};
use crate::ui::{assets, served};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, Uri, header};

/// `/static/…`
pub fn static_files() -> Routes<()> {
    Routes::new().get("/static/{*path}", Audience::Anyone, Cost::Static, file)
}

async fn file(uri: Uri, headers: HeaderMap) -> Result<Response, Refusal> {
    let asset = served(uri.path()).ok_or(Refusal::NotFound)?;
    let accepted =
        headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (bytes, encoding) = asset.bytes(accepted);
    let mut response = (
        [
            (header::CONTENT_TYPE, asset.kind),
            (header::CACHE_CONTROL, assets::CACHE),
            (header::VARY, "accept-encoding"),
        ],
        bytes,
    )
        .into_response();
    if let Some(encoding) = encoding.header() {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    Ok(response)
}
