//! The live room engine: who is in which room, who may do what there, and which packet goes to whom.
//!
//! It speaks LiveKit's signalling protocol, so that the official LiveKit clients connect to it
//! unchanged, and WebRTC through str0m in RTP mode. One [`Engine`] is one shard: many rooms, one
//! UDP port, one thread.
//!
//! It is deliberately *not* a server. It opens no socket, reads no clock, starts no thread: whoever
//! owns it feeds datagrams, signalling frames, control requests and the time, and carries out what
//! comes back ([`Output`]). That makes a whole lesson testable in milliseconds of simulated time.
//!
//! Invariants:
//! - nothing a client asks for is done before [`grants::allows`] said yes, and taking a grant away
//!   takes away at once what it allowed;
//! - every queue, list and message has a bound declared in [`Limits`];
//! - a peer connection is always drained after it was touched (see [`pipe`]);
//! - a room's snapshot and its later events together equal a later snapshot.
//!
//! ```text
//! token.rs  grants.rs        who somebody is and what they may do
//! signal.rs sdp.rs           the wire: frames, offers and answers
//! pipe.rs transport.rs framing.rs  one peer connection over str0m; ICE over TCP
//! engine.rs timers.rs        shard: rooms, demultiplexing, alarms
//! room.rs   room/            one room: presence, signals, negotiation, media, video, data, control, relay
//! track.rs  subscribe.rs     what somebody publishes, what somebody receives
//! codec.rs  forward.rs       what packets say of themselves; their renumbering
//! allocate.rs ladder.rs meter.rs  which layer goes to whom, and what is given up first
//! speakers.rs stats.rs       who speaks, how good the links are, what is counted
//! snapshot.rs relay.rs       a room as a snapshot; a room on several shards
//! tap.rs                     what a recorder gets of a room
//! ```

mod allocate;
mod buffers;
mod clock;
pub mod codec;
mod config;
pub mod control;
mod dtls;
mod engine;
mod event;
pub mod forward;
pub mod framing;
pub mod grants;
mod ids;
mod ladder;
mod lane;
mod meter;
mod participant;
pub mod pipe;
mod relay;
mod room;
pub mod sdp;
pub mod signal;
mod snapshot;
pub mod speakers;
mod srtp;
mod stats;
mod subscribe;
mod tap;
mod timers;
pub mod token;
mod track;
mod transport;

pub use config::{Codecs, EngineConfig, EngineError, Limits, Links};
pub use dtls::cryptography;
pub use engine::{Admission, Connections, Engine};
pub use event::{Departure, Event, EventKind, Output, Profile, StreamId};
pub use ids::{ConnectionId, Identity, ParticipantSid, RoomName, TrackSid};
pub use ladder::{Budget, Cause, Step};
pub use relay::{RelayMessage, ShardId};
pub use snapshot::{Gap, Present, Published, Snapshot};
pub use stats::{Counters, Holdings};
pub use tap::{Tap, Tapped, TappedTrack};

/// The official protocol messages, re-exported so that callers use the same version.
pub use livekit_protocol as protocol;
