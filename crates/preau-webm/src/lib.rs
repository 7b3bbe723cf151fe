//! What was heard and seen of one track of a lesson, as a WebM file: Opus and VP8 from RTP, without transcoding.
//!
//! [`Assembler`] puts packets in order and makes frames of them; [`Tape`] puts these on the time line of a recording
//! of many tracks; [`Writer`] writes frames into a file that can be played while it grows, and that one can jump
//! about in once it is finished; [`mend`] finishes a file whose writer was cut off; [`take_over`] writes anew what LiveKit's
//! recorder has written as Ogg or WebM. A file holds one track: who speaks and
//! who shows something changes during a lesson, and a player that follows the lesson's events can put tracks side by
//! side, which one file with a fixed list of tracks could not.
//!
//! Neither knows a socket, a clock or a room. Invariants: a frame is whole or is left out; times never go back; a
//! file that was not finished (the machine went down) is good up to its last whole cluster.

mod assemble;
mod mend;
mod take_over;
mod tape;
mod vp8;
mod writer;

pub use assemble::{Assembler, Frame, Packet};
pub use mend::{Mended, mend};
pub use take_over::{TakeOverError, Taken, take_over};
pub use tape::{Arrival, Tape};
pub use vp8::{Size, key_frame};
pub use writer::{Media, WriteError, Writer};
