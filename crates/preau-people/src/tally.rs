//! What happened to whom and when, and what can be said about it.
//!
//! It judges nothing: bounds belong to those who ask. Invariant: a page's time counts from the moment it was
//! due, so that nobody is left out of the count because somebody was slow.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Something that happened to somebody.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// They came, as the schedule said.
    Came,
    /// They were given a place in the queue, in this lane.
    Waits(String),
    /// They saw their first page, after so long in the queue, with this rank if they had one.
    In {
        /// From their coming to their first page.
        waited: Duration,
        /// The place they had.
        rank: Option<String>,
    },
    /// They saw a page, so long after it was due.
    Page {
        /// What it was.
        kind: Kind,
        /// From when it was due.
        took: Duration,
    },
    /// They were told that too much is going on.
    Busy,
    /// They were refused otherwise, with this status.
    Refused(u16),
    /// No answer came.
    Nothing(String),
    /// They had been in and were shown the waiting page.
    PutOut,
    /// They were given another place than the one they had: the first was not believed.
    Replaced,
    /// They waited for longer than they cared to.
    GaveUp,
    /// They have done what they came for, and went.
    Left,
}

/// Kinds of pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The first one.
    First,
    /// What a password was sent for.
    SignIn,
    /// Any other.
    Reading,
}

/// An event with its moment and person.
#[derive(Debug, Clone)]
pub struct Record {
    /// Since the beginning.
    pub at: Duration,
    /// Who.
    pub who: u32,
    /// What.
    pub event: Event,
}

/// The tally; cheap to clone, all clones are one.
#[derive(Debug, Clone)]
pub struct Tally {
    begun: Instant,
    records: Arc<Mutex<Vec<Record>>>,
}

impl Default for Tally {
    fn default() -> Tally {
        Tally { begun: Instant::now(), records: Arc::default() }
    }
}

impl Tally {
    /// Seconds since the beginning.
    #[must_use]
    pub fn now(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    /// Notes something.
    pub fn note(&self, who: u32, event: Event) {
        let at = self.begun.elapsed();
        self.records().push(Record { at, who, event });
    }

    fn records(&self) -> MutexGuard<'_, Vec<Record>> {
        // Pushing and reading leave nothing half done.
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What happened from one second to before another.
    #[must_use]
    pub fn span(&self, from: f64, to: f64) -> Span {
        let within = |record: &&Record| (from..to).contains(&record.at.as_secs_f64());
        let records = self.records().iter().filter(within).cloned().collect();
        Span { records, seconds: to - from }
    }

    /// Everything so far.
    #[must_use]
    pub fn all(&self) -> Span {
        self.span(0.0, self.now() + 1.0)
    }
}

/// What happened within a span.
#[derive(Debug, Clone)]
pub struct Span {
    /// In order of time.
    pub records: Vec<Record>,
    /// How long it is.
    pub seconds: f64,
}

impl Span {
    /// Events for which something holds.
    pub fn count(&self, is: impl Fn(&Event) -> bool) -> usize {
        self.records.iter().filter(|record| is(&record.event)).count()
    }

    /// Seconds that pages took, of these kinds.
    pub fn times(&self, of: impl Fn(Kind) -> bool) -> Vec<f64> {
        let took = |record: &Record| match record.event {
            Event::Page { kind, took } if of(kind) => Some(took.as_secs_f64()),
            _ => None,
        };
        self.records.iter().filter_map(took).collect()
    }

    /// Pages a second that were there within `worth` seconds of being due.
    #[must_use]
    pub fn goodput(&self, worth: f64) -> f64 {
        self.times(|_| true).iter().filter(|took| **took <= worth).count() as f64 / self.seconds
    }

    /// A quantile of the times of all pages, in milliseconds; 0 when there was none.
    #[must_use]
    pub fn page_ms(&self, share: f64) -> f64 {
        quantile(&mut self.times(|_| true), share) * 1e3
    }

    /// How many are in at each whole second of the span, counting those who came in and those who left, gave
    /// up on the way or were put out since the tally began; `before` are in when the span begins.
    #[must_use]
    pub fn inside(&self, before: i64) -> Vec<i64> {
        let start = self.records.first().map_or(0.0, |record| record.at.as_secs_f64().floor());
        let mut inside = vec![0; self.seconds.ceil() as usize + 1];
        for record in &self.records {
            let second = (record.at.as_secs_f64() - start) as usize;
            if let Some(cell) = inside.get_mut(second) {
                *cell += match record.event {
                    Event::In { .. } => 1,
                    Event::Left | Event::PutOut => -1,
                    _ => 0,
                };
            }
        }
        let mut sum = before;
        inside
            .iter()
            .map(|change| {
                sum += change;
                sum
            })
            .collect()
    }

    /// Events other than pages in a few words, for figures.
    #[must_use]
    pub fn troubles(&self) -> String {
        let busy = self.count(|event| *event == Event::Busy);
        let refused = self.count(|event| matches!(event, Event::Refused(_)));
        let nothing = self.count(|event| matches!(event, Event::Nothing(_)));
        let out = self.count(|event| *event == Event::PutOut);
        format!("{busy} busy, {refused} refused, {nothing} unanswered, {out} put out")
    }
}

/// The value below which a share of the others lies; 0 when there is none.
#[must_use]
pub fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len() as f64 * share) as usize;
    values.get(at.min(values.len().saturating_sub(1))).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_in_time_are_goodput() {
        let tally = Tally::default();
        for millis in [10, 900, 1_500] {
            tally.note(1, Event::Page { kind: Kind::Reading, took: Duration::from_millis(millis) });
        }
        tally.note(2, Event::Busy);
        let all = tally.span(0.0, 2.0);
        assert!((all.goodput(1.0) - 1.0).abs() < 1e-9);
        assert_eq!(
            (all.count(|event| *event == Event::Busy), all.times(|kind| kind == Kind::First).len()),
            (1, 0)
        );
        assert!((all.page_ms(0.99) - 1_500.0).abs() < 1e-6);
        assert!(tally.span(5.0, 6.0).records.is_empty());
    }

    #[test]
    fn who_is_inside_is_counted() {
        let at = |seconds, event| Record { at: Duration::from_secs(seconds), who: 0, event };
        let seated = || Event::In { waited: Duration::ZERO, rank: None };
        let records = vec![at(4, seated()), at(4, seated()), at(5, Event::Left), at(6, seated())];
        assert_eq!(Span { records, seconds: 3.0 }.inside(1)[..3], [3, 2, 3]);
    }
}
