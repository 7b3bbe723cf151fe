//! Capacity as this application finds it: the valves' readings, the operator's bounds, what a console shows.
//!
//! The controller is the engine's (`preau_gate::Found`). Invariant: the bounds in force are the operator's
//! orders, else the configuration's.

use super::pulse::PROCESSOR;
use super::{Door, lock};
use crate::edge::valves::Valves;
use arc_swap::ArcSwap;
use preau_gate::{
    Capacity, Cause, Found, FoundRules, Lane, Load, Moment, Quota, Reading, Rung, ValveReading,
};
use std::sync::{Arc, Mutex};

use super::steer::Orders;

/// The last readings of the valves.
pub(super) type Readings = Arc<Mutex<Vec<ValveReading>>>;

/// People inside at most and at least, as configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Configured {
    pub(super) ceiling: u32,
    pub(super) floor: u32,
}

impl Configured {
    /// People in the whole house at most, with the operator's orders.
    pub(super) fn house(self, orders: &Orders) -> u32 {
        orders.ceiling.unwrap_or(self.ceiling)
    }

    /// With the operator's orders.
    fn under(self, orders: &Orders) -> (u32, u32) {
        let ceiling = orders.ceiling.unwrap_or(self.ceiling);
        (orders.floor.unwrap_or(self.floor).min(ceiling), ceiling)
    }
}

/// A number typed by somebody: the configuration's, or the operator's since.
pub(super) struct Typed {
    pub(super) configured: Configured,
    pub(super) orders: Arc<ArcSwap<Orders>>,
}

impl Capacity for Typed {
    fn read(&mut self, load: Load, now: Moment) -> Reading {
        Quota(self.configured.under(&self.orders.load()).1).read(load, now)
    }
}

/// What the valves find.
struct Steered<R> {
    found: Found<R>,
    typed: Typed,
}

impl<R: preau_gate::ValveReport> Capacity for Steered<R> {
    fn read(&mut self, load: Load, now: Moment) -> Reading {
        let (floor, ceiling) = self.typed.configured.under(&self.typed.orders.load());
        self.found.set_bounds(floor, ceiling);
        self.found.read(load, now)
    }
}

impl Door {
    /// From now on the number of people and their pace follow from what these valves find, within the
    /// operator's bounds; and what they are asked for beyond that is shed.
    pub fn find_capacity(&self, valves: Arc<Valves>) {
        let (floor, ceiling) = self.0.configured.under(&self.0.orders.load());
        let usual = FoundRules::up_to(ceiling);
        // A house that has just opened, or restarted at eight o'clock, fills in a minute, if twenty a second are
        // not too many for it: from there the pace doubles until a valve shows what it bears.
        let start_pace = usual.start_pace.max(f64::from(ceiling) / 60.0).min(20.0);
        let (source, kept) = (Arc::clone(&valves), Arc::clone(&self.0.readings));
        let pulse = self.0.pulse.clone();
        let report = move |_: Moment, readings: &mut Vec<ValveReading>| {
            source.read(readings);
            readings.extend(pulse.read(readings));
            lock(&kept).clone_from(readings);
        };
        let found = Found::new(FoundRules { floor, start_pace, ..usual }, report);
        let typed = Typed { configured: self.0.configured, orders: Arc::clone(&self.0.orders) };
        let here = Steered { found, typed };
        let capacity: Box<dyn Capacity> = match &self.0.fleet {
            Some(fleet) => Box::new(super::fleet::Leased { member: fleet.member.clone(), here }),
            None => Box::new(here),
        };
        lock(&self.0.scheduler).set_capacity(capacity);
        let _ = self.0.valves.set(valves);
    }

    /// Each valve with its name, as last read.
    pub fn valves(&self) -> Vec<(String, ValveReading)> {
        lock(&self.0.readings).iter().map(|reading| (self.name(reading.valve), *reading)).collect()
    }

    fn name(&self, valve: u16) -> String {
        let named = |valves: &Arc<Valves>| valves.name(valve).to_owned();
        if valve == PROCESSOR {
            "processor".to_owned()
        } else {
            self.0.valves.get().map_or_else(String::new, named)
        }
    }

    /// Why there are as many seats as there are, as a word, and the valve that it speaks of.
    pub fn cause(&self) -> (&'static str, Option<String>) {
        let valve = |number: u16| Some(self.name(number)).filter(|name| !name.is_empty());
        match self.status().cause {
            Cause::Configured => ("configured", None),
            Cause::Ceiling => ("ceiling", None),
            Cause::Ramp => ("ramp", None),
            Cause::Headroom(number) => ("headroom", valve(number)),
            Cause::Saturated(number) => ("saturated", valve(number)),
            Cause::Floor => ("floor", None),
            Cause::Leased => ("leased", None),
            Cause::Severed => ("severed", None),
        }
    }

    /// Once a second: does the pressure ask for a step of the ladder?
    pub(super) fn weigh(&self, now: Moment) {
        let readings = lock(&self.0.readings).clone();
        let pressure = readings.iter().map(ValveReading::pressure).fold(0.0, f64::max);
        if !readings.is_empty() && self.0.shedding.observe(pressure, now) {
            self.close_lanes();
        }
    }

    /// Closes the lanes that an operator or the ladder has closed.
    pub(super) fn close_lanes(&self) {
        let by_ladder = [
            (Rung::NewUnknown, Lane::Unknown),
            (Rung::NewKnown, Lane::Known),
            (Rung::NewLessons, Lane::Lesson),
        ];
        let orders = self.0.orders.load();
        let mut lanes: Vec<Lane> = orders.closed_lanes().collect();
        if self.is_ill() {
            lanes.extend(Lane::ALL);
        }
        let shed = by_ladder.into_iter().filter(|(rung, _)| !self.0.shedding.permits(*rung));
        lanes.extend(shed.map(|(_, lane)| lane));
        lock(&self.0.scheduler).close(&lanes);
    }
}
