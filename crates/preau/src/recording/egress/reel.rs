//! One recording while it runs, as far as it can be known without asking anybody: what was begun, what of it is over,
//! what failed. Pure.

use super::super::model::{Ending, MOST_TRACKS, RecordingId, TrackName};
use super::plan::Wanted;
use super::shelf::stem;
use crate::ids::{LessonId, Millis};
use preau_sfu::protocol as lk;
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

/// How often a track is tried that could not be written.
const TRIES: u32 = 4;
/// A file that was written for so long, in milliseconds, before it failed begins the tries anew.
const GOOD: Millis = 60_000;

/// What a LiveKit server says of a file that its recorder writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::recording) struct Told {
    /// The recorder's number for it.
    pub(in crate::recording) id: String,
    /// The file's name without its ending, and the name of the folder it lies in.
    pub(in crate::recording) stem: String,
    pub(in crate::recording) folder: String,
    /// When its first frame came, in milliseconds since the Unix epoch; none before.
    pub(in crate::recording) began: Option<Millis>,
    pub(in crate::recording) over: bool,
    /// Over, and not because somebody asked or its track was gone.
    pub(in crate::recording) failure: Option<String>,
}

/// Whether nothing more comes of it.
fn is_over(status: lk::EgressStatus) -> bool {
    use lk::EgressStatus as Status;
    match status {
        Status::EgressStarting | Status::EgressActive | Status::EgressEnding => false,
        Status::EgressComplete
        | Status::EgressFailed
        | Status::EgressAborted
        | Status::EgressLimitReached => true,
    }
}

impl Told {
    /// What is to be known of a message; the rest is not believed and not needed.
    pub(in crate::recording) fn of(info: &lk::EgressInfo) -> Told {
        use lk::EgressStatus as Status;
        let file = info.file_results.first();
        let asked = match &info.request {
            Some(lk::egress_info::Request::Track(request)) => match &request.output {
                Some(lk::track_egress_request::Output::File(file)) => file.filepath.as_str(),
                _ => "",
            },
            _ => "",
        };
        let named = file.map(|file| file.filename.as_str()).filter(|name| !name.is_empty());
        let path = Path::new(named.unwrap_or(asked));
        let text =
            |part: Option<&std::ffi::OsStr>| part.and_then(|part| part.to_str()).unwrap_or("").to_owned();
        let status = info.status();
        let failed = match status {
            Status::EgressFailed | Status::EgressLimitReached => true,
            Status::EgressAborted => !info.error.is_empty(),
            _ => false,
        };
        Told {
            id: info.egress_id.clone(),
            stem: text(path.file_stem()),
            folder: text(path.parent().and_then(Path::file_name)),
            began: file.map(|file| file.started_at / 1_000_000).filter(|at| *at > 0),
            over: is_over(status),
            failure: failed.then(|| info.error.clone()),
        }
    }
}

/// One file that the recorder was asked for.
#[derive(Debug)]
pub(super) struct Take {
    /// Its name, without the place on the time line, which is not known yet.
    pub(super) name: TrackName,
    pub(super) track: String,
    /// When it was asked for.
    pub(super) asked: Millis,
    /// The recorder's number for it, once it has one.
    pub(super) id: Option<String>,
    pub(super) began: Option<Millis>,
    pub(super) state: State,
}

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Asked for, or being written.
    Runs,
    /// The recorder was asked to stop.
    Stops,
    /// Nothing more comes; its file is being taken over.
    TakenOver,
}

/// One recording.
#[derive(Debug)]
pub(super) struct Reel {
    pub(super) id: RecordingId,
    pub(super) lesson: LessonId,
    pub(super) voices: bool,
    /// Milliseconds since the Unix epoch, like all times here.
    pub(super) began: Millis,
    /// When it has lasted as long as it may.
    pub(super) until: Millis,
    /// Why and when it ended; what is being written is then only waited for.
    pub(super) ended: Option<(Ending, Millis)>,
    files: u32,
    pub(super) takes: Vec<Take>,
    /// How often a track could not be written.
    failures: HashMap<String, u32>,
    /// It was told that something is missing.
    troubled: bool,
}

/// What has to be done so that what is written is what should be.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Orders {
    /// Tracks to begin, each with the file's name.
    pub(super) begin: Vec<(TrackName, String)>,
    /// Files to end, by the recorder's number.
    pub(super) stop: Vec<String>,
    /// The first failure of something that is wanted still: somebody should be told.
    pub(super) trouble: bool,
    /// Nothing of what is wanted can be written.
    pub(super) hopeless: bool,
}

impl Reel {
    pub(super) fn new(
        (id, lesson): (RecordingId, LessonId),
        voices: bool,
        (began, until): (Millis, Millis),
    ) -> Reel {
        Reel {
            id,
            lesson,
            voices,
            began,
            until,
            ended: None,
            files: 0,
            takes: Vec::new(),
            failures: HashMap::new(),
            troubled: false,
        }
    }

