//! The toll: what a ticket of the unknown lane costs while more of them are asked for than is human.
//!
//! While one waits, the browser looks for a number whose hash with a challenge begins with enough
//! zero bits (Dwork and Naor 1992; Back's Hashcash). The challenge is computed from the ticket, so
//! nothing is stored, a proof is good for one ticket only, and checking it takes two hashes and no
//! lock. Who cannot or will not compute says the code their teacher gives, or waits longer in a
//! narrow sub-lane: nobody is locked out for lack of a script.
//!
//! It is a price, not a wall: a farm of machines pays it too. What it cannot buy is more than the
//! unknown lane's share. No other lane knows a toll.
//!
//! Invariant: `verify` accepts for a ticket only what was computed for that ticket, from a challenge
//! given within the last ten minutes.

use std::time::Duration;

use hmac::Mac;
use sha2::{Digest, Sha256};

use crate::keys::{FUTURE, Keys, Purpose, SealError, Sealed, decode};
use crate::plan::LessonId;
use crate::ticket::{Ticket, number};
use crate::time::Moment;

const VERSION: u8 = 1;
const CHALLENGE_SIZE: usize = 24;
const PROOF_SIZE: usize = 15;
/// A challenge may be answered for this long: a slow telephone needs a minute for the hardest.
const LIFE: Duration = Duration::from_secs(600);

/// Easiest and hardest toll in zero bits. Eighteen take a laptop's browser a tenth of a second and
/// an old telephone a few; each further bit doubles it. Twenty-four are the most one may ask of an
/// old telephone while it waits: some minutes.
pub(crate) const BITS: (u8, u8) = (18, 24);

/// The text of a challenge: 32 characters.
pub type ChallengeText = Sealed<32>;

/// What a waiting browser is asked to compute. The last 16 bytes of the text (base64url of 24) are
/// the challenge proper; an answer is made with [`proof_text`], or as that describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// For the page.
    pub text: ChallengeText,
    /// Leading zero bits that SHA-256(challenge, nonce) must have.
    pub bits: u8,
}

/// The challenge proper: bound to the ticket's place and device, to difficulty and second.
fn core(keys: &Keys, ticket: &Ticket, bits: u8, stamped: u32) -> [u8; 16] {
    let day = Moment::from_unix_seconds(u64::from(stamped)).day();
    let code = keys
        .daily(Purpose::Toll, day)
        .chain_update(ticket.rank.bits().to_be_bytes())
        .chain_update(ticket.device.bytes())
        .chain_update([bits])
        .chain_update(stamped.to_be_bytes())
        .finalize()
        .into_bytes();
    std::array::from_fn(|i| code[i])
}

pub(crate) fn challenge(keys: &Keys, ticket: &Ticket, bits: u8, now: Moment) -> Challenge {
    let stamped = now.unix_seconds();
    let mut body = [0_u8; CHALLENGE_SIZE];
    (body[0], body[1]) = (VERSION, bits);
    body[2..6].copy_from_slice(&stamped.to_be_bytes());
    body[8..].copy_from_slice(&core(keys, ticket, bits, stamped));
    Challenge { text: Sealed::encode(&body), bits }
}

/// Whether SHA-256(challenge, nonce big-endian) begins with `bits` zero bits.
fn suffices(challenge: &[u8; 16], nonce: u64, bits: u8) -> bool {
    let hash = Sha256::new().chain_update(challenge).chain_update(nonce.to_be_bytes()).finalize();
    number(&hash[..8]).leading_zeros() >= u32::from(bits)
}

/// Why a proof is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TollError {
    /// Not a proof's text.
    #[error(transparent)]
    Text(#[from] SealError),
    /// The challenge is older than ten minutes, or from the future: ask for a new one.
    #[error("the challenge has expired: a new one comes with the next answer")]
    Expired,
    /// Too few zero bits, for this ticket.
    #[error("the work does not suffice for this ticket")]
    Work,
}

/// Checks a proof against the ticket it comes with. Two hashes, no lock, nothing stored.
pub(crate) fn verify(keys: &Keys, ticket: &Ticket, text: &[u8], now: Moment) -> Result<(), TollError> {
    let body: [u8; PROOF_SIZE] = decode(text)?;
    if body[0] != VERSION {
        return Err(SealError::Version(body[0]).into());
    }
    let (bits, stamped) = (body[1], number(&body[2..6]) as u32);
    let given = Moment::from_unix_seconds(u64::from(stamped));
    if given > now + FUTURE || now.since(given) > LIFE {
        return Err(TollError::Expired);
    }
    // A difficulty never asked for would be one that the visitor chose.
    let asked = (BITS.0..=BITS.1).contains(&bits);
    if !asked || !suffices(&core(keys, ticket, bits, stamped), number(&body[7..15]), bits) {
        return Err(TollError::Work);
    }
    Ok(())
}

