//! The only door to str0m, which makes one costly mistake impossible to write.
//!
//! str0m's contract is that every mutation is followed by a complete drain before the next one. In
//! RTP mode it keeps one pending packet: a second datagram that is fed before the first was taken out
//! overwrites it, without a word, and most of a video stream disappears. So the connection lies in a
//! [`Pipe`], whose fields are private to this file. [`Pipe::feed`] takes one input and drains;
//! [`Pipe::change`] lends out [`Hands`], which can do anything to a connection but feed it, and drains.
//! [`Pipe::post`] queues packets without draining, because letting time pass in a connection costs as much as
//! sending a packet, and once is enough for all that leave together; whatever comes next drains first.
//! Feeding twice without a drain in between has no spelling:
//!
//! ```compile_fail
//! use preau_sfu::pipe::Hands;
//! fn twice(hands: &mut Hands<'_>, input: str0m::Input<'_>) {
//!     let _ = hands.handle_input(input);
//! }
//! ```
//!
//! ```compile_fail
//! use preau_sfu::pipe::Pipe;
//! fn past_the_door(pipe: &mut Pipe, input: str0m::Input<'_>) {
//!     let _ = pipe.rtc.handle_input(input);
//! }
//! ```
//!
//! It knows nothing of rooms, and serves any program that talks through str0m.

use std::time::{Duration, Instant};

use str0m::bwe::Bwe;
use str0m::change::{DirectApi, SdpApi};
use str0m::channel::{Channel, ChannelId};
use str0m::media::{Mid, Rid};
use str0m::net::{Receive, Transmit};
use str0m::rtp::Ssrc;
use str0m::{Candidate, Event, Input, Rtc, RtcError};

/// str0m asks for time to pass right after most writes. It has never needed more rounds than this.
const MAX_ROUNDS: usize = 16;

/// A connection that broke asks for nothing any more; somebody else decides when it goes.
const NEVER_SOON: Duration = Duration::from_secs(3600);

/// A peer connection that is always drained.
pub struct Pipe {
    rtc: Rtc,
    deadline: Instant,
    broken: bool,
    /// Something was posted, and not drained yet.
    owing: bool,
}

/// Takes what a connection has to say while it is drained.
pub trait Outlet {
    /// A datagram to send.
    fn transmit(&mut self, datagram: Transmit);
    /// Something happened.
    fn event(&mut self, sources: &mut Sources<'_>, event: Event);
    /// The connection broke beyond repair; told once.
    fn broken(&mut self, error: RtcError);
}

/// Everything that may be done to a connection besides feeding it.
pub struct Hands<'a>(&'a mut Rtc);

/// Answers which section a media packet belongs to.
pub struct Sources<'a>(&'a mut Rtc);

impl Sources<'_> {
    /// Section and simulcast layer of a stream that is received.
    pub fn of(&mut self, ssrc: Ssrc) -> Option<(Mid, Option<Rid>)> {
        let mut api = self.0.direct_api();
        api.stream_rx(&ssrc).map(|stream| (stream.mid(), stream.rid()))
    }
}

impl Hands<'_> {
    /// Offers and answers.
    pub fn sdp(&mut self) -> SdpApi<'_> {
        self.0.sdp_api()
    }

    /// Streams.
    pub fn direct(&mut self) -> DirectApi<'_> {
        self.0.direct_api()
    }

    /// A data channel.
    pub fn channel(&mut self, id: ChannelId) -> Option<Channel<'_>> {
        self.0.channel(id)
    }

    /// Bandwidth estimation.
    pub fn bandwidth(&mut self) -> Bwe<'_> {
        self.0.bwe()
    }

    /// Adds an address under which this side is reached.
    pub fn add_local_candidate(&mut self, candidate: Candidate) {
        self.0.add_local_candidate(candidate);
    }

    /// Says goodbye (RTCP BYE, DTLS close_notify).
    pub fn close(&mut self) {
        // It is being thrown away; a failure to say goodbye changes nothing.
        let _ = self.0.close();
    }
}

