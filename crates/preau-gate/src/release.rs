//! The release: which lessons are in, which come next, and how many seats are set aside for them.
//!
//! A lesson is released when its access has opened and seats for its whole roster are there; until
//! then seats that fall to the lesson lane are saved up for it. From the moment its teacher is live,
//! or two minutes before the bell at the latest, its missing pupils' seats are set aside; before that
//! only for those of them who are known to wait. Three minutes after the bell what is left goes back.
//!
//! It belongs to the scheduler; seats are given in `seats.rs`.
//! Invariant: lessons are released in the order of the plan, and never more than their rosters fit.

use std::collections::HashMap;
use std::sync::Arc;

use crate::draw::Rank;
use crate::kept::KeptSeats;
use crate::plan::{LessonId, Plan, Release};
use crate::rules::{Rules, per_mille};
use crate::time::Moment;

/// What the lessons of the plan ask for at one tick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Demand {
    /// People of released lessons who are still to come, beyond the seats set aside.
    pub(crate) promised: u32,
    /// People of lessons whose access has opened but who have not been released.
    pub(crate) due: u32,
    /// People of lessons whose bell's release has begun, `due` included.
    pub(crate) opening: u32,
    /// People of lessons that open within half an hour or so, `opening` included.
    pub(crate) coming: u32,
}

/// The state of the release.
#[derive(Debug, Default)]
pub(crate) struct Releaser {
    pub(crate) plan: Arc<Plan>,
    released: HashMap<LessonId, Moment>,
}

impl Releaser {
    /// Takes a new plan over. A lesson that is announced when its pupils' time is over already, because the
    /// gate has only just begun, is released at once, and no seat is set aside for it.
    pub(crate) fn set_plan(&mut self, plan: Plan, kept: &mut KeptSeats, release: &Release, now: Moment) {
        self.released.retain(|lesson, _| plan.get(*lesson).is_some());
        for planned in plan.lessons() {
            let span = if planned.lesson.exam { release.kept_exam } else { release.kept };
            if planned.lesson.begins + span <= now && self.plan.get(planned.lesson.id).is_none() {
                self.released.entry(planned.lesson.id).or_insert(planned.lesson.begins);
            }
        }
        kept.retain(|lesson| plan.get(lesson).is_some());
        self.plan = Arc::new(plan);
    }

    /// Sets seats aside for the lessons released so far, out of `room` seats that nobody has, and
    /// says what the others ask for.
    pub(crate) fn keep(
        &mut self,
        kept: &mut KeptSeats,
        rules: &Rules,
        seats: u32,
        room: u32,
        watermark: Rank,
        now: Moment,
    ) -> Demand {
        let release = &rules.release;
        // People who came back may have taken what was saved up.
        kept.saved = kept.saved.min(room);
        let mut room = room - kept.saved;
        let mut exams = per_mille(seats, rules.exam_permille);
        let mut demand = Demand::default();
        for planned in self.plan.lessons() {
            let lesson = &planned.lesson;
            if !planned.is_near(release, now) {
                continue;
            }
            let missing = lesson.people.saturating_sub(kept.seated(lesson.id));
            let open = planned.opens() < now;
            let is_released = planned.to <= watermark || (lesson.exam && planned.opens() <= now);
            if !is_released {
                if lesson.ends > now {
                    let opening = lesson.begins - release.first <= now;
                    demand.coming = demand.coming.saturating_add(missing);
                    demand.opening = demand.opening.saturating_add(if opening { missing } else { 0 });
                    demand.due = demand.due.saturating_add(if open { missing } else { 0 });
                }
                continue;
            }
            let at = *self.released.entry(lesson.id).or_insert(now);
            let span = if lesson.exam { release.kept_exam } else { release.kept };
            if now >= lesson.begins.max(at) + span || now >= lesson.ends {
                kept.keep(lesson.id, 0);
                continue;
            }
            let firm = lesson.exam || kept.has_teacher(lesson.id) || now + release.last >= lesson.begins;
            let mut want = if firm {
                missing
            } else if now.since(at) < rules.claim {
                missing.min(kept.waiting(lesson.id))
            } else {
                0
            };
            if lesson.exam {
                want = want.min(exams);
                exams -= want;
            }
            let give = want.min(room);
            room -= give;
            kept.keep(lesson.id, give);
            demand.promised = demand.promised.saturating_add(missing - give);
        }
        demand
    }

    /// Releases lessons whose access has opened, in order, as far as `budget` seats go. Returns the
    /// place up to which the turn has come, and what is left when no lesson waits for it; what is not
    /// enough for the next lesson is saved up.
    pub(crate) fn release(
        &mut self,
        kept: &mut KeptSeats,
        budget: u32,
        seats: u32,
        watermark: Rank,
        now: Moment,
    ) -> (Option<Rank>, u32) {
        let mut budget = budget.saturating_add(std::mem::take(&mut kept.saved));
        let mut to = None;
        for planned in &self.plan.lessons()[self.plan.first_after(watermark)..] {
            if planned.opens() >= now {
                return (to, budget);
            }
            let lesson = &planned.lesson;
            if lesson.ends > now && !lesson.exam && !self.released.contains_key(&lesson.id) {
                let missing = lesson.people.saturating_sub(kept.seated(lesson.id));
                // A lesson larger than the house comes in when most of the house is free.
                let need = missing.min(seats - seats / 10).max(u32::from(missing > 0));
                if need > budget {
                    kept.saved = budget;
                    return (to, 0);
                }
                let give = missing.min(budget);
                budget -= give;
                kept.keep(lesson.id, give.min(kept.waiting(lesson.id)));
                self.released.insert(lesson.id, now);
            }
            to = Some(planned.to);
        }
        (to, budget)
    }

    /// The slot before which the watermark must stay, because a lesson there has not been released.
    pub(crate) fn bound(&self, watermark: Rank) -> Option<u32> {
        let lessons = self.plan.lessons();
        lessons.get(self.plan.first_after(watermark)).map(|planned| planned.from.slot())
    }

    /// The lessons not released yet that open soon, as stretches of the queue.
    pub(crate) fn stretches(&self, watermark: Rank, kept: &KeptSeats, now: Moment) -> Vec<(Rank, Rank, f64)> {
        let ahead = now + crate::keys::FUTURE;
        self.plan.lessons()[self.plan.first_after(watermark)..]
            .iter()
            .take_while(|planned| planned.opens() <= ahead)
            .filter(|planned| !planned.lesson.exam && planned.lesson.ends > now)
            .map(|planned| {
                let missing = planned.lesson.people.saturating_sub(kept.seated(planned.lesson.id));
                (planned.from, planned.to, f64::from(missing))
            })
            .collect()
    }
}
