//! A browser: keeps cookies, follows redirects, reads forms and waiting pages.
//!
//! It has no clock: who sits before it decides when to do something. Invariant: it sends what a browser
//! would send (cookies, referrer, Fetch Metadata, accepted encodings), and no more.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};

use crate::wire::{Fault, Wire};

/// Redirects followed for one click.
const HOPS: usize = 5;
/// A page has not more than this when unpacked.
const LARGEST: u64 = 4 << 20;
/// What is done when a busy server does not say when to come back, in seconds.
const AGAIN: u32 = 5;

/// Cookies by name: what a browser keeps when it is closed.
pub type Jar = BTreeMap<String, String>;

/// A browser.
#[derive(Debug)]
pub struct Browser {
    /// Its cookies.
    pub jar: Jar,
    wire: Wire,
    host: String,
    /// What a balancer in front would say of its address.
    forwarded: Option<String>,
    here: String,
    cached: bool,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its fields.
    pub headers: HeaderMap,
    body: Bytes,
}

/// A place in the queue, as the waiting page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The lane's name.
    pub lane: String,
    /// The rank, as `/now` writes watermarks.
    pub rank: String,
    /// Seconds until to ask again.
    pub interval: u32,
    /// Where to go on, when the page answers a form.
    pub back: Option<String>,
    /// What a stranger is to compute, and the cookie for the answer.
    pub challenge: Option<(String, String)>,
}

/// What a click came to.
#[derive(Debug)]
pub enum Seen {
    /// A page.
    Page(Reply),
    /// The waiting page.
    Waits(Waiting),
    /// Too much is going on: come back in so many seconds.
    Busy(u32),
    /// Something else that is no page: a refusal, or a fault of the server.
    Refused(Reply),
    /// No answer.
    Nothing(Fault),
}

impl Browser {
    /// A browser with these cookies, for the server at this address. `from` is its own address, if it is to
    /// have a particular one.
    #[must_use]
    pub fn new(to: SocketAddr, from: Option<IpAddr>, jar: Jar) -> Browser {
        let cached = !jar.is_empty();
        Browser {
            jar,
            wire: Wire::new(to, from),
            host: to.to_string(),
            forwarded: None,
            here: String::new(),
            cached,
        }
    }

    /// Stands behind a balancer that says this of its address.
    #[must_use]
    pub fn forwarded_for(mut self, address: IpAddr) -> Browser {
        self.forwarded = Some(address.to_string());
        self
    }

    /// Goes to another server from now on, as after a restart on another port.
    pub fn move_to(&mut self, to: SocketAddr) {
        let from = self.wire.from();
        self.wire = Wire::new(to, from);
        self.host = to.to_string();
    }

    /// Closes its connection, and keeps its cookies.
    pub fn close(&mut self) {
        self.wire.close();
    }

    /// Goes to a page, as by a link or the address bar; the first time it fetches what the page is made of.
    pub async fn visit(&mut self, path: &str) -> Seen {
        let seen = self.navigate(Method::GET, path, Bytes::new()).await;
        if let (Seen::Page(page), false) = (&seen, self.cached) {
            self.cached = true;
            for path in page.parts() {
                let request = self.request(Method::GET, &path, "style", Bytes::new());
                // A page without its colours is a page all the same.
                let _ = self.exchange(request).await;
            }
        }
        seen
    }

    /// Sends a form of the page shown.
    pub async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.navigate(Method::POST, path, Bytes::from(text)).await
    }

    /// What a script of the page fetches.
    ///
    /// # Errors
    /// No answer.
    pub async fn fetch(&mut self, path: &str) -> Result<Reply, Fault> {
        let request = self.request(Method::GET, path, "empty", Bytes::new());
        self.exchange(request).await
    }

    async fn navigate(&mut self, method: Method, path: &str, body: Bytes) -> Seen {
        let (mut method, mut path, mut body) = (method, path.to_owned(), body);
        for _ in 0..=HOPS {
            let request = self.request(method.clone(), &path, "document", body.clone());
            let reply = match self.exchange(request).await {
                Ok(reply) => reply,
                Err(fault) => return Seen::Nothing(fault),
            };
            match (reply.status, reply.field("location")) {
                (status, Some(next)) if status.is_redirection() => {
                    let next = next.strip_prefix(&format!("http://{}", self.host)).unwrap_or(next);
                    path = if next.starts_with('/') { next.to_owned() } else { "/".to_owned() };
                    (method, body) = (Method::GET, Bytes::new());
                }
                _ => {
                    self.here = path;
                    return seen(reply);
                }
            }
        }
        Seen::Nothing(Fault::Broken("redirected without end".to_owned()))
    }

    fn request(&self, method: Method, path: &str, dest: &str, body: Bytes) -> Request<Bytes> {
        let page = dest == "document";
        let accept = if page { "text/html,application/xhtml+xml,*/*;q=0.8" } else { "*/*" };
        let mut request = Request::builder()
            .method(&method)
            .uri(path)
            .header(header::HOST, &self.host)
            .header(header::ACCEPT, accept)
            .header(header::ACCEPT_ENCODING, "gzip, deflate, br")
            .header(header::ACCEPT_LANGUAGE, "fr-FR,fr;q=0.9,en;q=0.6")
            .header(
                header::USER_AGENT,
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            )
            .header("sec-fetch-dest", dest)
            .header("sec-fetch-mode", if page { "navigate" } else { "cors" })
            .header("sec-fetch-site", "same-origin");
        if !self.jar.is_empty() {
            let line = self.jar.iter().map(|(name, value)| format!("{name}={value}"));
            request = request.header(header::COOKIE, line.collect::<Vec<_>>().join("; "));
        }
        if let Some(address) = &self.forwarded {
            request = request.header("x-forwarded-for", address);
        }
        if !self.here.is_empty() {
            request = request.header(header::REFERER, format!("http://{}{}", self.host, self.here));
        }
        if method == Method::POST {
            request = request
                .header(header::ORIGIN, format!("http://{}", self.host))
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header(header::CONTENT_LENGTH, body.len());
        }
        // Only a path that is none could fail here; it is then asked for as the front page.
        request.body(body).unwrap_or_default()
    }

    async fn exchange(&mut self, request: Request<Bytes>) -> Result<Reply, Fault> {
        let reply = Reply::from(self.wire.send(request).await?);
        for line in reply.headers.get_all(header::SET_COOKIE).iter().filter_map(|line| line.to_str().ok()) {
            let pair = line.split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                if value.is_empty() || line.to_ascii_lowercase().contains("max-age=0") {
                    self.jar.remove(name);
                } else {
                    self.jar.insert(name.to_owned(), value.to_owned());
                }
            }
        }
        Ok(reply)
    }
}

