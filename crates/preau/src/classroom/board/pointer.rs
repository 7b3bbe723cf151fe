//! Where the hands of those who draw are over the board: told at once and never kept.
//!
//! Only whoever may draw at that moment is told of. What is too fast is refused and not told later: the next place says
//! all there is to say.

use super::super::ClassroomState;
use super::super::acts::{done, too_fast};
use super::super::policy::DrawOnBoard;
use crate::access::Permit;
use crate::edge::{Caller, Refusal};
use crate::ids::{LessonId, PersonId};
use crate::lesson::{Document, LiveLesson, Pace, read_document, role_of};
use axum::extract::{Path, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};

/// The topic, as the page knows it.
const TOPIC: &str = "preau.pointer";
/// Four at once, then three a second of each person.
const PACE: Pace = Pace { burst: 4, pause: 330 };
/// Twelve at once, then ten a second of a whole lesson: each goes to everybody.
const TOGETHER: Pace = Pace { burst: 12, pause: 100 };
/// Nobody in particular: whose allowance is the lesson's.
const EVERYBODY: PersonId = PersonId::from_raw(0);
/// How far away from its middle somebody may point; things may lie as far.
const FAR: f64 = 1e6;

/// A place on the board.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::classroom) struct Place {
    x: f64,
    y: f64,
}

/// What everybody hears.
#[derive(Serialize)]
struct Told {
    person: String,
    x: f64,
    y: f64,
}

pub(in crate::classroom) async fn point(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path(id): Path<LessonId>,
    document: Document<Place>,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, DrawOnBoard> = state.permit(&caller, id).await?;
    let role = role_of(caller.actor(), permit.resource()).ok_or(Refusal::NotFound)?;
    let (person, now) = (caller.person()?, state.platform.now());
    let Place { x, y } = read_document(document)?;
    if x.abs() > FAR || y.abs() > FAR {
        return Err(Refusal::Malformed("a place that is not on the board".into()));
    }
    if !state.classrooms.room(id).await?.state.may_draw(person, role) {
        return Err(Refusal::Rule("room-board-closed"));
    }
    let pace = |who, pace| state.paces.take(("point", id), who, pace, now);
    if let Err(seconds) = pace(person, PACE).and_then(|()| pace(EVERYBODY, TOGETHER)) {
        return Ok(too_fast(seconds));
    }
    let told = Told { person: person.to_string(), x: tenth(x), y: tenth(y) };
    let packet = serde_json::to_vec(&told).map_err(|error| Refusal::Internal(error.to_string()))?;
    // A hand that is not seen for a moment harms nobody.
    if let Err(error) = state.rooms.tell_lesson(id, TOPIC, &packet).await {
        tracing::debug!(lesson = %id, %error, "a hand over the board was not told");
    }
    Ok(done())
}

fn tenth(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}
