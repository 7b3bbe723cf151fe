//! Draws in the open: before a bell the promise (SHA-256 of the seed), after it the seed and who took part,
//! so that anybody can recompute the order (`preau gate verify-draw`).
//!
//! Devices are named by their random numbers, which say nothing about anybody; whoever took part finds their
//! own in the cookie `device` (its first sixteen characters). It draws nothing itself. Invariant: a seed is
//! shown only when nobody can take part any more.

use super::{Door, lock, millis};
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};
use preau_gate::DeviceId;
use std::collections::BTreeMap;

/// Where they are published.
pub(super) const ADDRESS: &str = "/draws.json";
/// Draws of which the participants are remembered; a school day has some ten bells.
const KEPT: usize = 12;
/// Participants of one draw that are remembered: 12 bytes each.
const MOST: usize = 500_000;

/// Who took part in which draw, by slot.
#[derive(Debug, Default)]
pub(super) struct Draws(BTreeMap<u32, Vec<DeviceId>>);

impl Draws {
    fn note(&mut self, slot: u32, device: DeviceId) {
        while self.0.len() >= KEPT && !self.0.contains_key(&slot) {
            self.0.pop_first();
        }
        let devices = self.0.entry(slot).or_default();
        if devices.len() < MOST {
            devices.push(device);
        }
    }

    fn of(&self, slot: u32) -> Vec<DeviceId> {
        let mut devices = self.0.get(&slot).cloned().unwrap_or_default();
        devices.sort_unstable_by_key(|device| *device.bytes());
        devices.dedup();
        devices
    }
}

impl Door {
    /// Somebody has been given a ticket whose place will be drawn.
    pub(super) fn note_draw(&self, slot: u32, device: DeviceId) {
        lock(&self.0.draws).note(slot, device);
    }
}

/// The draws of the day: `{slot, bell, commitment}`, and once the bell has rung the path of the record.
pub(super) fn all(door: &Door) -> Response {
    let now = door.now();
    let gate = &door.0.gate;
    let draws: Vec<_> = gate
        .pools()
        .iter()
        .map(|pool| {
            let commitment = gate.draw_commitment(pool.slot);
            let commitment: String = commitment.iter().map(|byte| format!("{byte:02x}")).collect();
            let rung = gate.draw_seed(pool.slot, now).is_some();
            let record = rung.then(|| format!("/draws/{}", pool.slot));
            let bell = crate::edge::instant(millis(pool.bell)).to_string();
            serde_json::json!({ "slot": pool.slot, "bell": bell, "commitment": commitment, "record": record })
        })
        .collect();
    json(serde_json::json!({ "draws": draws }).to_string(), "public, max-age=10")
}

/// One record, as `preau gate verify-draw` reads it; 404 before the bell and for slots of which there is none.
pub(super) fn one(door: &Door, slot: &str) -> Response {
    let record = || {
        let slot = slot.parse().ok()?;
        door.0.gate.pools().iter().find(|pool| pool.slot == slot)?;
        let devices = lock(&door.0.draws).of(slot);
        door.0.gate.draw_record(slot, &devices, door.now())
    };
    match record().and_then(|record| serde_json::to_string_pretty(&record).ok()) {
        Some(text) => json(text, "public, max-age=60"),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn json(text: String, cache: &'static str) -> Response {
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, cache)], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn participants_are_named_once_and_old_draws_make_room() {
        let mut draws = Draws::default();
        let device = |number| DeviceId::new([number; 12]);
        for slot in 0..20 {
            draws.note(slot, device(2));
            draws.note(slot, device(1));
            draws.note(slot, device(2));
        }
        assert_eq!(draws.of(19), [device(1), device(2)]);
        assert_eq!((draws.0.len(), draws.of(0)), (KEPT, Vec::new()));
    }
}
