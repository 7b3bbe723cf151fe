//! The notes that a class keeps together: lines of plain text, which two people may write at once.
//!
//! Each line has a key that says where it stands, by the order of texts; a page that puts a line between two
//! others makes a key between theirs, so that no line ever moves. Whoever changes a line says what it was
//! before. If somebody else has changed it since, both changes are put in (`merged`); a line that one deletes
//! and another changes stays. What is kept as an event is what came of it, so that taking it in is only setting lines.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Lines of a lesson's notes.
pub(in crate::classroom) const MOST_LINES: usize = 400;
/// Longest line, in characters; a page breaks longer ones.
pub(in crate::classroom) const LONGEST_LINE: usize = 1_000;
/// Longest key, in bytes: of a page that puts every line before the one it put in last.
const LONGEST_KEY: usize = 128;
/// Lines changed at once: a page that is pasted.
pub(in crate::classroom) const MOST_EDITS: usize = 200;

/// The lines by their keys.
pub(in crate::classroom) type Lines = BTreeMap<String, String>;

/// What somebody wants of one line.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(in crate::classroom) struct Edit {
    /// Which line.
    pub(in crate::classroom) key: String,
    /// What it was on their page; none when it was not there.
    #[serde(default)]
    pub(in crate::classroom) was: Option<String>,
    /// What it is to be; none takes it away.
    #[serde(default)]
    pub(in crate::classroom) becomes: Option<String>,
}

/// What comes of these edits: the lines that change, with what they become.
///
/// # Errors
/// The text key of what is wrong with them.
pub(in crate::classroom) fn resolve(
    lines: &Lines,
    edits: Vec<Edit>,
) -> Result<BTreeMap<String, Option<String>>, super::Rule> {
    if edits.len() > MOST_EDITS {
        return Err("room-bad-notes");
    }
    let mut changes = BTreeMap::new();
    for Edit { key, was, becomes } in edits {
        let fits = |text: &String| text.chars().count() <= LONGEST_LINE && !text.contains(['\n', '\r', '\0']);
        let good_key = (1..=LONGEST_KEY).contains(&key.len())
            && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if !good_key || !becomes.iter().chain(&was).all(fits) {
            return Err("room-bad-notes");
        }
        let is = lines.get(&key);
        let now = match (is, was, becomes) {
            (Some(is), Some(was), Some(becomes)) => Some(merged(&was, &becomes, is)),
            // Two pages made the same key: neither loses what it wrote.
            (Some(is), None, Some(becomes)) if *is != becomes => Some(format!("{is} {becomes}")),
            (None, _, Some(becomes)) => Some(becomes),
            (Some(is), Some(was), None) if *is != was => Some(is.clone()),
            (_, _, becomes) => becomes,
        };
        // Two long lines made one: what does not fit is cut, as a page would not have let it be written.
        let now = now.map(|text| text.chars().take(LONGEST_LINE).collect::<String>());
        if now.as_ref() != is {
            changes.insert(key, now);
        }
    }
    let more = changes.iter().filter(|(key, text)| text.is_some() && !lines.contains_key(*key)).count();
    let less = changes.values().filter(|text| text.is_none()).count();
    if (lines.len() + more).saturating_sub(less) > MOST_LINES {
        return Err("room-notes-full");
    }
    Ok(changes)
}

/// The one stretch in which two texts differ: where it begins, where it ends in `from`, and what stands there
/// in `to`. In characters.
fn stretch(from: &[char], to: &[char]) -> (usize, usize, Vec<char>) {
    let start = from.iter().zip(to).take_while(|(one, other)| one == other).count();
    let tail =
        from[start..].iter().rev().zip(to[start..].iter().rev()).take_while(|(one, other)| one == other);
    let tail = tail.count();
    (start, from.len() - tail, to[start..to.len() - tail].to_vec())
}

