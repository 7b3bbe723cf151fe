//! Where the lessons of a week stand on the page: rows by the minute, lessons at the same time side by side.
//! Pure.

use crate::ids::Millis;

/// A row of the grid, in minutes: lessons begin and end on multiples of it almost everywhere.
const ROW_MINUTES: i64 = 5;
/// A day is cut into so many columns: one, two, three or four lessons side by side divide it evenly.
pub(super) const DAY_COLUMNS: usize = 12;
/// Most lessons side by side; further ones share the last place.
const MOST_LANES: usize = 4;

/// What is to be placed: a span on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// Day of the week, from 0.
    pub(super) day: usize,
    /// Minute of the day at which it begins.
    pub(super) from: i64,
    /// Minute of the day at which it ends, later than `from`.
    pub(super) to: i64,
}

/// A place on the grid; lines are counted from 1 as CSS does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// First row line.
    pub(super) row: i64,
    /// Row line after it.
    pub(super) row_end: i64,
    /// First column, from 0 within the whole week without the column of hours.
    pub(super) column: usize,
    /// Column after it.
    pub(super) column_end: usize,
}

/// The row line of a minute on a grid that begins at `first`.
pub(super) fn row(first: i64, minute: i64) -> i64 {
    (minute - first).div_euclid(ROW_MINUTES) + 1
}

/// The first minute of the grid: the full hour before the earliest lesson.
pub(super) fn first_minute(spans: &[Span]) -> i64 {
    spans.iter().map(|span| span.from).min().unwrap_or(8 * 60).div_euclid(60) * 60
}

/// Places every span; lessons that overlap get lanes of equal width.
pub(super) fn place(spans: &[Span]) -> Vec<Place> {
    let first = first_minute(spans);
    let mut order: Vec<usize> = (0..spans.len()).collect();
    order.sort_by_key(|at| (spans[*at].day, spans[*at].from, spans[*at].to));
    let mut lanes = vec![0_usize; spans.len()];
    let mut widths = vec![1_usize; spans.len()];
    let mut cluster: Vec<usize> = Vec::new();
    let mut ends: Vec<i64> = Vec::new();
    let close = |cluster: &mut Vec<usize>, ends: &mut Vec<i64>, widths: &mut Vec<usize>| {
        for at in cluster.drain(..) {
            widths[at] = ends.len().clamp(1, MOST_LANES);
        }
        ends.clear();
    };
    let mut day = None;
    for at in order {
        let span = spans[at];
        // A cluster ends where nothing overlaps: the next lesson may be wide again.
        if day != Some(span.day) || ends.iter().all(|end| *end <= span.from) {
            close(&mut cluster, &mut ends, &mut widths);
            day = Some(span.day);
        }
        let lane = match ends.iter().position(|end| *end <= span.from) {
            Some(free) => free,
            None => {
                ends.push(0);
                ends.len() - 1
            }
        };
        ends[lane] = span.to;
        lanes[at] = lane.min(MOST_LANES - 1);
        cluster.push(at);
    }
    close(&mut cluster, &mut ends, &mut widths);
    spans
        .iter()
        .enumerate()
        .map(|(at, span)| {
            let wide = DAY_COLUMNS / widths[at];
            let column = span.day * DAY_COLUMNS + lanes[at].min(widths[at] - 1) * wide;
            let start = row(first, span.from);
            Place {
                row: start,
                row_end: row(first, span.to).max(start + 1),
                column,
                column_end: column + wide,
            }
        })
        .collect()
}

/// Minute of the day of an instant, given the first instant of that day; on a day of the change of clocks
/// the wall clock's own minutes are to be used instead.
pub(super) fn minute_of(time: jiff::civil::Time) -> i64 {
    i64::from(time.hour()) * 60 + i64::from(time.minute())
}

/// The distinct beginnings, for the column of hours.
pub(super) fn beginnings(starts: impl Iterator<Item = (i64, Millis)>) -> Vec<(i64, Millis)> {
    let mut found: Vec<(i64, Millis)> = starts.collect();
    found.sort_unstable();
    found.dedup_by_key(|(minute, _)| *minute);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lessons_at_once_stand_side_by_side_and_the_next_is_wide_again() {
        let span = |from, to| Span { day: 1, from, to };
        let places = place(&[span(480, 535), span(480, 535), span(540, 595)]);
        assert_eq!((places[0].column, places[0].column_end), (12, 18));
        assert_eq!((places[1].column, places[1].column_end), (18, 24));
        assert_eq!((places[2].column, places[2].column_end), (12, 24));
        assert_eq!((places[0].row, places[0].row_end, places[2].row), (1, 12, 13));
    }

    proptest! {
        #[test]
        fn up_to_four_lessons_never_cover_one_another(
            raw in proptest::collection::vec((0_usize..6, 84_i64..228, 1_i64..30), 0..25),
        ) {
            let spans: Vec<Span> =
                raw.into_iter().map(|(day, from, length)| Span { day, from: from * 5, to: (from + length) * 5 }).collect();
            let places = place(&spans);
            for (a, one) in spans.iter().enumerate() {
                prop_assert!(places[a].row >= 1 && places[a].row_end > places[a].row);
                prop_assert_eq!(places[a].column / DAY_COLUMNS, one.day);
                prop_assert!(places[a].column_end <= (one.day + 1) * DAY_COLUMNS);
                let crowd = |span: &Span| {
                    spans.iter().filter(|o| o.day == span.day && o.from < span.to && span.from < o.to).count()
                };
                for (b, other) in spans.iter().enumerate().skip(a + 1) {
                    let together = one.day == other.day && one.from < other.to && other.from < one.to;
                    if together && spans.iter().filter(|o| o.day == one.day).all(|o| crowd(o) <= 2) {
                        let apart = places[a].column_end <= places[b].column || places[b].column_end <= places[a].column;
                        prop_assert!(apart, "{:?} {:?}", places[a], places[b]);
                    }
                }
            }
        }
    }
}
