//! Whole people in front of a real server: they come by a schedule, each with a browser of their own, sign
//! in, wait when they are told to, read some pages, and leave.
//!
//! It speaks the public protocol only (HTTP/1.1, cookies, forms, the waiting page and `/now`) and shares no
//! code with what it stands in front of: what a browser would not know, it does not know. It is no shipped
//! part and no load tool for strangers' servers: it reaches loopback addresses and nothing else.
//!
//! Invariant: nobody waits for anybody (an open loop). When a person is due, they come, however slow the
//! server or this program has become; and each page's time counts from the moment it was due.

pub mod browser;
pub mod chance;
pub mod crowd;
pub mod house;
pub mod person;
pub mod tally;
pub mod toll;
pub mod wire;

pub use browser::{Browser, Jar, Reply, Seen, Waiting};
pub use chance::Dice;
pub use crowd::{Crowd, Knock};
pub use house::{Account, House, Sight};
pub use person::{Leave, Person, Plan};
pub use tally::{Event, Tally};
