//! How a node stands, for an operator to read.

use preau_gate::Moment;

/// Why the store gave no lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It has heard a later ask under this number: another process uses it.
    Late,
    /// There are 64 nodes already.
    TooMany,
}

/// How the node stands with the store and the others. Moments are by the node's own clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Nodes of the house at the last grant, this one included; 0 before the first.
    pub nodes: u16,
    /// Seats of the whole house, as the store has them; before the first grant as configured.
    pub seats: u32,
    /// Seats of those that this node may give out.
    pub lease: u32,
    /// Seats taken or set aside on this node.
    pub seated: u32,
    /// Since when the store has not answered, if it does not; the start for one never reached.
    pub severed_since: Option<Moment>,
    /// What went wrong last, in words for an operator; kept until the store answers again.
    pub trouble: Option<String>,
    /// Why the store gives no lease though it answers.
    pub refused: Option<Refusal>,
    /// By how many milliseconds the store's clock is ahead of this machine's; more than half a second is
    /// corrected. `None` before the first grant.
    pub clock_ahead: Option<i64>,
    /// Notices for the other nodes that have not been sent yet.
    pub unsent: usize,
    /// Notices given up because too many were waiting: copies of those tickets live until they end.
    pub given_up: u64,
    /// Times at which the store was found to have lost its memory.
    pub memory_lost: u32,
    /// Asked to leave; nobody new is let in.
    pub leaving: bool,
}

/// How the leaving went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Everybody has left and the store knows: other nodes have the seats.
    Empty,
    /// Time was up. The store keeps seats for those who were still in, for ten minutes or until a successor
    /// names this node as its former self.
    Seated(u32),
    /// The store could not be told.
    Untold,
}
