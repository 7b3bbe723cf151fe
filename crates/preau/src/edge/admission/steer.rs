//! The operator's hand on the gate: how many may be in, which lanes are open, what all who wait are told,
//! the emergency stop.
//!
//! An order is written down with its entry in the journal before it takes effect, so that a restart goes on
//! as ordered and nobody can say later that nothing was changed. Nodes on one database read the orders of
//! the others every few seconds. Invariant: what is in force here is what the database said last.

use super::{Door, lock};
use crate::access::SystemPermit;
use crate::edge::Platform;
use crate::store::{StoreError, keepsake};
use preau_gate::Lane;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The orders' name in the store.
const KEPT_AS: &str = "gate-orders";
/// How soon an order of another node is in force here.
const FOLLOWED: Duration = Duration::from_secs(3);
/// Longest message to all who wait, in characters: the waiting page has ten kilobytes for everything.
pub const LONGEST_MESSAGE: usize = 300;

/// What is ordered, as a whole. Absent means: as configured.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Orders {
    /// People inside at most, instead of `gate.sessions`.
    pub ceiling: Option<u32>,
    /// People inside at least, whatever is measured, instead of `gate.floor`.
    pub floor: Option<u32>,
    /// Lanes that let nobody new in, by their names.
    pub closed: Vec<String>,
    /// The unknown lane holds its own share and borrows none: while under attack.
    pub guard: bool,
    /// Nobody new comes in at all; who is in stays in.
    pub stopped: bool,
    /// What all who wait are told.
    pub message: Option<String>,
    /// Counts messages, so that waiting pages notice a new one; 0 while there is none.
    pub message_number: u16,
}

/// One order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "order", content = "value")]
pub enum Order {
    /// People inside at most; none for what is configured.
    Ceiling(Option<u32>),
    /// People inside at least.
    Floor(Option<u32>),
    /// Lets nobody new into a lane.
    Close(String),
    /// Opens it again.
    Open(String),
    /// Guards against strangers, or no longer.
    Guard(bool),
    /// Tells all who wait something; none to tell them nothing any more.
    Message(Option<String>),
    /// The emergency stop, or its end.
    Stop(bool),
    /// Ends everybody's session at once; they may come back through the queue.
    EndSessions,
}

impl Order {
    /// Its name in the journal.
    pub const fn action(&self) -> &'static str {
        match self {
            Order::Ceiling(_) => "gate.ceiling",
            Order::Floor(_) => "gate.floor",
            Order::Close(_) => "gate.close_lane",
            Order::Open(_) => "gate.open_lane",
            Order::Guard(_) => "gate.guard",
            Order::Message(_) => "gate.message",
            Order::Stop(_) => "gate.stop",
            Order::EndSessions => "gate.end_sessions",
        }
    }

    /// The number that the journal notes with it: how many, which lane, on or off.
    fn object(&self) -> i64 {
        match self {
            Order::Ceiling(seats) | Order::Floor(seats) => seats.map_or(-1, i64::from),
            Order::Close(lane) | Order::Open(lane) => {
                named(lane).map_or(-1, |lane| i64::try_from(lane.index()).unwrap_or(-1))
            }
            Order::Guard(on) | Order::Stop(on) => i64::from(*on),
            Order::Message(text) => i64::from(text.is_some()),
            Order::EndSessions => 0,
        }
    }
}

/// Why an order is not carried out.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// No such lane.
    #[error("there is no lane {0:?}; lanes are teacher, lesson, known, unknown")]
    Lane(String),
    /// A number of people outside its bounds.
    #[error("{0} people: must be between 1 and 10000000")]
    Seats(u32),
    /// A message that is too long.
    #[error("the message has {0} characters; at most {LONGEST_MESSAGE} fit")]
    Message(usize),
    /// The store's; nothing has changed.
    #[error("not written down, so not done: {0}")]
    Store(#[from] StoreError),
}

impl From<diesel::result::Error> for OrderError {
    fn from(error: diesel::result::Error) -> Self {
        OrderError::Store(error.into())
    }
}

fn named(lane: &str) -> Option<Lane> {
    Lane::ALL.into_iter().find(|known| known.name() == lane)
}

impl Orders {
    /// The orders with one more.
    fn with(&self, order: &Order) -> Result<Orders, OrderError> {
        let mut orders = self.clone();
        match order {
            Order::Ceiling(Some(seats)) | Order::Floor(Some(seats)) if !(1..=10_000_000).contains(seats) => {
                return Err(OrderError::Seats(*seats));
            }
            Order::Ceiling(seats) => orders.ceiling = *seats,
            Order::Floor(seats) => orders.floor = *seats,
            Order::Close(lane) | Order::Open(lane) => {
                let lane = named(lane).ok_or_else(|| OrderError::Lane(lane.clone()))?.name();
                orders.closed.retain(|closed| closed != lane);
                if matches!(order, Order::Close(_)) {
                    orders.closed.push(lane.to_owned());
                }
            }
            Order::Guard(on) => orders.guard = *on,
            Order::Stop(on) => orders.stopped = *on,
            Order::Message(text) => {
                let text = text.as_deref().map(str::trim).filter(|text| !text.is_empty());
                let length = text.map_or(0, |text| text.chars().count());
                if length > LONGEST_MESSAGE {
                    return Err(OrderError::Message(length));
                }
                orders.message = text.map(str::to_owned);
                orders.message_number = orders.message_number.wrapping_add(1).max(1);
            }
            Order::EndSessions => {}
        }
        Ok(orders)
    }

