//! A round as the script takes and gives it (`round.lua` names each part), and notices as bytes.
//!
//! Nothing here decides. What cannot be read is an error, never a guess: another program may use the same
//! keys.

use preau_gate::{Ask, DeviceId, Grant, LANES, Moment, NodeId, Notice, Rank, Word};
use redis::Value;

use crate::report::Refusal;

/// What the store does in a round.
pub const SCRIPT: &str = include_str!("round.lua");

/// The versions of a batch; another one is of a later release, and passed over. The first release knows the first
/// only and takes every word there but "seated" for "revoked": those it does not know stand in the second.
const VERSIONS: [u8; 2] = [1, 2];
/// Bytes of a notice: device, seated and taken in milliseconds, the word.
const NOTICE: usize = 12 + 8 + 8 + 1;
/// Notices in a batch.
pub(crate) const BATCH: usize = 256;
/// Batches read in a round; 1.9 MB when full.
pub(crate) const READ: usize = 256;

/// Seats of the house, and when somebody said so: the newest word counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seats {
    pub(crate) number: u32,
    /// By the store's clock; 0 for what stands in a configuration.
    pub(crate) changed: u64,
}

/// What a node says in a round.
#[derive(Debug)]
pub(crate) struct Round<'a> {
    pub(crate) node: NodeId,
    pub(crate) ask: Option<&'a Ask>,
    pub(crate) seats: Seats,
    pub(crate) configured: u32,
    /// No grant has come yet.
    pub(crate) joining: bool,
    pub(crate) former: Option<NodeId>,
    /// The last notice read.
    pub(crate) cursor: &'a str,
    pub(crate) notices: &'a [Notice],
}

/// What the store says in a round.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) seats: Seats,
    /// The last notice there was before this round; the last that it wrote, if it wrote any.
    pub(crate) last: String,
    pub(crate) written: Option<String>,
    pub(crate) cursor: String,
    /// More is to be read.
    pub(crate) more: bool,
    pub(crate) grant: Option<Result<Grant, Refusal>>,
    pub(crate) notices: Vec<Notice>,
}

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store's answer has no {0} where one should be: does another program use these keys?")]
pub(crate) struct Unreadable(&'static str);

/// A node as the keys name it.
fn digits(number: u64) -> String {
    format!("{number:016x}")
}

impl Round<'_> {
    /// The arguments of the script.
    pub(crate) fn arguments(&self) -> Vec<Vec<u8>> {
        let text = |number: u64| number.to_string();
        let flag = |yes: bool| text(u64::from(yes));
        let former = self.former.map_or_else(String::new, |former| digits(former.0));
        let ask = self.ask;
        let of = |read: fn(&Ask) -> u64| text(ask.map_or(0, read));
        let watermarks = |ask: &Ask| ask.watermarks.iter().map(Rank::to_string).collect::<String>();
        let fixed = [
            digits(self.node.0),
            ask.map_or_else(String::new, |ask| digits(ask.number)),
            digits(ask.map_or(0, |ask| ask.granted)),
            of(|ask| ask.holds.into()),
            of(|ask| ask.seated.into()),
            of(|ask| ask.wanted.into()),
            flag(ask.is_some_and(|ask| ask.leaving)),
            ask.map_or_else(String::new, watermarks),
            former,
            text(self.seats.number.into()),
            text(self.seats.changed),
            text(self.configured.into()),
            flag(self.joining),
            self.cursor.to_owned(),
            READ.to_string(),
        ];
        let of = |version: u8| -> Vec<Notice> {
            self.notices.iter().copied().filter(|notice| written(notice.word).0 == version).collect()
        };
        let batches = VERSIONS.map(|version| {
            of(version).chunks(BATCH).map(|notices| batch(version, notices)).collect::<Vec<_>>()
        });
        fixed.into_iter().map(String::into_bytes).chain(batches.into_iter().flatten()).collect()
    }
}

