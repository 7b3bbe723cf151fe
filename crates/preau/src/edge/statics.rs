//! Static files from the binary, under names made of their content; and the service worker, whose name must
//! stay.

use super::{Audience, Cost, Refusal, Routes};
use crate::ui::{assets, served};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, Uri, header};

/// The service worker's place, which must never change: browsers look there for a newer one. It stands at the
/// root because a worker acts below its own folder only.
const WORKER: &str = "/worker.js";
/// For a day a browser takes the worker from its own cache, so that nobody's first page in the morning asks
/// for it; after a day browsers look by themselves.
const WORKER_CACHE: &str = "public, max-age=86400";

/// The worker that takes the bytes of documents apart. A worker has the policy of its own script: this one may
/// reach nothing, and compile the readers of scanned pictures.
const READER: &str = "document-worker.js";
const READER_POLICY: &str = "default-src 'none'; script-src 'wasm-unsafe-eval'";

/// `/static/…` and the service worker.
pub fn static_files() -> Routes<()> {
    let routes = Routes::new().get("/static/{*path}", Audience::Anyone, Cost::Static, file);
    routes.get(WORKER, Audience::Anyone, Cost::Static, worker)
}

/// The service worker. Where the scripts were not built it is empty: a browser that has one lets it go.
async fn worker(headers: HeaderMap) -> Response {
    let path = assets::asset("worker.js");
    // The hashed path names the content, so it is a tag for it.
    let tag = HeaderValue::try_from(format!("\"{path}\"")).unwrap_or(HeaderValue::from_static("\"\""));
    let fields =
        [(header::ETAG, tag.clone()), (header::CACHE_CONTROL, HeaderValue::from_static(WORKER_CACHE))];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|sent| *sent == tag) {
        return (http::StatusCode::NOT_MODIFIED, fields).into_response();
    }
    match served(path) {
        Some(asset) => (fields, sent(asset, &headers)).into_response(),
        None => (fields, [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")]).into_response(),
    }
}

async fn file(uri: Uri, headers: HeaderMap) -> Result<Response, Refusal> {
    let asset = served(uri.path()).ok_or(Refusal::NotFound)?;
    Ok(([(header::CACHE_CONTROL, assets::CACHE)], sent(asset, &headers)).into_response())
}

/// The bytes of a file, written as the browser accepts them.
fn sent(asset: &'static assets::Asset, headers: &HeaderMap) -> Response {
    let accepted =
        headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (bytes, encoding) = asset.bytes(accepted);
    let fields = [(header::CONTENT_TYPE, asset.kind), (header::VARY, "accept-encoding")];
    let mut response = (fields, bytes).into_response();
    if asset.name == READER {
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(READER_POLICY));
    }
    if let Some(encoding) = encoding.header() {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}