    /// Compares what is written with what should be; what is to be begun counts as begun from now on.
    pub(super) fn compare(&mut self, wanted: &[Wanted], now: Millis) -> Orders {
        let mut orders = Orders::default();
        if self.ended.is_some() {
            orders.stop = self.stop_all();
            return orders;
        }
        for take in &mut self.takes {
            let gone = !wanted.iter().any(|one| one.track == take.track);
            if gone
                && take.state == State::Runs
                && let Some(id) = &take.id
            {
                take.state = State::Stops;
                orders.stop.push(id.clone());
            }
        }
        let (mut failing, mut open) = (0, 0);
        for one in wanted {
            if self.takes.iter().any(|take| take.track == one.track && take.state == State::Runs) {
                open += 1;
                continue;
            }
            let failures = self.failures.get(&one.track).copied().unwrap_or(0);
            orders.trouble |= failures > 0;
            if failures >= TRIES {
                failing += 1;
                continue;
            }
            if self.files < MOST_TRACKS {
                self.files += 1;
                open += 1;
                let name = TrackName { number: self.files, shows: one.shows, person: one.person, begins: 0 };
                let (track, state) = (one.track.clone(), State::Runs);
                self.takes.push(Take {
                    name,
                    track: track.clone(),
                    asked: now,
                    id: None,
                    began: None,
                    state,
                });
                orders.begin.push((name, track));
            }
        }
        orders.trouble &= !self.troubled;
        self.troubled |= orders.trouble;
        orders.hopeless = failing > 0 && open == 0;
        orders
    }

    /// Everything that runs is to end; the recorder's numbers.
    pub(super) fn stop_all(&mut self) -> Vec<String> {
        let mut stop = Vec::new();
        for take in self.takes.iter_mut().filter(|take| take.state == State::Runs) {
            if let Some(id) = &take.id {
                take.state = State::Stops;
                stop.push(id.clone());
            }
        }
        stop
    }

    /// The recorder took a request on. Whether it is to stop at once, because it is no longer wanted.
    pub(super) fn accepted(&mut self, number: u32, id: String) -> bool {
        let ended = self.ended.is_some();
        let Some(take) = self.takes.iter_mut().find(|take| take.name.number == number) else { return true };
        if take.id.is_none() {
            take.id = Some(id);
        }
        if ended && take.state == State::Runs {
            take.state = State::Stops;
        }
        take.state == State::Stops
    }

    /// The recorder did not take a request on.
    pub(super) fn refused(&mut self, number: u32) {
        let found = self.takes.iter().position(|take| take.name.number == number);
        if let Some(take) = found.map(|at| self.takes.swap_remove(at)) {
            *self.failures.entry(take.track).or_default() += 1;
        }
    }

    /// Something was told of a file, perhaps a second time. The number of the one that is over by that, and is to be
    /// taken over now.
    pub(super) fn told(&mut self, told: &Told, now: Millis) -> Option<u32> {
        let ours = told.folder == self.id.to_string();
        let take = self.takes.iter_mut().find(|take| match &take.id {
            Some(id) => *id == told.id,
            // It may be told of before the request for it is answered.
            None => ours && stem(take.name) == told.stem,
        })?;
        take.id.get_or_insert_with(|| told.id.clone());
        take.began = take.began.or(told.began);
        if !told.over || take.state == State::TakenOver {
            return None;
        }
        // Nobody asked for that. If its track is gone, it is not missed; otherwise it failed, whatever it calls that: a
        // recorder whose machine has too much to do ends files as if they were complete.
        if take.state == State::Runs {
            let tries = self.failures.entry(take.track.clone()).or_default();
            let lasted = take.began.map_or(0, |began| now - began);
            *tries = if lasted < GOOD { *tries + 1 } else { 1 };
        }
        take.state = State::TakenOver;
        Some(take.name.number)
    }

    /// The recorder was killed while it wrote this: nothing will be told of it. The number of what it wrote.
    pub(super) fn lost(&mut self, id: &str) -> Option<u32> {
        let take = self.takes.iter_mut().find(|take| take.id.as_deref() == Some(id))?;
        if take.state == State::TakenOver {
            return None;
        }
        if take.state == State::Runs {
            *self.failures.entry(take.track.clone()).or_default() += 1;
        }
        take.state = State::TakenOver;
        Some(take.name.number)
    }

    /// Whether this is the recorder's number of a file that is being written.
    pub(super) fn writes(&self, id: &str) -> bool {
        self.takes.iter().any(|take| take.id.as_deref() == Some(id))
    }

    /// Those of which nothing was told although their processes left the room before `before`.
    pub(super) fn missing(&self, left: &HashMap<String, Millis>, before: Millis) -> Vec<String> {
        let ids = self.takes.iter().filter(|take| take.state != State::TakenOver);
        let ids = ids.filter_map(|take| take.id.as_ref());
        ids.filter(|id| left.get(*id).is_some_and(|at| *at < before)).cloned().collect()
    }

    /// A file was taken over, or could not be.
    pub(super) fn done(&mut self, number: u32) {
        self.takes.retain(|take| take.name.number != number);
    }

    /// Whether it has ended and nothing is waited for.
    pub(super) fn is_done(&self) -> bool {
        self.ended.is_some() && self.takes.is_empty()
    }

    /// The name of a file with its place on the time line, and how much of it belongs to the recording; `heard` is when
    /// its beginning was told of at the latest. The recorder's clock is believed as far as it fits ours.
    pub(super) fn place(&self, number: u32, heard: Millis) -> Option<(TrackName, Duration)> {
        let take = self.takes.iter().find(|take| take.name.number == number)?;
        let earliest = take.asked.max(self.began);
        let at = take.began.unwrap_or(earliest).clamp(earliest, heard.max(earliest));
        let most = self.ended.map_or(Millis::MAX, |(_, ended)| ended.saturating_sub(at));
        let whole = |number: Millis| u64::try_from(number).unwrap_or(0);
        let name = TrackName { begins: whole(at - self.began), ..take.name };
        Some((name, Duration::from_millis(whole(most))))
    }
}