/// Answers a challenge as a browser does: 15 bytes (version, difficulty, second of the challenge in
/// four, zero, nonce in eight), base64url. Tries nonces from `start` on, `tries` at most.
pub fn proof_text(challenge: &str, start: u64, tries: u64) -> Option<String> {
    let body: [u8; CHALLENGE_SIZE] = decode(challenge.as_bytes()).ok()?;
    let mut proper = [0_u8; 16];
    proper.copy_from_slice(&body[8..]);
    let nonce = (0..tries).map(|n| start.wrapping_add(n)).find(|nonce| suffices(&proper, *nonce, body[1]))?;
    let mut proof = [0_u8; PROOF_SIZE];
    proof[..6].copy_from_slice(&body[..6]);
    proof[7..].copy_from_slice(&nonce.to_be_bytes());
    Some(Sealed::<20>::encode(&proof).to_string())
}

/// Crockford's base 32 without the letters that are misread.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Letters of a class code: four say the lesson, eight prove it.
const CODE_LETTERS: usize = 12;
/// Bits of a lesson's number that stand in its code.
const CODE_LESSON: u64 = (1 << 20) - 1;

fn code_value(keys: &Keys, lesson: u64, day: u32) -> u64 {
    let part = lesson & CODE_LESSON;
    let code = keys.daily(Purpose::Code, day).chain_update(part.to_be_bytes()).finalize().into_bytes();
    part << 40 | number(&code[..5])
}

/// The class code of a lesson for this UTC day and the next: twelve letters in three groups, for a
/// teacher to read out. It spares its pupils the toll, and opens nothing else.
pub(crate) fn class_code(keys: &Keys, lesson: LessonId, now: Moment) -> String {
    let value = code_value(keys, lesson.0, now.day());
    let mut text = String::with_capacity(CODE_LETTERS + 2);
    for at in 0..CODE_LETTERS {
        if at > 0 && at.is_multiple_of(4) {
            text.push('-');
        }
        text.push(char::from(LETTERS[(value >> (5 * (CODE_LETTERS - 1 - at)) & 31) as usize]));
    }
    text
}

/// Reads a class code as people type it. The lesson's part of it, or `None` for no code of ours.
pub(crate) fn read_code(keys: &Keys, text: &str, now: Moment) -> Option<u32> {
    if text.len() > 4 * CODE_LETTERS {
        return None;
    }
    let mut value = 0_u64;
    let mut letters = 0;
    for letter in text.chars().filter(|letter| !matches!(letter, '-' | ' ')) {
        let letter = match letter.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        let digit = LETTERS.iter().position(|known| char::from(*known) == letter)?;
        value = value << 5 | digit as u64;
        letters += 1;
        if letters > CODE_LETTERS {
            return None;
        }
    }
    if letters != CODE_LETTERS {
        return None;
    }
    let lesson = value >> 40;
    let today = now.day();
    // A code is typed by hand and worth a shortcut: comparing in constant time would protect nothing
    // that guessing does not reach sooner.
    [today, today.wrapping_sub(1)]
        .into_iter()
        .any(|day| code_value(keys, lesson, day) == value)
        .then_some(lesson as u32)
}

/// When a toll is asked, and how much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tollgate {
    bits: u8,
    calm_since: Option<Moment>,
}

/// Who asks in the unknown lane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crowd {
    /// Tickets and seats asked for, a second.
    pub(crate) asked: f64,
    /// People who can be let in, a second.
    pub(crate) served: f64,
    /// They hold more than their lane's share already.
    pub(crate) borrows: bool,
}

/// Calm for this long before the toll is lifted or lowered.
const CALM: Duration = Duration::from_secs(60);

