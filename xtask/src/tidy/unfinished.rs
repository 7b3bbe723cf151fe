//! Nothing half done is called done: no notes to oneself, no stubs, no tests put to sleep.
//!
//! What is missing is an issue or a sentence in the documentation, where others find it.

use super::Finding;
use crate::tree::Tree;

const RULE: &str = "unfinished";

/// Words that stand alone. Put together here so that this file passes its own rule.
const WORDS: [&str; 4] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("HA", "CK")];

/// Stubs and sleeping tests, in Rust and in the browser's tests.
const STUBS: [&str; 10] = [
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("#[ign", "ore"),
    concat!("test", ".skip("),
    concat!("test", ".todo("),
    concat!("test", ".only("),
    concat!("it", ".skip("),
    concat!("it", ".only("),
    concat!("describe", ".skip("),
    concat!("describe", ".only("),
];

const CODE: [&str; 9] = ["rs", "ts", "mjs", "js", "html", "css", "sql", "toml", "sh"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| CODE.contains(&file.ending())) {
        for (line, text) in file.lines() {
            let word = WORDS.iter().find(|word| stands_alone(text, word));
            let stub = STUBS.iter().find(|stub| text.contains(**stub));
            if let Some(found) = word.or(stub) {
                findings.push(Finding::new(
                    &file.path,
                    line,
                    RULE,
                    format!("`{found}`: do it now, or write what is missing in an issue or in docs/."),
                ));
            }
        }
    }
    findings
}

fn stands_alone(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let around = [text[..at].chars().next_back(), text[at + word.len()..].chars().next()];
        around.iter().flatten().all(|c| !c.is_alphanumeric() && *c != '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_stubs_and_sleeping_tests_are_told() {
        let bad = [
            format!("fn f() {{ {}) }}", STUBS[0]),
            format!("// {}: later", WORDS[0]),
            format!("{} = \"slow\"]", STUBS[2]),
            format!("{}'joins', …)", STUBS[3]),
        ];
        for text in &bad {
            assert_eq!(check(&Tree::of(&[("a.rs", text)])).len(), 1, "{text}");
        }
        let good = format!("let {}S = 1; // a to-do list, todo_list, {}X", WORDS[0], WORDS[2]);
        assert_eq!(check(&Tree::of(&[("a.rs", &good), ("docs/a.md", &bad[1])])).len(), 0);
    }
}