fn seen(reply: Reply) -> Seen {
    let busy = matches!(reply.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS);
    if let Some(waiting) = reply.waiting() {
        Seen::Waits(waiting)
    } else if busy {
        Seen::Busy(reply.field("retry-after").and_then(|text| text.parse().ok()).unwrap_or(AGAIN))
    } else if reply.status.is_success() {
        Seen::Page(reply)
    } else {
        Seen::Refused(reply)
    }
}

impl From<Response<Bytes>> for Reply {
    fn from(response: Response<Bytes>) -> Reply {
        let (parts, body) = response.into_parts();
        Reply { status: parts.status, headers: parts.headers, body }
    }
}

impl Reply {
    /// A field of the head.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The text, unpacked.
    #[must_use]
    pub fn text(&self) -> String {
        if self.is_packed() {
            let mut text = Vec::new();
            let unpacked = flate2::read::GzDecoder::new(&self.body[..]).take(LARGEST).read_to_end(&mut text);
            return unpacked.map_or_else(|_| String::new(), |_| String::from_utf8_lossy(&text).into_owned());
        }
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn is_packed(&self) -> bool {
        self.field("content-encoding") == Some("gzip")
    }

    /// The token of the page's first form.
    #[must_use]
    pub fn csrf(&self) -> Option<String> {
        let text = self.text();
        between(&text, "name=\"csrf\" value=\"", "\"").map(str::to_owned)
    }

    /// Styles and scripts that the page is made of.
    fn parts(&self) -> Vec<String> {
        let text = self.text();
        let head = text.split("</head>").next().unwrap_or_default();
        let styles = head.split("<link rel=\"stylesheet\" href=\"").skip(1);
        let scripts = text.split("<script type=\"module\" src=\"").skip(1);
        let paths = styles.chain(scripts).filter_map(|rest| rest.split('"').next());
        paths.filter(|path| path.starts_with('/')).map(str::to_owned).collect()
    }

    /// The place in the queue, if this is the waiting page. Pages of the gate come as they are, not packed.
    fn waiting(&self) -> Option<Waiting> {
        if self.is_packed() || !self.field("content-type").is_some_and(|kind| kind.starts_with("text/html")) {
            return None;
        }
        let text = std::str::from_utf8(&self.body).ok()?;
        let tag = between(text, "<main id=\"waiting\"", ">")?;
        let data = |name: &str| {
            let value = between(tag, &format!("data-{name}=\""), "\"")?;
            Some(value.replace("&amp;", "&").replace("&#38;", "&"))
        };
        Some(Waiting {
            lane: data("lane")?,
            rank: data("rank").unwrap_or_default(),
            interval: data("interval")?.parse().ok()?,
            back: data("back"),
            challenge: data("challenge").zip(data("cookie")),
        })
    }
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split_once(after)?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, fields: &[(&'static str, &str)], body: &str) -> Reply {
        let mut response = Response::builder().status(status);
        for (name, value) in fields {
            response = response.header(*name, *value);
        }
        Reply::from(response.body(Bytes::from(body.to_owned())).expect("a response"))
    }

    const HTML: (&str, &str) = ("content-type", "text/html; charset=utf-8");

    #[test]
    fn a_waiting_page_is_read() {
        let text = "<html><main id=\"waiting\" data-lane=\"known\" data-rank=\"0a\" data-interval=\"7\" data-back=\"/a?b=1&#38;c=2\"><p>";
        let Seen::Waits(place) = seen(reply(200, &[HTML], text)) else { panic!("no place") };
        assert_eq!((place.lane.as_str(), place.rank.as_str(), place.interval), ("known", "0a", 7));
        assert_eq!((place.back.as_deref(), place.challenge), (Some("/a?b=1&c=2"), None));
    }

    #[test]
    fn pages_refusals_and_busy_servers_are_told_apart() {
        assert!(matches!(seen(reply(200, &[HTML], "<h1>")), Seen::Page(_)));
        assert!(matches!(seen(reply(503, &[HTML, ("retry-after", "3")], "")), Seen::Busy(3)));
        assert!(matches!(seen(reply(503, &[HTML], "")), Seen::Busy(AGAIN)));
        assert!(matches!(seen(reply(404, &[HTML], "")), Seen::Refused(_)));
    }

    #[test]
    fn forms_and_parts_are_found() {
        let text = "<link rel=\"stylesheet\" href=\"/a.css\"></head><input name=\"csrf\" value=\"x1\"><script type=\"module\" src=\"/b.js\">";
        let page = reply(200, &[HTML], text);
        assert_eq!(page.csrf().as_deref(), Some("x1"));
        assert_eq!(page.parts(), ["/a.css", "/b.js"]);
    }
}
