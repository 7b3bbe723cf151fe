//! A browser without a screen: keeps cookies, sends forms with their token, follows nothing by itself.

use crate::edge::{CsrfKey, Platform};
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use sha2::Digest as _;
use std::collections::BTreeMap;
use tower::ServiceExt as _;

/// A browser.
pub(crate) struct Client {
    router: Router,
    platform: Platform,
    session: Option<[u8; 32]>,
    cookies: BTreeMap<String, String>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    /// The body as text, with ordinary spaces where French typography has others.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).replace(['\u{a0}', '\u{202f}'], " ")
    }

    /// The body as text with ordinary blanks where the page has others, to look for sentences.
    pub(crate) fn words(&self) -> String {
        self.text().replace(['\u{a0}', '\u{202f}'], " ")
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a JSON document")
    }

    /// Where it sends the browser, or nothing.
    pub(crate) fn location(&self) -> &str {
        self.headers.get(header::LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Client {
    pub(super) fn new(router: Router, platform: Platform, session: Option<(String, [u8; 32])>) -> Client {
        let mut cookies = BTreeMap::new();
        let session = session.map(|(token, hash)| {
            cookies.insert("preau_session".to_owned(), token);
            hash
        });
        Client { router, platform, session, cookies }
    }

    /// From now on in front of `school`, as after a restart of the server; the cookies stay.
    pub(crate) fn moved_to(&mut self, school: &super::TestSchool) {
        self.router = school.app.router.clone();
        self.platform = school.app.platform.clone();
    }

    /// A cookie that the server has set.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    /// Puts a cookie by hand.
    pub(crate) fn set_cookie(&mut self, name: &str, value: &str) {
        self.cookies.insert(name.to_owned(), value.to_owned());
    }

    /// A token as a page for this client would carry it. Before sign-in a page must have been seen.
    pub(crate) fn csrf(&self) -> String {
        let signed_in =
            self.cookie("preau_session").map(|token| sha2::Sha256::digest(token.as_bytes()).into());
        match signed_in.or(self.session) {
            Some(hash) => CsrfKey::derive(self.platform.csrf_key(), &hash).token(),
            None => {
                let device = self.cookie("preau_device").and_then(|value| self.platform.device(value));
                device.map_or_else(String::new, |device| {
                    CsrfKey::derive(self.platform.csrf_key(), &device.bytes()).token()
                })
            }
        }
    }

    /// Reads a page.
    pub(crate) async fn get(&mut self, path: &str) -> Reply {
        self.send(Request::get(path).body(Body::empty()).expect("a request")).await
    }

    /// Reads a page, with further headers.
    pub(crate) async fn get_with(&mut self, path: &str, headers: &[(&'static str, &str)]) -> Reply {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::empty()).expect("a request")).await
    }

    /// Takes a cookie away.
    pub(crate) fn drop_cookie(&mut self, name: &str) {
        self.cookies.remove(name);
    }

    /// Sends a form with its token.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let csrf = self.csrf();
        let mut all = vec![("csrf", csrf.as_str())];
        all.extend_from_slice(fields);
        self.post_bare(path, &all).await
    }

    /// Sends a form exactly as given.
    pub(crate) async fn post_bare(&mut self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body))
            .expect("a request");
        self.send(request).await
    }

    /// Sends a JSON document as a script of ours does, with the token in its header.
    pub(crate) async fn post_json(&mut self, path: &str, document: &serde_json::Value) -> Reply {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json")
            .header("x-csrf-token", self.csrf())
            .body(Body::from(document.to_string()))
            .expect("a request");
        self.send(request).await
    }

    /// Sends a multipart form with its token and files (field, file name, bytes).
    pub(crate) async fn post_files(
        &mut self,
        path: &str,
        fields: &[(&str, &str)],
        files: &[(&str, &str, &[u8])],
    ) -> Reply {
        const LINE: &str = "----preau-test-boundary";
        let mut body = Vec::new();
        let csrf = self.csrf();
        for (name, value) in [("csrf", csrf.as_str())].iter().chain(fields) {
            let part =
                format!("--{LINE}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend_from_slice(part.as_bytes());
        }
        for (field, name, bytes) in files {
            let head = format!(
                "--{LINE}\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\
                 Content-Type: application/octet-stream\r\n\r\n"
            );
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{LINE}--\r\n").as_bytes());
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::CONTENT_TYPE, format!("multipart/form-data; boundary={LINE}"))
            .body(Body::from(body))
            .expect("a request");
        self.send(request).await
    }

    /// Sends any request with this browser's cookies.
    pub(crate) async fn send(&mut self, mut request: Request<Body>) -> Reply {
        let line =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        if !line.is_empty() {
            request.headers_mut().insert(header::COOKIE, line.parse().expect("cookies"));
        }
        let Ok(response) = self.router.clone().oneshot(request).await;
        let (parts, body) = response.into_parts();
        for set in parts.headers.get_all(header::SET_COOKIE) {
            let text = set.to_str().expect("a cookie");
            let (name, rest) = text.split_once('=').expect("a cookie");
            let (value, attributes) = rest.split_once(';').unwrap_or((rest, ""));
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        // A stream of events has no end; its status says enough.
        let endless = parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
        let body = if endless { Bytes::new() } else { whole(body).await };
        Reply { status: parts.status, headers: parts.headers, body }
    }
}

async fn whole(body: Body) -> Bytes {
    axum::body::to_bytes(body, 64 * 1024 * 1024).await.expect("a body")
}