/// `is` with the change from `was` to `becomes` put in.
fn merged(was: &str, becomes: &str, is: &str) -> String {
    if was == is {
        return becomes.to_owned();
    }
    let [was, becomes, is] = [was, becomes, is].map(|text| text.chars().collect::<Vec<char>>());
    let (mine, theirs) = (stretch(&was, &becomes), stretch(&was, &is));
    if mine == theirs {
        return is.into_iter().collect();
    }
    // Theirs was first, so where both write at one place, theirs stands first.
    let (first, second) =
        if mine.1 <= theirs.0 && mine.0 < theirs.0 { (mine, theirs) } else { (theirs, mine) };
    let between = if first.1 <= second.0 { &was[first.1..second.0] } else { &[] };
    let (start, end) = (first.0.min(second.0), first.1.max(second.1));
    let mut text = was[..start].to_vec();
    text.extend(first.2);
    text.extend(between);
    text.extend(second.2);
    text.extend(&was[end..]);
    text.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn edit(key: &str, was: Option<&str>, becomes: Option<&str>) -> Edit {
        Edit { key: key.into(), was: was.map(Into::into), becomes: becomes.map(Into::into) }
    }

    fn lines(of: &[(&str, &str)]) -> Lines {
        of.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn two_changes_to_a_line_are_both_put_in() {
        for (was, becomes, is, expected) in [
            ("Le chat dort", "Le gros chat dort", "Le chat dort bien", "Le gros chat dort bien"),
            ("Le chat dort bien", "Le chat dort", "Un chat dort bien", "Un chat dort"),
            ("chat", "chats", "chaton", "chatons"),
            ("", "mien", "sien", "sienmien"),
            ("a", "b", "b", "b"),
            ("rouge", "vert", "bleu", "bleuvert"),
            ("é🌳é", "é🌳🌳é", "é🌳é!", "é🌳🌳é!"),
        ] {
            assert_eq!(merged(was, becomes, is), expected, "{was} -> {becomes} on {is}");
        }
    }

    #[test]
    fn nothing_that_was_written_is_lost() {
        let kept = lines(&[("b", "neuf"), ("d", "quatre")]);
        let changes = resolve(
            &kept,
            vec![
                // Deletes what has been changed since: it stays.
                edit("b", Some("vieux"), None),
                // Changes what has been deleted since: it is there again.
                edit("c", Some("trois"), Some("trois!")),
                edit("d", Some("quatre"), None),
            ],
        )
        .expect("good");
        let expected = BTreeMap::from([("c".to_owned(), Some("trois!".to_owned())), ("d".to_owned(), None)]);
        assert_eq!(changes, expected);
        let same_key = resolve(&kept, vec![edit("b", None, Some("dix"))]).expect("good");
        assert_eq!(same_key["b"].as_deref(), Some("neuf dix"));
    }

    #[test]
    fn notes_have_bounds() {
        let full: Lines = (0..MOST_LINES).map(|number| (format!("k{number}"), String::new())).collect();
        assert_eq!(resolve(&full, vec![edit("z", None, Some(""))]), Err("room-notes-full"));
        let swap = vec![edit("k1", Some(""), None), edit("z", None, Some(""))];
        assert_eq!(resolve(&full, swap).expect("one goes, one comes").len(), 2);
        let long = "é".repeat(LONGEST_LINE + 1);
        for bad in [
            edit("", None, Some("x")),
            edit("É", None, Some("x")),
            edit("a", None, Some("x\ny")),
            edit("a", None, Some(&long)),
        ] {
            assert_eq!(resolve(&Lines::new(), vec![bad.clone()]), Err("room-bad-notes"), "{bad:?}");
        }
        let many = vec![edit("a", None, Some("x")); MOST_EDITS + 1];
        assert_eq!(resolve(&Lines::new(), many), Err("room-bad-notes"));
    }

    proptest! {
        #[test]
        fn what_both_did_alike_or_one_did_alone_is_simply_done(was in "[ab é]{0,8}", becomes in "[ab é]{0,8}") {
            prop_assert_eq!(merged(&was, &becomes, &was), becomes.clone());
            prop_assert_eq!(merged(&was, &was, &becomes), becomes.clone());
            prop_assert_eq!(merged(&was, &becomes, &becomes), becomes);
        }

        #[test]
        fn what_either_put_in_is_there(was in "[a-f]{0,6}", at in 0_usize..7, other in 0_usize..7) {
            let put = |place: usize, what: &str| {
                let place = place.min(was.len());
                format!("{}{what}{}", &was[..place], &was[place..])
            };
            let both = merged(&was, &put(at, "MINE"), &put(other, "THEIRS"));
            prop_assert!(both.contains("MINE") && both.contains("THEIRS"), "{}", both);
            prop_assert_eq!(both.replace("MINE", "").replace("THEIRS", ""), was);
        }
    }
}
