//! Other services behind the front: which answers for which name, what each may take, and how it fares.
//!
//! A reverse proxy that adds nothing and remembers nothing but its connections. Invariants: a request is
//! sent twice only if the first sending cannot have had an effect; a body is never held back to be whole;
//! the number of requests at one upstream is bounded.

mod forward;
mod link;
mod sample;
mod tunnel;

use crate::{Asked, Backend, Body, Pass, Refused};
use http::uri::{Authority, Scheme};
use http::{HeaderName, Request, Response, Uri};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

pub(crate) use forward::connect;
#[cfg(test)]
pub(crate) use forward::prepare;
pub(crate) use link::{Links, settle};
pub(crate) use sample::Course;
pub use sample::{Entry, Gauge, Later, Outcome, Sample, Turn};

/// With `Preau-Session: ended` on a response, an upstream says that this session is over (somebody has
/// signed out): its seat becomes free. The field does not reach the client.
pub const SESSION_FIELD: HeaderName = HeaderName::from_static("preau-session");

/// What an upstream speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Speech {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2, without asking (RFC 9113 section 3.3).
    Http2,
    /// Whatever it chooses in the TLS handshake; HTTP/1.1 without TLS.
    Negotiated,
}

/// A service behind the front.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// The names it answers for, in lower case; none for all that nobody else answers for.
    pub hosts: Vec<String>,
    /// What it speaks.
    pub speech: Speech,
    /// Whether it is told the name the client asked for, as most services want, or its own.
    pub tells_host: bool,
    /// Until a connection stands, TLS included (default 5 s).
    pub connect: Duration,
    /// From the end of the request to the head of the response (default 60 s).
    pub head: Duration,
    /// Without a byte of the response's body (default 120 s; streams of events are silent for long).
    pub stall: Duration,
    /// A WebSocket on which neither side says anything ends after this (default 5 min).
    pub tunnel_idle: Duration,
    /// How long an unused connection is kept (default 4 s: shorter than Apache's and Node's 5 s, so that
    /// it is rarely the upstream that closes first).
    pub kept: Duration,
    /// Unused connections kept, for each thread that serves (default 256).
    pub pool: usize,
    /// Requests it may have at once (default 10,000); see [`Upstreams::allow`].
    pub inflight: u32,
    /// Bytes of a request's body (default 256 MiB).
    pub body: u64,
    /// Cookies that are the door's own and are not passed on.
    pub hidden_cookies: Vec<String>,
    /// Whether requests without a body may be forwarded as bytes where that is possible (default); without,
    /// every request goes by way of hyper.
    pub direct: bool,
    /// Client side of TLS; the platform's roots unless set.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    secure: bool,
    pub(crate) authority: Authority,
}

/// What is wrong with an upstream.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpstreamError {
    /// Not `http://host:port` or `https://host:port`.
    #[error("\"{0}\" is not http://host:port or https://host:port")]
    Address(String),
    /// Two upstreams for one name, or two for all others.
    #[error("two upstreams answer for {}", if .0.is_empty() { "all other names" } else { .0 })]
    Twice(String),
    /// There is none.
    #[error("no upstream is given")]
    None,
    /// The platform's certificates cannot be used.
    #[error("certificates of authorities: {0}")]
    Roots(#[from] rustls::Error),
}

impl Upstream {
    /// An upstream at this address (`http://127.0.0.1:8080`), for all names, with the defaults.
    ///
    /// # Errors
    /// When the address has another form; a path would have to be rewritten in every page.
    pub fn new(url: &str) -> Result<Upstream, UpstreamError> {
        let wrong = || UpstreamError::Address(url.to_owned());
        let parts = url.parse::<Uri>().map_err(|_| wrong())?.into_parts();
        let secure = match parts.scheme {
            Some(scheme) if scheme == Scheme::HTTPS => true,
            Some(scheme) if scheme == Scheme::HTTP => false,
            _ => return Err(wrong()),
        };
        let authority = parts.authority.filter(|named| !named.as_str().contains('@')).ok_or_else(wrong)?;
        if parts.path_and_query.is_some_and(|path| path != "/") {
            return Err(wrong());
        }
        Ok(Upstream {
            hosts: Vec::new(),
            speech: Speech::default(),
            tells_host: true,
            connect: Duration::from_secs(5),
            head: Duration::from_secs(60),
            stall: Duration::from_secs(120),
            tunnel_idle: Duration::from_secs(300),
            kept: Duration::from_secs(4),
            pool: 256,
            inflight: 10_000,
            body: 256 * 1024 * 1024,
            hidden_cookies: Vec::new(),
            direct: true,
            tls: None,
            secure,
            authority,
        })
    }
}

impl Upstream {
    /// Whether it is spoken to in HTTP/1.1 as it is.
    fn is_plain(&self) -> bool {
        self.direct && !self.secure && self.speech != Speech::Http2
    }
}

/// One upstream at work.
pub(crate) struct Site {
    pub(crate) upstream: Upstream,
    pub(crate) links: Links,
    inflight: AtomicU32,
    most: AtomicU32,
}

