//! Every source file begins by saying what it is.
//!
//! Rust: `//!` on the first line. Scripts: a comment on the first line, or on the second below `#!`.
//! Whether the sentence is a good one stays a matter for the reader.

use super::Finding;
use crate::tree::{File, Tree};

const RULE: &str = "opening";

/// Fewer letters than this say nothing.
const SHORTEST: usize = 12;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let told = |file: &&File| !opens(file);
    let sources = tree.files.iter().filter(|file| matches!(file.ending(), "rs" | "ts" | "mjs" | "js" | "sh"));
    sources
        .filter(told)
        .map(|file| {
            let mark = if file.ending() == "rs" { "//!" } else { "a comment" };
            Finding::new(&file.path, 1, RULE, format!(
                "begins without saying what it is: write {mark} on the first line: what it is, what it is \
                 not, what it guarantees."
            ))
        })
        .collect()
}

fn opens(file: &File) -> bool {
    let mut lines = file.text.lines();
    let mut first = lines.next().unwrap_or_default();
    if first.starts_with("#!/") {
        first = lines.next().unwrap_or_default();
    }
    let marks: &[&str] = match file.ending() {
        "rs" => &["//!"],
        "sh" => &["#"],
        _ => &["//", "/*"],
    };
    let Some(said) = marks.iter().find_map(|mark| first.strip_prefix(mark)) else { return false };
    // `/**` alone: the sentence is on the next line.
    let said = said.trim_matches(['*', ' ']);
    let said = if said.is_empty() {
        lines.next().unwrap_or_default().trim_matches(['*', '#', '/', '!', ' '])
    } else {
        said
    };
    said.chars().filter(|letter| letter.is_alphabetic()).count() >= SHORTEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openings_good_and_bad() {
        let tree = Tree::of(&[
            ("a.rs", "//! The doors of the school.\n"),
            ("b.ts", "/**\n * The doors of the school.\n */"),
            ("c.sh", "#!/usr/bin/env bash\n# Opens the doors of the school.\n"),
            ("d.mjs", "// The doors of the school.\n"),
            ("bad_none.rs", "use std::fmt;\n"),
            ("bad_short.rs", "//! Doors\n"),
            ("bad_kind.rs", "// The doors of the school.\n"),
            ("bad.ts", "import x from 'y';\n"),
            ("bad_empty.rs", ""),
        ]);
        let all: Vec<String> = check(&tree).iter().map(ToString::to_string).collect();
        assert_eq!(all.len(), 5, "{all:#?}");
        assert!(all.iter().all(|finding| finding.starts_with("bad")), "{all:#?}");
    }
}
