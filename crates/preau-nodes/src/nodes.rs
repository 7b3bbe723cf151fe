//! The handle on a node's membership: start, look, change the seats, leave.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use preau_gate::{Gate, Member, Moment, NodeId};

use crate::carrier::Carrier;
use crate::config::{ConfigError, NodesConfig};
use crate::courier::Courier;
use crate::dial::Tcp;
use crate::link::Store;
use crate::report::{Left, Report};

/// How much longer than it may take the end is waited for: what is under way when time is up.
const LAST_ROUND: Duration = Duration::from_secs(25);

/// A node, as the application has put it together.
pub struct Node {
    /// Its gate, opened with `Rules::several_nodes`.
    pub gate: Gate,
    /// Its membership, which is its gate's capacity. Drawn anew at each start.
    pub member: Member,
    /// Seats of the whole house as configured. They count until an operator says otherwise, on any node;
    /// a node that starts with another number than the last one did says otherwise too.
    pub seats: u32,
    /// The node that this one goes on from, with its snapshot, if there is one: the seats it left behind
    /// are not counted twice.
    pub former: Option<NodeId>,
    /// The machine's clock, uncorrected.
    pub clock: Box<dyn Fn() -> Moment + Send + Sync>,
}

/// Why a node cannot take part.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration.
    #[error("[gate.nodes] {0}")]
    Config(#[from] ConfigError),
    /// The rules do not go with several nodes.
    #[error("the gate was opened for one node: set Rules::several_nodes")]
    OneNode,
    /// The system gave no thread or no event queue.
    #[error("a thread for the nodes: {0}")]
    Thread(#[from] io::Error),
}

/// What the handle wishes of the carrier.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wish {
    pub(crate) seats: Option<u32>,
    /// Leave, within this at the most.
    pub(crate) leave: Option<Duration>,
    pub(crate) stop: bool,
}

#[derive(Debug, Default)]
struct Board {
    wish: Wish,
    report: Report,
    left: Option<Left>,
}

/// What handle and carrier share. Neither holds it for longer than a copy takes.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    board: Mutex<Board>,
    changed: Condvar,
}

impl Shared {
    fn board(&self) -> MutexGuard<'_, Board> {
        // Nothing here panics half-way through a change.
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The wishes; new seats are given out once.
    pub(crate) fn take_wish(&self) -> Wish {
        let mut board = self.board();
        let wish = board.wish;
        board.wish.seats = None;
        wish
    }

    pub(crate) fn publish(&self, report: Report) {
        self.board().report = report;
        self.changed.notify_all();
    }

    pub(crate) fn end(&self, left: Left) {
        self.board().left = Some(left);
        self.changed.notify_all();
    }
}

/// A node among others. When dropped without [`Nodes::leave`] the node falls silent, as if killed: the store
/// keeps its seats for ten minutes.
#[derive(Debug)]
pub struct Nodes {
    shared: Arc<Shared>,
}

impl Nodes {
    /// Checks the configuration and starts a thread that takes part. It does not wait for the store: a node
    /// that cannot reach it yet lets nobody new in, and says so in its report; see [`Nodes::joined`].
    ///
    /// # Errors
    /// What is wrong with the configuration or the rules, or the system's refusal of a thread.
    pub fn start(config: &NodesConfig, node: Node) -> Result<Nodes, StartError> {
        let dial = Tcp::new(&config.address()?, config.authority.as_deref())?;
        let (nodes, carrier) = Nodes::prepare(config, node)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let carry = move || {
            runtime.block_on(carrier.run(dial));
            // A look-up of a name may still be under way; nobody waits for it.
            runtime.shutdown_background();
        };
        std::thread::Builder::new().name("nodes".to_owned()).spawn(carry)?;
        Ok(nodes)
    }

    /// The same without a thread: whoever has a runtime runs the carrier, over connections of its own.
    ///
    /// # Errors
    /// What is wrong with the configuration or the rules.
    pub fn prepare(config: &NodesConfig, node: Node) -> Result<(Nodes, Carrier), StartError> {
        let address = config.address()?;
        if !node.gate.rules().several_nodes {
            return Err(StartError::OneNode);
        }
        let credentials = address.credentials().map_err(ConfigError::Url)?;
        let store = Store::new(&address, credentials, &config.prefix, config.timeout());
        let shared = Arc::new(Shared::default());
        let courier = Courier::new(node);
        shared.publish(courier.report(None, false));
        let carrier = Carrier::new(courier, store, shared.clone());
        Ok((Nodes { shared }, carrier))
    }

    /// Waits for the first grant, for `limit` at most; whether it came. Until then a clock that is wrong is
    /// still wrong, and people whom other nodes have let in may seem to come from the future: open the doors
    /// afterwards, with or without.
    pub fn joined(&self, limit: Duration) -> bool {
        self.wait(limit, |board| board.report.nodes > 0).report.nodes > 0
    }

    /// How the node stands; a tenth of a second old or so.
    pub fn report(&self) -> Report {
        self.shared.board().report.clone()
    }

    /// Changes the seats of the whole house, at most [`preau_gate::SEATS`]. The store keeps the number and
    /// tells it to every node; while it is away the word waits here.
    pub fn set_seats(&self, seats: u32) {
        self.shared.board().wish.seats = Some(seats);
    }

    /// The node is to leave: nobody new is let in here from now on, and its seats go to the others as its
    /// people leave, for `limit` at most. Keep the gate's second hand going meanwhile.
    pub fn begin_leaving(&self, limit: Duration) {
        let mut board = self.shared.board();
        board.wish.leave.get_or_insert(limit);
    }

    /// How the leaving went, once it is over.
    pub fn left(&self) -> Option<Left> {
        self.shared.board().left
    }

    fn wait(&self, limit: Duration, until: impl Fn(&Board) -> bool) -> MutexGuard<'_, Board> {
        let board = self.shared.board();
        let waited = self.shared.changed.wait_timeout_while(board, limit, |board| !until(board));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Leaves, and waits until that is done or time is up.
    pub fn leave(&self, limit: Duration) -> Left {
        self.begin_leaving(limit);
        let board = self.wait(limit + LAST_ROUND, |board| board.left.is_some());
        board.left.unwrap_or(Left::Untold)
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        self.shared.board().wish.stop = true;
    }
}
