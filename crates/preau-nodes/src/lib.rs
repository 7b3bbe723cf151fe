//! Several nodes of one gate, over one Redis or Valkey.
//!
//! `preau-gate` says what nodes ask and what a store answers, and opens no socket; this crate carries both.
//! A thread of its own ([`Nodes::start`]) runs a round every tenth of a second or so: one script
//! (`round.lua`) renews the node's lease once a second, leaves the node's notices and fetches those of the
//! others. Requests and the gate's second hand never wait for it: they share the gate's book of seats and
//! the node's membership with it, and neither is held over the network.
//!
//! It is not a queue and not a data store: all that it keeps in Redis may be lost at any moment, and what is
//! lost is learnt again from the nodes. One Redis may serve several houses, each under its prefix.
//!
//! Invariants: nothing here blocks the gate; whatever happens to the store, the node goes on with the lease
//! it has; memory is bounded here and there.
//!
//! ```no_run
//! use std::time::Duration;
//! use preau_gate::{Member, Moment, NodeId, Rules, Scheduler, Secret};
//! use preau_nodes::{Node, Nodes, NodesConfig};
//! # fn drawn() -> u64 { 4 }
//! # fn clock() -> Moment { Moment::default() }
//!
//! let config = NodesConfig { url: "rediss://preau:secret@redis.example.fr".into(), ..NodesConfig::default() };
//! let member = Member::new(NodeId(drawn())); // eight random bytes at each start
//! let rules = Rules { several_nodes: true, ..Rules::default() };
//! let now = clock(); // the system's; every later moment is `member.clock(clock())`
//! let (gate, scheduler) = Scheduler::open(rules, Secret::new([7; 32]), Box::new(member.clone()), None, now)?;
//! let node = Node { gate, member, seats: 2_000, former: None, clock: Box::new(clock) };
//! let nodes = Nodes::start(&config, node)?;
//! nodes.joined(Duration::from_secs(5));
//! // … serve …
//! nodes.leave(config.leave());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod carrier;
mod config;
mod courier;
mod dial;
mod link;
mod nodes;
mod outbox;
mod report;
mod wire;

pub use address::AddressError;
pub use carrier::Carrier;
pub use config::{ConfigError, NodesConfig};
pub use dial::{Dial, Tcp};
pub use nodes::{Node, Nodes, StartError};
pub use report::{Left, Refusal, Report};
pub use wire::SCRIPT;
