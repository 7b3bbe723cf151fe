//! Lock 1: the only place where a path meets a handler.
//!
//! A slice declares a page together with who it is for, what it costs and how large its body may be;
//! there is no other way to mount one (`clippy.toml` forbids `Router::route` elsewhere). The guard made
//! from that declaration runs before the handler: audience, forged requests, body limit.

use super::{Caller, Refusal};
use crate::access::{Actor, Profile};
use axum::Router;
use axum::extract::Request;
use axum::handler::Handler;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, on};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use http::{Method, header};

/// Who a page is for. It is the first lock, not the last: objects have policies of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Everybody, signed in or not. The marked exception: `tests/walk` lists every such route.
    Anyone,
    /// Everybody who is signed in.
    SignedIn,
    /// Signed-in people with one of these profiles in some school.
    Profiles(&'static [Profile]),
}

impl Audience {
    /// Whether `actor` belongs to it.
    pub fn includes(self, actor: &Actor) -> bool {
        match self {
            Audience::Anyone => true,
            Audience::SignedIn => actor.id().is_some(),
            Audience::Profiles(profiles) => profiles.iter().any(|profile| actor.has(*profile)),
        }
    }
}

/// What answering costs, as the gate counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cost {
    /// Bytes from memory: styles, `/now`.
    Static,
    /// An ordinary page: reads.
    Page,
    /// A write.
    Write,
    /// A download of many things at once: the first that is given up when more is asked for than can be done.
    Bulk,
    /// A password check.
    Password,
    /// Signalling of a live lesson; never queued for somebody who is inside.
    Live,
}

/// How large and of what kind a request's body may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// None, or a few bytes that nobody reads.
    None,
    /// A form or a small JSON document, at most 256 KiB.
    Form,
    /// A multipart form with files, at most so many bytes in all.
    Files(usize),
    /// A long-lived or machine-to-machine route that carries a proof of its own (a bearer token) and
    /// therefore no form token; at most so many bytes.
    Machine(usize),
}

const FORM_LIMIT: usize = 256 * 1024;
const TINY_LIMIT: usize = 1024;
/// How far into a multipart body the token is looked for; our forms put it first.
const TOKEN_WITHIN: usize = 64 * 1024;

/// A route as declared, for the access walk and for the documentation.
#[derive(Debug, Clone)]
pub struct RouteInfo {
    /// Method.
    pub method: Method,
    /// Path pattern.
    pub path: &'static str,
    /// Who it is for.
    pub audience: Audience,
    /// What it costs.
    pub cost: Cost,
    /// What body it takes.
    pub body: Body,
}

/// An entry of the menu, shown to those who have one of `profiles`.
#[derive(Debug, Clone, Copy)]
pub struct NavEntry {
    /// Position, ascending.
    pub order: u8,
    /// Where it leads.
    pub href: &'static str,
    /// Text key of its label.
    pub key: &'static str,
    /// Who sees it.
    pub profiles: &'static [Profile],
}

impl NavEntry {
    /// Whether `actor` sees it.
    pub fn is_for(&self, actor: &Actor) -> bool {
        self.profiles.iter().any(|profile| actor.has(*profile))
    }
}

/// The routes of a slice, or of all of them.
pub struct Routes<S = ()> {
    router: Router<S>,
    table: Vec<RouteInfo>,
    nav: Vec<NavEntry>,
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// No routes yet.
    pub fn new() -> Self {
        Routes { router: Router::new(), table: Vec::new(), nav: Vec::new() }
    }

    /// A page to read.
    pub fn get<H, T>(self, path: &'static str, audience: Audience, cost: Cost, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.mount(RouteInfo { method: Method::GET, path, audience, cost, body: Body::None }, handler)
    }

    /// Something to do.
    pub fn post<H, T>(
        self,
        path: &'static str,
        audience: Audience,
        cost: Cost,
        body: Body,
        handler: H,
    ) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.mount(RouteInfo { method: Method::POST, path, audience, cost, body }, handler)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the constructor that everybody else must use")]
    fn mount<H, T>(mut self, info: RouteInfo, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        let filter = if info.method == Method::GET { MethodFilter::GET } else { MethodFilter::POST };
        let rule = info.clone();
        let guarded = on(filter, handler).layer(from_fn(move |request: Request, next: Next| {
            let rule = rule.clone();
            async move { guard(&rule, request, next).await.unwrap_or_else(Refusal::into_response) }
        }));
        self.router = self.router.route(info.path, guarded);
        self.table.push(info);
        self
    }

    /// Adds an entry to the menu.
    pub fn nav(mut self, entry: NavEntry) -> Self {
        self.nav.push(entry);
        self
    }

    /// Gives the slice its state, so that slices with different states can be put together.
    pub fn with_state(self, state: S) -> Routes<()> {
        Routes { router: self.router.with_state(state), table: self.table, nav: self.nav }
    }
}

impl Routes<()> {
    /// Adds another slice's routes.
    pub fn and(mut self, other: Routes<()>) -> Routes<()> {
        self.router = self.router.merge(other.router);
        self.table.extend(other.table);
        self.nav.extend(other.nav);
        self
    }

    /// The router, the table of what it holds, and the menu in order.
    pub fn finish(mut self) -> (Router, Vec<RouteInfo>, Vec<NavEntry>) {
        self.nav.sort_by_key(|entry| entry.order);
        (self.router, self.table, self.nav)
    }
}

