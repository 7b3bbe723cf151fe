//! Several nodes: this gate as one of those that share a house's seats over a common store.
//!
//! `preau-nodes` carries; here a node gets its number, its former self and its handle. Invariant: without
//! `[gate.nodes]` nothing of this exists, and the gate is alone.

use super::Door;
use super::capacity::Configured;
use preau_gate::{Capacity, Load, Member, Moment, NodeId, Reading};
use preau_nodes::{Node, Nodes, NodesConfig, Report};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

/// How long a start waits for the store; the doors open then, with or without.
const JOINING: Duration = Duration::from_secs(3);

/// This node.
pub(super) struct Fleet {
    config: NodesConfig,
    pub(super) member: Member,
    former: Option<NodeId>,
    handle: OnceLock<Nodes>,
}

impl Fleet {
    /// A node with a fresh number. The number it had before its restart lies beside the state file.
    pub(super) fn new(config: &NodesConfig, state: &Path) -> Fleet {
        let path = beside(state);
        let former = std::fs::read_to_string(&path)
            .ok()
            .and_then(|text| u64::from_str_radix(text.trim(), 16).ok().map(NodeId));
        let mut bytes = [0; 8];
        // Without randomness the moment still tells processes apart.
        if getrandom::fill(&mut bytes).is_err() {
            bytes = crate::ids::now_ms().to_be_bytes();
        }
        let node = NodeId(u64::from_be_bytes(bytes));
        if let Err(error) = std::fs::write(&path, format!("{:016x}\n", node.0)) {
            tracing::warn!(path = %path.display(), %error, "after a restart this node's seats may count twice");
        }
        Fleet { config: config.clone(), member: Member::new(node), former, handle: OnceLock::new() }
    }
}

fn beside(state: &Path) -> PathBuf {
    let mut path = state.as_os_str().to_owned();
    path.push(".node");
    path.into()
}

/// The seats of a lease, if what is found here bears them.
pub(super) struct Leased<C> {
    pub(super) member: Member,
    pub(super) here: C,
}

impl<C: Capacity> Capacity for Leased<C> {
    fn read(&mut self, load: Load, now: Moment) -> Reading {
        let (lease, here) = (self.member.read(load, now), self.here.read(load, now));
        let least = if here.seats < lease.seats { here } else { lease };
        Reading { pace: here.pace, ..least }
    }
}

impl Door {
    /// Joins the other nodes, if there are any to be; waits a few seconds for the store.
    ///
    /// # Errors
    /// The system's, when it gives no thread.
    pub(super) fn join(&self) -> std::io::Result<()> {
        let Some(fleet) = &self.0.fleet else { return Ok(()) };
        let Configured { ceiling, .. } = self.0.configured;
        let clock = self.0.clock.clone();
        let node = Node {
            gate: self.0.gate.clone(),
            member: fleet.member.clone(),
            seats: self.0.orders.load().ceiling.unwrap_or(ceiling),
            former: fleet.former,
            clock: Box::new(move || super::moment(clock.now())),
        };
        let nodes = Nodes::start(&fleet.config, node).map_err(std::io::Error::other)?;
        if !nodes.joined(JOINING) {
            tracing::warn!("the nodes' common store does not answer yet; this node goes on alone");
        }
        let _ = fleet.handle.set(nodes);
        Ok(())
    }

    /// How this node stands with the others, if there are any.
    pub fn nodes(&self) -> Option<Report> {
        Some(self.0.fleet.as_ref()?.handle.get()?.report())
    }

    /// The seats of the whole house, on every node.
    pub(super) fn tell_nodes(&self, seats: u32) {
        if let Some(nodes) = self.0.fleet.as_ref().and_then(|fleet| fleet.handle.get()) {
            nodes.set_seats(seats);
        }
    }

    /// The last round: what waits and who is in is written down, and the other nodes get this one's seats.
    pub fn finish(&self) {
        if let Some(fleet) = &self.0.fleet
            && let Some(nodes) = fleet.handle.get()
        {
            let left = nodes.leave(fleet.config.leave());
            tracing::info!(?left, "this node has left the others");
        }
        self.turn();
    }
}
