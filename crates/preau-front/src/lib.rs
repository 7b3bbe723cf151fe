//! The front: what stands between the network and whoever decides and answers.
//!
//! Sockets, TLS, HTTP/1.1, HTTP/2 and the PROXY protocol on one side; on the other a [`Door`], which is
//! asked about every request, and a [`Backend`], which answers those that pass: other services
//! ([`Upstreams`], a reverse proxy) or a router in this process ([`Local`]). It knows no schools, no pages
//! and no database. `preau serve` and `preau gate` are both built on it.
//!
//! A connection begins on the light path (`light.rs`), where a request is read, decided and, if the answer
//! is in memory, answered without anything that lives longer than the request: that is what a crowd that
//! waits costs. A request that passes takes its connection over to hyper (`heavy.rs`) and on to the
//! backend (`upstream/`).
//!
//! Invariants: each request is decided exactly once; nothing waits or buffers without a bound
//! ([`Limits`]); a head that two servers could read differently is refused (`head.rs`); an address in a
//! header is believed from trusted networks only (`peer.rs`).
//!
//! Start reading at `server.rs`.

mod answer;
mod body;
mod door;
mod fields;
pub mod framing;
pub mod handover;
pub mod head;
mod heavy;
mod light;
mod limits;
mod peer;
pub mod proxy_protocol;
mod refused;
mod relay;
mod server;
pub mod tls;
mod upstream;
mod wire;

pub use answer::{Answer, Rendered};
pub use body::{Body, BoxError};
pub use door::{Asked, Backend, Decision, Door, Local, OtherProtocol, Pass, Released, Seat, Stream};
pub use head::Head;
pub use limits::Limits;
pub use peer::{Client, Peer, Trusted};
pub use refused::Refused;
pub use server::{Front, Kind, Listen};
pub use upstream::{
    Entry, Gauge, Later, Outcome, SESSION_FIELD, Sample, Speech, Turn, Upstream, UpstreamError, Upstreams,
};