/// A site to which requests can be forwarded as bytes, without hyper.
#[derive(Clone, Copy)]
pub struct Direct<'a> {
    pub(crate) site: &'a Arc<Site>,
    pub(crate) index: usize,
    pub(crate) gauge: &'a Arc<dyn Gauge>,
}

/// The upstreams: a [`Backend`] that forwards.
pub struct Upstreams {
    sites: Vec<Arc<Site>>,
    fallback: Option<usize>,
    gauge: Arc<dyn Gauge>,
}

impl Upstreams {
    /// Puts them together; `gauge` is told how each request fared.
    ///
    /// # Errors
    /// See [`UpstreamError`].
    pub fn new(upstreams: Vec<Upstream>, gauge: Arc<dyn Gauge>) -> Result<Upstreams, UpstreamError> {
        let mut sites: Vec<Arc<Site>> = Vec::new();
        let mut fallback = None;
        for (index, mut upstream) in upstreams.into_iter().enumerate() {
            for host in &mut upstream.hosts {
                host.make_ascii_lowercase();
                if sites.iter().any(|site| site.upstream.hosts.contains(host)) {
                    return Err(UpstreamError::Twice(host.clone()));
                }
            }
            if upstream.hosts.is_empty() && fallback.replace(index).is_some() {
                return Err(UpstreamError::Twice(String::new()));
            }
            let links = Links::to(&upstream)?;
            let most = AtomicU32::new(upstream.inflight);
            sites.push(Arc::new(Site { upstream, links, inflight: AtomicU32::new(0), most }));
        }
        if sites.is_empty() {
            return Err(UpstreamError::None);
        }
        Ok(Upstreams { sites, fallback, gauge })
    }

    /// Requests at this site's upstream now.
    #[must_use]
    pub fn inflight(&self, site: usize) -> u32 {
        self.sites.get(site).map_or(0, |site| site.inflight.load(Ordering::Relaxed))
    }

    /// Sets how many requests this site's upstream may have at once from now on: a controller that
    /// measures knows better than a file. More are refused as [`Refused::Saturated`].
    pub fn allow(&self, site: usize, most: u32) {
        if let Some(site) = self.sites.get(site) {
            site.most.store(most, Ordering::Relaxed);
        }
    }
}

impl Backend for Upstreams {
    fn site(&self, host: &str) -> Option<usize> {
        let named = |site: &Arc<Site>| site.upstream.hosts.iter().any(|name| name.eq_ignore_ascii_case(host));
        self.sites.iter().position(named).or(self.fallback)
    }

    fn most_body(&self, site: usize) -> u64 {
        self.sites.get(site).map_or(0, |site| site.upstream.body)
    }

    fn direct(&self, index: usize) -> Option<Direct<'_>> {
        let site = self.sites.get(index).filter(|site| site.upstream.is_plain())?;
        Some(Direct { site, index, gauge: &self.gauge })
    }

    async fn call(
        &self,
        request: Request<Body>,
        pass: &Pass,
        asked: Asked,
    ) -> Result<Response<Body>, Refused> {
        let site = self.sites.get(asked.site).ok_or(Refused::Host)?;
        let seat = pass.seat.as_ref();
        let (mut course, later) = sample::Course::begin(site, asked.site, pass.class, &self.gauge, seat)?;
        if let Some(later) = later {
            course.let_through(Some(later.await.ok_or(Refused::Saturated)?));
        }
        forward::forward(site, request, asked, course).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream(url: &str, hosts: &[&str]) -> Upstream {
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        Upstream { hosts, ..Upstream::new(url).unwrap() }
    }

    #[test]
    fn addresses_are_origins() {
        for bad in ["", "localhost:80", "ftp://a", "http://a/path", "http://u:p@a", "/x", "http://"] {
            assert!(Upstream::new(bad).is_err(), "{bad}");
        }
        assert!(Upstream::new("https://[::1]:8443/").unwrap().secure);
    }

    #[test]
    fn names_find_their_upstream() {
        let list = vec![upstream("http://a", &["Ent.Example"]), upstream("http://b", &[])];
        let upstreams = Upstreams::new(list, Arc::new(())).unwrap();
        assert_eq!(upstreams.site("ENT.example"), Some(0));
        assert_eq!(upstreams.site("other.example"), Some(1));
        let one = Upstreams::new(vec![upstream("http://a", &["a"])], Arc::new(())).unwrap();
        assert_eq!(one.site("b"), None);
    }

    #[test]
    fn nobody_answers_twice() {
        let twice = |list| Upstreams::new(list, Arc::new(())).map(|_| ()).unwrap_err().to_string();
        let list = vec![upstream("http://a", &["x"]), upstream("http://b", &["X"])];
        assert_eq!(twice(list), "two upstreams answer for x");
        let list = vec![upstream("http://a", &[]), upstream("http://b", &[])];
        assert_eq!(twice(list), "two upstreams answer for all other names");
        assert!(Upstreams::new(Vec::new(), Arc::new(())).is_err());
    }
}
