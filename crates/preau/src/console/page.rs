//! The console's page: a part for each house, renewed by itself; orders as plain forms on the same page
//! standing still, for what somebody is typing must not vanish under their hands.

use super::sight::{LaneSight, Sight, ValveSight};
use crate::ui::{Form, Lang, Texts};
use askama::Template;
use axum::response::{Html, IntoResponse as _, Response};

/// Seconds after which the figures are loaded again.
const EVERY: u32 = 10;

/// The page.
#[derive(Template)]
#[template(path = "console/console.html")]
struct ConsolePage<'a> {
    t: &'static Texts,
    houses: Vec<House<'a>>,
    key: &'a str,
    wrong: Option<&'a str>,
    /// Orders are being given: the page does not renew itself.
    still: bool,
    every: u32,
}

/// The fields that every order carries.
#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<input type="hidden" name="key" value="{{ key }}"><input type="hidden" name="house" value="{{ house }}">"#
)]
struct OrderFields<'a> {
    key: &'a str,
    house: &'a str,
}

impl ConsolePage<'_> {
    fn number(&self, value: &u32) -> String {
        self.t.count(&u64::from(*value))
    }

    fn fields(&self, sight: &Sight) -> String {
        OrderFields { key: self.key, house: &sight.house }.render().unwrap_or_default()
    }
}

/// A house in words.
struct House<'a> {
    sight: &'a Sight,
    cause: String,
    /// The share of the seats that is taken, in hundredths.
    percent: u32,
    waiting: u32,
    pace: Option<String>,
    given_up: Vec<String>,
    lanes: Vec<(String, &'a LaneSight)>,
    valves: Vec<Valve<'a>>,
}

/// A valve in words.
struct Valve<'a> {
    name: String,
    reading: &'a ValveSight,
    median: String,
    why: String,
}

impl<'a> House<'a> {
    fn of(t: &'static Texts, sight: &'a Sight) -> House<'a> {
        let word = |kind: &str, word: &str| t.get(&format!("console-{kind}-{word}")).to_owned();
        // Valves of other services are named by whoever configured them.
        let named = |valve: &str| {
            let key = format!("console-valve-{valve}");
            let known = t.get(&key);
            if known == key { valve.to_owned() } else { known.to_owned() }
        };
        let Sight { cause, cause_valve, lanes, valves, given_up, .. } = sight;
        let by = cause_valve.as_deref().map(named).unwrap_or_default();
        let taken = u64::from(sight.taken) * 100 / u64::from(sight.seats.max(1));
        House {
            sight,
            cause: t.with(&format!("console-cause-{cause}"), "valve", by),
            percent: u32::try_from(taken).unwrap_or(100).min(100),
            waiting: lanes.iter().map(|lane| lane.waiting).sum(),
            pace: sight.pace.map(|pace| decimal(t, pace)),
            given_up: given_up.iter().map(|rung| word("rung", rung)).collect(),
            lanes: lanes.iter().map(|lane| (word("lane", &lane.lane), lane)).collect(),
            valves: valves
                .iter()
                .map(|valve| Valve {
                    name: named(&valve.valve),
                    median: t.with("console-millis", "span", decimal(t, valve.median_ms)),
                    why: word("limit", &valve.cause),
                    reading: valve,
                })
                .collect(),
        }
    }
}

/// One decimal, with the sign that the language puts before it.
fn decimal(t: &Texts, value: f64) -> String {
    let written = format!("{value:.1}");
    if t.lang() == Lang::Fr { written.replace('.', ",") } else { written }
}

pub(super) fn page(lang: Lang, sights: &[Sight], key: &str, still: bool, wrong: Option<&str>) -> Response {
    let t = Texts::of(lang, Form::Vous);
    let houses = sights.iter().map(|sight| House::of(t, sight)).collect();
    let page = ConsolePage { t, houses, key, wrong, still, every: EVERY };
    match page.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => {
            tracing::error!(%error, "the console's page could not be written");
            http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