impl Pipe {
    /// Takes a connection that nothing was fed to yet.
    pub fn new(rtc: Rtc, now: Instant) -> Pipe {
        Pipe { rtc, deadline: now, broken: false, owing: false }
    }

    /// When [`Pipe::wake`] wants to be called.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The connection, to look at.
    pub fn view(&self) -> &Rtc {
        &self.rtc
    }

    /// The name under which the other side's connectivity checks arrive (RFC 8445 section 7.2.2).
    pub fn local_ufrag(&mut self) -> String {
        self.rtc.direct_api().local_ice_credentials().ufrag
    }

    /// Takes in one datagram, and drains.
    ///
    /// # Errors
    /// When the datagram is not for this connection or broken; it is then ignored.
    pub fn feed(
        &mut self,
        datagram: Receive<'_>,
        now: Instant,
        outlet: &mut impl Outlet,
    ) -> Result<(), RtcError> {
        self.settle(now, outlet);
        let taken = self.rtc.handle_input(Input::Receive(now, datagram));
        self.drain_until_at_rest(now, outlet);
        taken
    }

    /// Queues packets to send, and leaves it at that: call [`Pipe::settle`] before the moment is over. Whether this
    /// is the first post since the connection was last drained.
    pub fn post(&mut self, post: impl FnOnce(&mut Hands<'_>)) -> bool {
        post(&mut Hands(&mut self.rtc));
        !std::mem::replace(&mut self.owing, true)
    }

    /// Whether something was posted and waits.
    pub fn owes(&self) -> bool {
        self.owing
    }

    /// Drains what was posted, if anything was.
    pub fn settle(&mut self, now: Instant, outlet: &mut impl Outlet) {
        if self.owing {
            // What was queued is looked at when time passes.
            self.wake(now, outlet);
        }
    }

    /// Lets time pass, and drains.
    pub fn wake(&mut self, now: Instant, outlet: &mut impl Outlet) {
        self.owing = false;
        if let Err(error) = self.rtc.handle_input(Input::Timeout(now)) {
            tracing::debug!(%error, "timeout not taken");
        }
        self.drain_until_at_rest(now, outlet);
    }

    /// Changes the connection, and drains.
    pub fn change<T>(
        &mut self,
        now: Instant,
        outlet: &mut impl Outlet,
        change: impl FnOnce(&mut Hands<'_>) -> T,
    ) -> T {
        self.settle(now, outlet);
        let result = change(&mut Hands(&mut self.rtc));
        self.drain_until_at_rest(now, outlet);
        result
    }

    /// Drains, letting the present moment pass until the connection rests.
    fn drain_until_at_rest(&mut self, now: Instant, outlet: &mut impl Outlet) {
        for _ in 0..MAX_ROUNDS {
            if !self.drain(now, outlet) || self.deadline > now {
                return;
            }
            // A failure shows in the next drain.
            if self.rtc.handle_input(Input::Timeout(now)).is_err() {
                break;
            }
        }
        if self.drain(now, outlet) {
            // Never ask to be woken in the past: that would be a busy loop.
            self.deadline = self.deadline.max(now + Duration::from_millis(1));
        }
    }

    /// False when the connection is broken.
    fn drain(&mut self, now: Instant, outlet: &mut impl Outlet) -> bool {
        loop {
            match self.rtc.poll_output() {
                Ok(str0m::Output::Timeout(at)) => {
                    self.deadline = at;
                    return true;
                }
                Ok(str0m::Output::Transmit(datagram)) => outlet.transmit(datagram),
                Ok(str0m::Output::Event(event)) => outlet.event(&mut Sources(&mut self.rtc), event),
                Err(error) => {
                    self.deadline = now + NEVER_SOON;
                    if !std::mem::replace(&mut self.broken, true) {
                        outlet.broken(error);
                    }
                    return false;
                }
            }
        }
    }
}
