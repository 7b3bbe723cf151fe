//! What tests of several nodes share: the store as a model in Rust, and people at the gates.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

pub mod crowd;

use preau_gate::{Ask, LANES, Ledger, Moment, NodeId, Rank};

/// The store as the script describes it, on the gate's own `Ledger`: the same words in, the same words out.
#[derive(Default)]
pub struct Model {
    ledger: Option<Ledger>,
    /// Number, when it was said, and what is configured.
    seats: Option<(u32, u64, u32)>,
    /// Identifier, node, batch.
    notices: Vec<(u64, String, Vec<u8>)>,
    next: u64,
}

impl Model {
    /// All memory is lost. Notices are never called the same twice.
    pub fn forget(&mut self) {
        *self = Model { next: self.next, ..Model::default() };
    }

    /// One round at this time, in milliseconds.
    pub fn round(&mut self, arguments: &[Vec<u8>], now: u64) -> Vec<Vec<u8>> {
        let text = |at: usize| std::str::from_utf8(&arguments[at - 1]).expect("text");
        let number = |at: usize| text(at).parse::<u64>().expect("a number");
        let digits = |text: &str| u64::from_str_radix(text, 16).expect("digits");
        let small = |at: usize| u32::try_from(number(at)).expect("small");
        let at = Moment::from_unix_millis(now);
        let configured = small(12);
        let (mut seats, mut changed, stood) = match self.seats {
            Some((seats, changed, stood)) => (Some(seats), changed, Some(stood)),
            None => (None, 0, None),
        };
        let mut written_down = stood.unwrap_or(configured);
        if number(13) == 1 && stood.is_some_and(|stood| stood != configured) {
            (seats, changed, written_down) = (Some(configured), now, configured);
        }
        if seats.is_none() || number(11) > changed {
            (seats, changed) = (Some(small(10)), number(11));
        }
        let seats = seats.expect("set");

        let mut grant = vec!["no".to_owned()];
        if !text(2).is_empty() {
            let ask = Ask {
                node: NodeId(digits(text(1))),
                number: digits(text(2)),
                granted: digits(text(3)),
                holds: small(4),
                seated: small(5),
                wanted: small(6),
                watermarks: std::array::from_fn(|i| Rank::from_bits(digits(&text(8)[16 * i..16 * (i + 1)]))),
                leaving: number(7) == 1,
            };
            let ledger = self.ledger.get_or_insert_with(|| Ledger::new(seats));
            ledger.set_seats(seats);
            if !text(9).is_empty() {
                ledger.bury(NodeId(digits(text(9))), at);
            }
            grant = match ledger.renew(&ask, at) {
                Some(grant) => {
                    assert_eq!((grant.number, grant.at, LANES), (ask.number, at, 4));
                    self.seats = Some((seats, changed, written_down));
                    let watermarks = grant.watermarks.iter().map(Rank::to_string).collect();
                    let counts =
                        [grant.lease, grant.target, grant.nodes.into()].map(|count| count.to_string());
                    std::iter::once("yes".to_owned()).chain(counts).chain([watermarks]).collect()
                }
                None if ledger.knows(ask.node) => vec!["late".to_owned()],
                None => vec!["many".to_owned()],
            };
        }

        let last = self.notices.last().map_or(0, |(id, ..)| *id);
        let mut cursor = text(14).split('-').next().and_then(|id| id.parse().ok()).expect("a cursor");
        if last < cursor {
            cursor = 0;
        }
        let mut written = String::new();
        for batch in &arguments[15..] {
            self.next += 1;
            self.notices.push((self.next, text(1).to_owned(), batch.clone()));
            written = format!("{}-0", self.next);
        }
        let after = self.notices.iter().filter(|(id, ..)| *id > cursor).take(number(15) as usize);
        let entries: Vec<_> = after.cloned().collect();
        let cursor = entries.last().map_or(cursor, |(id, ..)| *id);
        let named = |id: u64| format!("{id}-0");
        let head = [
            now.to_string(),
            seats.to_string(),
            changed.to_string(),
            written_down.to_string(),
            named(last),
            written,
            named(cursor),
            entries.len().to_string(),
        ];
        let others = entries.into_iter().filter(|(_, node, _)| node != text(1)).map(|(.., batch)| batch);
        head.into_iter().chain(grant).map(String::into_bytes).chain(others).collect()
    }
}