/// Everything that a listener of its own answers, which is no part of the school: the operator's console. It
/// has no audience, no session and no queue, and whoever writes `handler` answers for who may ask.
pub fn apart<H, T, S>(handler: H, state: S) -> Router
where
    H: Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    Router::new().fallback(handler).with_state(state)
}

async fn guard(rule: &RouteInfo, mut request: Request, next: Next) -> Result<Response, Refusal> {
    let caller = request
        .extensions()
        .get::<Caller>()
        .cloned()
        .ok_or_else(|| Refusal::Internal("the session layer did not run".into()))?;
    if !rule.audience.includes(caller.actor()) {
        return Err(match caller.actor().id() {
            None => Refusal::SignInFirst,
            // The same answer as for a path that does not exist.
            Some(_) => Refusal::NotFound,
        });
    }
    // No address of ours holds the byte zero, and PostgreSQL takes it in no text.
    if request.uri().path_and_query().is_some_and(|address| address.as_str().contains("%00")) {
        return Err(Refusal::NotFound);
    }
    if rule.method != Method::GET {
        request = check_body(rule, &caller, request).await?;
    }
    Ok(next.run(request).await)
}

/// Bounds the body and looks for the token of this caller.
async fn check_body(rule: &RouteInfo, caller: &Caller, request: Request) -> Result<Request, Refusal> {
    let (parts, body) = request.into_parts();
    let limit = match rule.body {
        Body::None => TINY_LIMIT,
        Body::Form => FORM_LIMIT,
        Body::Files(limit) | Body::Machine(limit) => limit,
    };
    let announced =
        parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > limit) {
        return Err(Refusal::TooLarge { limit });
    }
    if matches!(rule.body, Body::Machine(_)) {
        let body = axum::body::Body::new(http_body_util::Limited::new(body, limit));
        return Ok(Request::from_parts(parts, body));
    }
    if from_elsewhere(&parts.headers) {
        return Err(Refusal::Forged);
    }
    let in_header = parts.headers.get("x-csrf-token").and_then(|value| value.to_str().ok());
    if let Some(token) = in_header {
        if !caller.csrf().accepts(token) {
            return Err(Refusal::Forged);
        }
        let body = axum::body::Body::new(http_body_util::Limited::new(body, limit));
        return Ok(Request::from_parts(parts, body));
    }
    let kind =
        parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let multipart = kind.starts_with("multipart/form-data");
    let urlencoded = kind.starts_with("application/x-www-form-urlencoded");
    let (head, rest) = split_body(body, if multipart { TOKEN_WITHIN } else { limit.min(FORM_LIMIT) }).await?;
    let token = if multipart {
        token_in_multipart(&head)
    } else if urlencoded {
        token_in_form(&head)
    } else {
        None
    };
    if !token.is_some_and(|token| caller.csrf().accepts(&token)) {
        return Err(Refusal::Forged);
    }
    if !multipart && rest.is_some() {
        return Err(Refusal::TooLarge { limit });
    }
    let body = match rest {
        None => axum::body::Body::from(head),
        Some(rest) => {
            let first = futures_util::stream::once(async move { Ok::<_, axum::Error>(head) });
            let whole = axum::body::Body::from_stream(first.chain(rest));
            axum::body::Body::new(http_body_util::Limited::new(whole, limit))
        }
    };
    Ok(Request::from_parts(parts, body))
}

/// Whether the browser itself says that another site sent this (Fetch Metadata, W3C).
pub(super) fn from_elsewhere(headers: &http::HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    matches!(site, Some("cross-site" | "same-site"))
}

type Rest = axum::body::BodyDataStream;

/// The first `within` bytes or a little more, and what follows if anything does.
async fn split_body(body: axum::body::Body, within: usize) -> Result<(Bytes, Option<Rest>), Refusal> {
    let mut stream = body.into_data_stream();
    let mut head = BytesMut::new();
    while let Some(piece) = stream.next().await {
        head.extend_from_slice(&piece.map_err(|_| Refusal::Interrupted)?);
        if head.len() > within {
            return Ok((head.freeze(), Some(stream)));
        }
    }
    Ok((head.freeze(), None))
}

fn token_in_form(body: &[u8]) -> Option<String> {
    // The token is base64url: nothing in it is ever percent-encoded.
    let text = std::str::from_utf8(body).ok()?;
    text.split('&').find_map(|pair| pair.strip_prefix("csrf=")).map(str::to_owned)
}

fn token_in_multipart(head: &[u8]) -> Option<String> {
    const FIELD: &[u8] = b"name=\"csrf\"";
    let at = find(head, FIELD)? + FIELD.len();
    let start = at + find(&head[at..], b"\r\n\r\n")? + 4;
    let end = start + find(&head[start..], b"\r\n")?;
    std::str::from_utf8(&head[start..end]).ok().map(str::to_owned)
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_found_in_both_kinds_of_form() {
        assert_eq!(token_in_form(b"a=1&csrf=abc-_&b=2").as_deref(), Some("abc-_"));
        assert_eq!(token_in_form(b"xcsrf=abc").as_deref(), None);
        let body = b"--x\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\nabc\r\n--x\r\n";
        assert_eq!(token_in_multipart(body).as_deref(), Some("abc"));
        assert_eq!(token_in_multipart(&body[..55]), None);
    }
}