    /// Lanes that let nobody in.
    pub(super) fn closed_lanes(&self) -> impl Iterator<Item = Lane> + '_ {
        Lane::ALL
            .into_iter()
            .filter(|lane| self.stopped || self.closed.iter().any(|name| name == lane.name()))
    }
}

/// Carries an order out: first in the store, with its entry in the journal, then here.
///
/// # Errors
/// See [`OrderError`]; nothing has changed then.
pub async fn order(platform: &Platform, order: Order) -> Result<Orders, OrderError> {
    let store = platform.store();
    let given = order.clone();
    let orders = store
        .write::<_, OrderError, _>(&SystemPermit::Operator, move |tx| {
            let kept = keepsake(tx.conn(), KEPT_AS)?;
            let orders = read(kept.as_deref()).with(&given)?;
            let text = serde_json::to_vec(&orders).unwrap_or_default();
            tx.keep(KEPT_AS, &text)?;
            tx.note_as(given.action(), "gate", given.object());
            Ok(orders)
        })
        .await?;
    tracing::warn!(order = order.action(), value = order.object(), "an operator's order");
    let door = platform.door();
    if order == Order::EndSessions {
        let ended = lock(&door.0.scheduler).end_all_sessions();
        tracing::warn!(ended, "all sessions were ended");
    }
    door.obey(orders.clone());
    Ok(orders)
}

/// Reads what is ordered and puts it in force; an application does it at its start and every few seconds.
///
/// # Errors
/// The store's; what was in force stays so.
pub async fn follow(platform: &Platform) -> Result<(), StoreError> {
    let orders = platform.store().read::<_, StoreError, _>(|conn| Ok(keepsake(conn, KEPT_AS)?)).await?;
    platform.door().obey(read(orders.as_deref()));
    Ok(())
}

/// What goes on beside the requests: the orders of other nodes are followed, steps of the ladder are written
/// into the journal. Never ends.
pub async fn attend(platform: Platform) {
    loop {
        if let Err(error) = follow(&platform).await {
            tracing::warn!(%error, "the gate's orders could not be read");
        }
        let steps = platform.door().shedding().take_steps();
        if !steps.is_empty() {
            let written = platform.store().write::<_, StoreError, _>(&SystemPermit::Gate, move |tx| {
                for step in &steps {
                    let action = if step.given_up { "gate.give_up" } else { "gate.give_back" };
                    tx.note_as(action, "rung", step.rung as i64);
                }
                Ok(())
            });
            if let Err(error) = written.await {
                tracing::error!(%error, "steps of the ladder could not be written down");
            }
        }
        tokio::time::sleep(FOLLOWED).await;
    }
}

fn read(kept: Option<&[u8]>) -> Orders {
    kept.map_or_else(Orders::default, |text| {
        serde_json::from_slice(text).unwrap_or_else(|error| {
            tracing::error!(%error, "the gate's orders cannot be read: as configured");
            Orders::default()
        })
    })
}

impl Door {
    /// What is ordered.
    pub fn orders(&self) -> Orders {
        self.0.orders.load().as_ref().clone()
    }

    fn obey(&self, orders: Orders) {
        if **self.0.orders.load() == orders {
            return;
        }
        let (before, after) =
            (self.0.configured.house(&self.0.orders.load()), self.0.configured.house(&orders));
        if before != after {
            self.tell_nodes(after);
        }
        let mut scheduler = lock(&self.0.scheduler);
        scheduler.set_message(if orders.message.is_some() { orders.message_number } else { 0 });
        scheduler.cap_unknown(orders.guard);
        self.0.orders.store(std::sync::Arc::new(orders));
        drop(scheduler);
        self.close_lanes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_add_up_and_are_bounded() {
        let orders = Orders::default();
        let closed = orders.with(&Order::Close("unknown".into())).expect("a lane");
        assert_eq!(closed.closed_lanes().collect::<Vec<_>>(), [Lane::Unknown]);
        let twice = closed.with(&Order::Close("unknown".into())).expect("a lane");
        assert_eq!(twice, closed);
        assert_eq!(twice.with(&Order::Open("unknown".into())).expect("a lane"), orders);
        let stopped = orders.with(&Order::Stop(true)).expect("an order");
        assert_eq!(stopped.closed_lanes().count(), Lane::ALL.len());
        assert!(matches!(orders.with(&Order::Close("vip".into())), Err(OrderError::Lane(_))));
        assert!(matches!(orders.with(&Order::Ceiling(Some(0))), Err(OrderError::Seats(0))));
        let long = "x".repeat(LONGEST_MESSAGE + 1);
        assert!(matches!(orders.with(&Order::Message(Some(long))), Err(OrderError::Message(301))));
    }

    #[test]
    fn every_message_has_a_number_of_its_own_that_is_not_zero() {
        let mut orders = Orders { message_number: u16::MAX, ..Orders::default() };
        for text in ["a", "b", " "] {
            let next = orders.with(&Order::Message(Some(text.into()))).expect("short enough");
            assert!(next.message_number != 0 && next.message_number != orders.message_number);
            orders = next;
        }
        assert_eq!(orders.message, None);
    }
}
