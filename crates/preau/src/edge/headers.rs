//! The security headers of every response.

use super::{Caller, Platform};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// One year, as browsers' preload lists ask.
const HSTS: &str = "max-age=31536000; includeSubDomains";

/// The outermost middleware: content security policy with this response's nonce, no framing, no
/// sniffing, no referrer to others, HSTS on TLS. Camera and microphone are for ourselves only.
pub async fn security_headers(State(platform): State<Platform>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let nonce = response.extensions().get::<Caller>().map(|caller| caller.nonce().to_owned());
    dressed(&platform, nonce.as_deref(), response.headers_mut());
    response
}

/// Puts the security headers on one response; a policy of its own stays.
pub(super) fn dressed(platform: &Platform, nonce: Option<&str>, headers: &mut HeaderMap) {
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        let scripts = nonce.map_or_else(|| "'self'".to_owned(), |nonce| format!("'self' 'nonce-{nonce}'"));
        // A page asks a LiveKit server why it refused; sockets are allowed to any place.
        let elsewhere = platform.config().live.url.as_deref().map(as_origin).unwrap_or_default();
        let policy = format!(
            "default-src 'none'; script-src {scripts}; style-src {scripts}; img-src 'self' data: blob:; \
             media-src 'self' blob:; font-src 'self'; connect-src 'self' ws: wss:{elsewhere}; manifest-src 'self'; \
             worker-src 'self' blob:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        );
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
    }
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(self), microphone=(self), display-capture=(self), geolocation=()",
        ),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if platform.is_secure() {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HSTS));
    }
}

/// An address for sockets as the origin of web requests, with a space before it.
fn as_origin(address: &str) -> String {
    let address = address.trim_end_matches('/');
    address.strip_prefix("ws").map_or_else(|| format!(" {address}"), |rest| format!(" http{rest}"))
}