impl Tollgate {
    /// The difficulty from now on, 0 for none. One bit for each doubling beyond four to one, so that a flood pays in
    /// proportion and a rush of people, who need one ticket each, hardly notices.
    pub(crate) fn turn(&mut self, crowd: Crowd, from: u32, under_attack: bool, now: Moment) -> u8 {
        let excess = crowd.asked / crowd.served.max(1.0);
        let pressed = crowd.asked > f64::from(from) && (excess > 4.0 || crowd.borrows);
        let wanted = if under_attack || pressed {
            let more = (excess / 4.0).max(1.0).log2().min(f64::from(BITS.1 - BITS.0));
            BITS.0 + more as u8
        } else {
            0
        };
        let falls = wanted < self.bits;
        if !falls || now.since(*self.calm_since.get_or_insert(now)) >= CALM {
            (self.bits, self.calm_since) = (wanted, None);
        }
        self.bits
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::draw::Rank;
    use crate::keys::Secret;
    use crate::lanes::Lane;
    use crate::ticket::DeviceId;

    const NOW: Moment = Moment::from_unix_seconds(1_795_000_000);

    fn keys() -> Keys {
        Keys::around(&Secret::new([9; 32]), NOW)
    }

    fn ticket(n: u8) -> Ticket {
        Ticket::waiting(Lane::Unknown, Rank::new(1_795_000_000, 77), NOW, DeviceId::new([n; 12]))
    }

    #[test]
    fn a_proof_is_good_for_its_ticket_for_ten_minutes_and_for_no_other() {
        let keys = keys();
        let challenge = challenge(&keys, &ticket(1), BITS.0, NOW);
        let proof = proof_text(challenge.text.as_str(), 0, u64::MAX).unwrap();
        assert_eq!(proof.len(), 20);
        let check = |n, at| verify(&keys, &ticket(n), proof.as_bytes(), at);
        assert_eq!(check(1, NOW), Ok(()));
        assert_eq!(check(1, NOW + LIFE), Ok(()));
        assert_eq!(check(1, NOW + LIFE + Duration::from_secs(1)), Err(TollError::Expired));
        assert_eq!(check(1, NOW - Duration::from_secs(6)), Err(TollError::Expired));
        assert_eq!(check(2, NOW), Err(TollError::Work));
        // Neither an easier difficulty nor a later stamp can be written into it.
        for (at, value) in [(1, 1), (1, BITS.0 - 1), (5, 0x55)] {
            let mut body: [u8; PROOF_SIZE] = decode(proof.as_bytes()).unwrap();
            body[at] = value;
            let altered = Sealed::<20>::encode(&body).to_string();
            assert!(verify(&keys, &ticket(1), altered.as_bytes(), NOW).is_err(), "{at} {value}");
        }
    }

    #[test]
    fn class_codes_are_read_as_people_type_them_and_not_guessed() {
        let keys = keys();
        let code = class_code(&keys, LessonId(123_456_789), NOW);
        assert_eq!(code.len(), 14);
        let lesson = Some((123_456_789 & CODE_LESSON) as u32);
        assert_eq!(read_code(&keys, &code, NOW), lesson);
        assert_eq!(read_code(&keys, &code.to_lowercase().replace('-', " "), NOW), lesson);
        assert_eq!(read_code(&keys, &code.replace('0', "o").replace('1', "l"), NOW), lesson);
        let day = Duration::from_secs(86_400);
        assert_eq!(read_code(&keys, &code, NOW + day), lesson);
        assert_eq!(read_code(&keys, &code, NOW + day * 2), None);
        for (at, letter) in code.char_indices().filter(|(_, letter)| *letter != '-') {
            let mut wrong = code.clone();
            wrong.replace_range(at..=at, if letter == '7' { "8" } else { "7" });
            assert_eq!(read_code(&keys, &wrong, NOW), None, "{wrong}");
        }
    }

    #[test]
    fn the_toll_follows_the_flood_up_at_once_and_down_after_a_calm_minute() {
        let mut gate = Tollgate::default();
        let at = |second| NOW + Duration::from_secs(second);
        let mut turn = |asked, served, borrows, under_attack, second| {
            gate.turn(Crowd { asked, served, borrows }, 20, under_attack, at(second))
        };
        assert_eq!(turn(15.0, 1.0, true, false, 0), 0, "a class is no flood");
        assert_eq!(turn(200.0, 100.0, false, false, 1), 0, "and a rush that is served is none");
        assert_eq!(turn(1_000.0, 10.0, false, false, 2), 22);
        assert_eq!(turn(1e9, 1.0, false, false, 3), 24);
        assert_eq!(turn(1.0, 10.0, false, false, 4), 24);
        assert_eq!(turn(1.0, 10.0, false, false, 63), 24);
        assert_eq!(turn(1.0, 10.0, false, false, 65), 0);
        assert_eq!(turn(0.0, 10.0, false, true, 66), 18);
        assert_eq!(turn(0.0, 10.0, false, false, 67), 18);
        assert_eq!(turn(0.0, 10.0, false, false, 127), 0);
        assert_eq!(turn(30.0, 30.0, true, false, 128), 18, "strangers fill an empty house");
    }

    proptest! {
        #[test]
        fn noise_is_neither_proof_nor_code(text in ".{0,60}", proof in "[A-Za-z0-9_-]{20}") {
            let keys = keys();
            prop_assert!(verify(&keys, &ticket(1), text.as_bytes(), NOW).is_err());
            prop_assert!(verify(&keys, &ticket(1), proof.as_bytes(), NOW).is_err());
            prop_assert_eq!(read_code(&keys, &text, NOW), None);
        }
    }
}
