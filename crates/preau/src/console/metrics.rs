//! Metrics in Prometheus' text format (version 0.0.4): the same figures as on the page, for graphs.
//!
//! Names follow Prometheus' conventions: a unit at the end, `_total` for what only grows. The board in
//! `docs/grafana.json` reads them.

use super::sight::Sight;
use std::fmt::Write as _;

/// All metrics of all houses.
pub(super) fn text(sights: &[Sight]) -> String {
    let mut out = Text(String::with_capacity(8 * 1024));
    out.family("preau_gate_seats", "gauge", "People who may be inside.", sights, |sight, line| {
        line(&[], f64::from(sight.seats));
    });
    out.family("preau_gate_taken", "gauge", "Seats taken.", sights, |sight, line| {
        line(&[], f64::from(sight.taken));
    });
    out.family("preau_gate_set_aside", "gauge", "Seats set aside for lessons.", sights, |sight, line| {
        line(&[], f64::from(sight.set_aside));
    });
    out.family("preau_gate_pace", "gauge", "New people a second at most.", sights, |sight, line| {
        if let Some(pace) = sight.pace {
            line(&[], pace);
        }
    });
    out.family("preau_gate_cause", "gauge", "1 for why there are as many seats.", sights, |sight, line| {
        let valve = sight.cause_valve.as_deref().unwrap_or("");
        line(&[("cause", &sight.cause), ("valve", valve)], 1.0);
    });
    out.family("preau_gate_moving", "gauge", "1 while the queue moves.", sights, |sight, line| {
        line(&[], f64::from(u8::from(sight.moving)));
    });
    out.family(
        "preau_gate_ill",
        "gauge",
        "1 while nobody answers behind the gate.",
        sights,
        |sight, line| {
            line(&[], f64::from(u8::from(sight.ill)));
        },
    );
    out.family(
        "preau_gate_toll_bits",
        "gauge",
        "Proof of work asked of strangers.",
        sights,
        |sight, line| {
            line(&[], f64::from(sight.toll_bits));
        },
    );
    out.family("preau_gate_given_up", "gauge", "Steps of the ladder taken.", sights, |sight, line| {
        line(&[], sight.given_up.len() as f64);
    });
    for (name, help, figure) in [
        ("preau_gate_lane_seated", "Seats taken, by lane.", 0),
        ("preau_gate_lane_waiting", "Live people waiting, by lane, as estimated.", 1),
        ("preau_gate_lane_tickets", "Tickets not yet called, by lane.", 2),
        ("preau_gate_lane_admitted_per_minute", "People let in a minute, by lane.", 3),
        ("preau_gate_lane_closed", "1 where nobody new is let in.", 4),
    ] {
        out.family(name, "gauge", help, sights, |sight, line| {
            for lane in &sight.lanes {
                let figures = [lane.seated, lane.waiting, lane.tickets, lane.per_minute, lane.closed.into()];
                line(&[("lane", &lane.lane)], f64::from(figures[figure]));
            }
        });
    }
    for (name, help, figure) in [
        ("preau_valve_limit", "Requests that may be under way.", 0),
        ("preau_valve_inflight", "Requests under way.", 1),
        ("preau_valve_waiting", "Requests that wait for a place.", 2),
        ("preau_valve_served_per_second", "Requests served in the last second.", 3),
        ("preau_valve_refused_per_second", "Requests refused in the last second.", 4),
        ("preau_valve_base_seconds", "Response time when nothing stands in line.", 5),
        ("preau_valve_median_seconds", "Response time lately.", 6),
        ("preau_valve_saturated", "1 while more is asked than can be done.", 7),
    ] {
        out.family(name, "gauge", help, sights, |sight, line| {
            for valve in &sight.valves {
                let figures = [
                    f64::from(valve.limit),
                    f64::from(valve.inflight),
                    f64::from(valve.waiting),
                    f64::from(valve.served),
                    f64::from(valve.refused),
                    valve.base_ms / 1000.0,
                    valve.median_ms / 1000.0,
                    f64::from(u8::from(valve.saturated)),
                ];
                line(&[("valve", &valve.valve)], figures[figure]);
            }
        });
    }
    out.0
}

struct Text(String);

impl Text {
    fn family(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        sights: &[Sight],
        mut each: impl FnMut(&Sight, &mut dyn FnMut(&[(&str, &str)], f64)),
    ) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for sight in sights {
            each(sight, &mut |labels, value| {
                let _ = write!(self.0, "{name}{{house=\"{}\"", escaped(&sight.house));
                for (label, text) in labels {
                    let _ = write!(self.0, ",{label}=\"{}\"", escaped(text));
                }
                let _ = writeln!(self.0, "}} {value}");
            });
        }
    }
}

/// A label's value as the format wants it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A house in which everything has a figure.
    fn busy() -> Sight {
        let sight = serde_json::json!({
            "house": "a \"quoted\" house", "at": 1, "moving": true, "ill": false, "seats": 300, "cause": "headroom",
            "cause_valve": "pages", "pace": 2.5, "taken": 10, "set_aside": 3, "toll_bits": 18,
            "lanes": [{ "lane": "known", "seated": 4, "waiting": 5, "tickets": 6, "per_minute": 7,
                        "watermark": "0", "closed": false }],
            "valves": [{ "valve": "pages", "limit": 20, "cause": "steady", "inflight": 8, "waiting": 1, "served": 90,
                         "refused": 2, "base_ms": 12.5, "median_ms": 20.0, "saturated": false }],
            "given_up": ["analytics"], "orders": {},
        });
        serde_json::from_value(sight).expect("a sight")
    }

    #[test]
    fn each_line_is_a_sample_with_its_labels() {
        let text = text(&[busy()]);
        assert!(text.contains("preau_gate_pace{house=\"a \\\"quoted\\\" house\"} 2.5\n"), "{text}");
        assert!(text.contains(",valve=\"pages\"} 0.0125\n"), "{text}");
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.rsplit_once(' ').expect("a value");
            assert!(name.starts_with("preau_") && value.parse::<f64>().is_ok(), "{line}");
        }
    }

    #[test]
    fn the_board_shows_nothing_that_is_not_measured() {
        let board = include_str!("../../../../docs/grafana.json");
        let text = text(&[busy()]);
        let mut shown = 0;
        for (at, _) in board.match_indices("preau_") {
            let name: String =
                board[at..].chars().take_while(|sign| sign.is_ascii_lowercase() || *sign == '_').collect();
            assert!(text.contains(&format!("# TYPE {name} ")), "{name} is on the board only");
            shown += 1;
        }
        assert!(shown >= 15, "{shown}");
    }
}
