//! The console's page: one card a house, renewed every five seconds, orders as plain forms.

use super::sight::{LaneSight, Sight, ValveSight};
use crate::ui::{Form, Lang, Texts};
use askama::Template;
use axum::response::{Html, IntoResponse as _, Response};

/// The page.
#[derive(Template)]
#[template(path = "console/console.html")]
struct ConsolePage<'a> {
    t: &'static Texts,
    houses: Vec<House<'a>>,
    key: &'a str,
    wrong: Option<&'a str>,
}

/// A house in words.
struct House<'a> {
    sight: &'a Sight,
    cause: String,
    given_up: Vec<String>,
    lanes: Vec<(String, &'a LaneSight)>,
    valves: Vec<(String, &'a ValveSight)>,
}

impl<'a> House<'a> {
    fn of(t: &'static Texts, sight: &'a Sight) -> House<'a> {
        let word = |kind: &str, word: &str| t.get(&format!("console-{kind}-{word}")).to_owned();
        let Sight { cause, cause_valve, lanes, valves, given_up, .. } = sight;
        House {
            sight,
            cause: t.with(&format!("console-cause-{cause}"), "valve", cause_valve.as_deref().unwrap_or("")),
            given_up: given_up.iter().map(|rung| word("rung", rung)).collect(),
            lanes: lanes.iter().map(|lane| (word("lane", &lane.lane), lane)).collect(),
            valves: valves.iter().map(|valve| (word("limit", &valve.cause), valve)).collect(),
        }
    }
}

pub(super) fn page(lang: Lang, sights: &[Sight], key: &str, wrong: Option<&str>) -> Response {
    let t = Texts::of(lang, Form::Vous);
    let houses = sights.iter().map(|sight| House::of(t, sight)).collect();
    let page = ConsolePage { t, houses, key, wrong };
    match page.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => {
            tracing::error!(%error, "the console's page could not be written");
            http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