/// Reads the script's answer to an ask of this number.
pub(crate) fn read(value: Value, number: Option<u64>) -> Result<Answer, Unreadable> {
    let Value::Array(parts) = value else { return Err(Unreadable("list")) };
    let mut parts = parts.into_iter();
    let mut next = |what: &'static str| match parts.next() {
        Some(Value::BulkString(bytes)) => String::from_utf8(bytes).map_err(|_| Unreadable(what)),
        _ => Err(Unreadable(what)),
    };
    fn parse<T: std::str::FromStr>(text: String, what: &'static str) -> Result<T, Unreadable> {
        text.parse().map_err(|_| Unreadable(what))
    }
    let at = Moment::from_unix_millis(parse(next("time")?, "time")?);
    let seats = Seats { number: parse(next("seats")?, "seats")?, changed: parse(next("change")?, "change")? };
    parse::<u32>(next("configured number")?, "configured number")?;
    let last = next("last notice")?;
    let written = Some(next("written notice")?).filter(|id| !id.is_empty());
    let cursor = next("cursor")?;
    let more = parse::<usize>(next("count")?, "count")? >= READ;
    let grant = match (next("grant")?.as_str(), number) {
        ("yes", Some(number)) => {
            let lease = parse(next("lease")?, "lease")?;
            let target = parse(next("target")?, "target")?;
            let nodes = parse(next("number of nodes")?, "number of nodes")?;
            let watermarks = watermarks(&next("watermarks")?)?;
            Some(Ok(Grant { number, lease, target, at, watermarks, nodes }))
        }
        ("late", _) => Some(Err(Refusal::Late)),
        ("many", _) => Some(Err(Refusal::TooMany)),
        ("no", _) => None,
        _ => return Err(Unreadable("grant")),
    };
    let mut notices = Vec::new();
    for part in parts {
        let Value::BulkString(bytes) = part else { return Err(Unreadable("batch")) };
        open(&bytes, &mut notices)?;
    }
    Ok(Answer { seats, last, written, cursor, more, grant, notices })
}

fn watermarks(text: &str) -> Result<[Rank; LANES], Unreadable> {
    let wrong = Unreadable("watermarks");
    let mut watermarks = [Rank::default(); LANES];
    if text.len() != 16 * LANES {
        return Err(wrong);
    }
    for (watermark, at) in watermarks.iter_mut().zip((0..).step_by(16)) {
        let digits = text.get(at..at + 16).ok_or(wrong)?;
        *watermark = Rank::from_bits(u64::from_str_radix(digits, 16).map_err(|_| wrong)?);
    }
    Ok(watermarks)
}

/// In which version a word stands, and as what.
const fn written(word: Word) -> (u8, u8) {
    match word {
        Word::Seated => (1, 0),
        Word::Revoked => (1, 1),
        Word::Leaving => (2, 2),
        Word::Left => (2, 3),
    }
}

/// The word that is written so.
const fn word(version: u8, byte: u8) -> Option<Word> {
    match (version, byte) {
        (1, 0) => Some(Word::Seated),
        (1, _) => Some(Word::Revoked),
        (2, 2) => Some(Word::Leaving),
        (2, 3) => Some(Word::Left),
        _ => None,
    }
}

/// Notices as one entry of the stream.
fn batch(version: u8, notices: &[Notice]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + notices.len() * NOTICE);
    bytes.push(version);
    for notice in notices {
        bytes.extend_from_slice(notice.device.bytes());
        bytes.extend_from_slice(&notice.at.unix_millis().to_be_bytes());
        bytes.extend_from_slice(&notice.taken.unix_millis().to_be_bytes());
        bytes.push(written(notice.word).1);
    }
    bytes
}

