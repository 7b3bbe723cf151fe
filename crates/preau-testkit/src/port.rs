//! Free ports on the loopback address.
//!
//! Prefer to start a server on port 0 and to read the port from its readiness line: a port found free
//! here may be taken by somebody else a moment later. These functions are for programs that must be
//! told their port before they start, such as a media server whose address is in a token.

use std::io;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};

/// A TCP port of 127.0.0.1 that nobody listens on right now.
///
/// # Errors
/// When the system has no port left to give.
pub fn free_tcp() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// A UDP port of 127.0.0.1 that nobody holds right now.
///
/// # Errors
/// When the system has no port left to give.
pub fn free_udp() -> io::Result<u16> {
    Ok(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
