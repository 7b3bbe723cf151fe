//! Sound and picture through the web port, for networks that let nothing else through.
//!
//! Many schools' networks allow one way out: TCP to port 443, looking like TLS. Browsers carry media over it when a
//! TURN server (RFC 8656) answers there: they speak TURN inside TLS (`turns:` URI, RFC 7065). This crate is that
//! server for one connection at a time: whoever accepted the connection and its TLS hands it over as a stream of
//! bytes, first bytes included, and it ends with the connection.
//!
//! It relays to the media server of this process and nowhere else: a stolen password opens no way into the network
//! behind (the well-known misuse of TURN), and costs what a pupil costs. The protocol itself (authentication,
//! permissions, channels, lifetimes) is `turn-server-proto`'s; here are the framing on a stream, the socket and
//! the bounds. It knows neither rooms nor people.
//!
//! Invariants: one allocation for each connection; nobody who has not shown a password holds a connection longer than
//! [`PATIENCE`] or a socket at all; what a browser does not take within [`STALL`] ends its connection, and meanwhile
//! newer media are dropped by the socket, as on any link that is too slow.

mod credentials;
mod framing;
mod session;

pub use credentials::{Credentials, Secret};
pub use framing::{FrameError, LARGEST, framed};
pub use session::{Ended, PATIENCE, Relay, STALL, Way};

/// Whether a connection whose first byte this is speaks STUN (RFC 7983 section 7). No request of HTTP and no
/// handshake of TLS begins like that.
#[must_use]
pub const fn is_stun(first: u8) -> bool {
    first <= 3
}