/// Reads an entry of the stream.
fn open(bytes: &[u8], notices: &mut Vec<Notice>) -> Result<(), Unreadable> {
    let Some((&version, body)) = bytes.split_first() else { return Err(Unreadable("version of a batch")) };
    if !VERSIONS.contains(&version) {
        return Ok(());
    }
    let whole = body.chunks_exact(NOTICE);
    if !whole.remainder().is_empty() || whole.len() > BATCH {
        return Err(Unreadable("whole batch"));
    }
    for notice in whole {
        let (device, times) = notice.split_at(12);
        let mut number = [0; 12];
        number.copy_from_slice(device);
        let moment = |bytes: &[u8]| {
            let mut millis = [0; 8];
            millis.copy_from_slice(bytes);
            Moment::from_unix_millis(u64::from_be_bytes(millis))
        };
        let (at, taken) = (moment(&times[..8]), moment(&times[8..16]));
        let word = word(version, times[16]).ok_or(Unreadable("word that is known"))?;
        notices.push(Notice { device: DeviceId::new(number), at, taken, word });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notices(count: u8) -> Vec<Notice> {
        let notice = |n: u8| Notice {
            device: DeviceId::new([n; 12]),
            at: Moment::from_unix_millis(1_795_000_000_123 + u64::from(n)),
            taken: Moment::from_unix_millis(1_795_000_100_123 + u64::from(n)),
            word: if n % 2 == 1 { Word::Revoked } else { Word::Seated },
        };
        (0..count).map(notice).collect()
    }

    #[test]
    fn notices_survive_the_way() {
        let told = notices(200);
        let mut heard = Vec::new();
        open(&batch(1, &told), &mut heard).unwrap();
        assert_eq!(heard, told);
        let mut later = batch(1, &told);
        later[0] = 3;
        open(&later, &mut heard).unwrap();
        assert_eq!(heard.len(), 200, "a later release's batch is passed over");
        assert_eq!(open(&batch(1, &told)[..50], &mut heard), Err(Unreadable("whole batch")));
        assert_eq!(open(&[], &mut heard), Err(Unreadable("version of a batch")));
    }

    #[test]
    fn what_the_first_release_does_not_know_it_does_not_take_for_something_else() {
        let words = [Word::Leaving, Word::Seated, Word::Left, Word::Revoked];
        let told: Vec<Notice> =
            notices(4).into_iter().zip(words).map(|(notice, word)| Notice { word, ..notice }).collect();
        let seats = Seats { number: 9, changed: 0 };
        let round = Round {
            node: NodeId(1),
            ask: None,
            seats,
            configured: 9,
            joining: false,
            former: None,
            cursor: "0-0",
            notices: &told,
        };
        let arguments = round.arguments();
        let [.., first, second] = &arguments[..] else { panic!("two batches") };
        assert_eq!((first[0], second[0]), (1, 2), "the first release passes the second over");
        let mut heard = Vec::new();
        open(first, &mut heard).unwrap();
        open(second, &mut heard).unwrap();
        assert_eq!(heard, [told[1], told[3], told[0], told[2]]);
        let mut strange = second.clone();
        if let Some(last) = strange.last_mut() {
            *last = 9;
        }
        assert_eq!(open(&strange, &mut heard), Err(Unreadable("word that is known")));
    }

    #[test]
    fn strange_answers_are_refused() {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let w = "0".repeat(64);
        let good = ["7", "900", "0", "900", "0-0", "", "0-0", "0", "yes", "5", "6", "2", &w];
        let list = |parts: &[&str]| Value::Array(parts.iter().map(|part| text(part)).collect());
        let answer = read(list(&good), Some(3)).unwrap();
        assert_eq!(answer.grant.unwrap().unwrap().lease, 5);
        assert_eq!(answer.written, None);
        for at in 0..good.len() {
            assert!(read(list(&good[..at]), Some(3)).is_err(), "cut at {at}");
        }
        for at in [0, 1, 2, 3, 7, 8, 9, 10, 11, 12] {
            let mut bad = good;
            bad[at] = "é";
            assert!(read(list(&bad), Some(3)).is_err(), "part {at}");
        }
        assert!(read(list(&good), None).is_err(), "a grant that nobody asked for");
        assert!(read(Value::Nil, Some(3)).is_err());
    }
}
