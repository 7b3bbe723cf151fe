//! Files stay short enough to be read in one sitting.
//!
//! The few that are longer stand in a list that may only shrink: a file that has become short again, or
//! is gone, must leave it, and a listed file may not grow beyond its listed length.

use super::Finding;
use crate::tree::Tree;

const RULE: &str = "length";

/// A file has fewer lines than this.
const LIMIT: usize = 700;

/// Endings of files that are read as code. Texts to translate and prose are as long as they must be.
const CODE: [&str; 7] = ["rs", "ts", "mjs", "js", "html", "css", "sh"];

/// Longer files and their length today. Do not add: split.
const EXCEPTIONS: [(&str, usize); 0] = [];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    check_with(tree, &EXCEPTIONS)
}

fn check_with(tree: &Tree, exceptions: &[(&str, usize)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| CODE.contains(&file.ending())) {
        let length = file.text.lines().count();
        let limit =
            exceptions.iter().find(|(path, _)| *path == file.path).map_or(LIMIT, |(_, listed)| listed + 1);
        if length >= limit {
            findings.push(Finding::new(&file.path, limit, RULE, format!(
                "{length} lines, and fewer than {limit} are allowed: split it by what it is about (nouns, \
                 never `utils`)."
            )));
        }
    }
    for (path, listed) in exceptions {
        let length =
            tree.files.iter().find(|file| file.path == *path).map_or(0, |file| file.text.lines().count());
        if length < LIMIT || length < *listed {
            findings.push(Finding::new(path, 1, RULE, format!(
                "has {length} lines now but is listed with {listed}: the list only shrinks, lower or remove \
                 its entry in xtask/src/tidy/length.rs."
            )));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_files_are_told_and_prose_is_not() {
        let long = "x\n".repeat(LIMIT);
        let short = "x\n".repeat(LIMIT - 1);
        let tree = Tree::of(&[("a/long.rs", &long), ("a/short.css", &short), ("docs/long.md", &long)]);
        let all = check_with(&tree, &[]);
        assert_eq!(all.len(), 1);
        assert!(all[0].to_string().starts_with("a/long.rs:700: [length] 700 lines"), "{}", all[0]);
    }

    #[test]
    fn the_list_of_exceptions_only_shrinks() {
        let nine = "x\n".repeat(900);
        let tree = Tree::of(&[("a.rs", &nine)]);
        assert_eq!(check_with(&tree, &[("a.rs", 900)]).len(), 0);
        assert_eq!(check_with(&tree, &[("a.rs", 899)]).len(), 1, "it may not grow");
        assert_eq!(check_with(&tree, &[("a.rs", 950)]).len(), 1, "a shorter file lowers its entry");
        assert_eq!(check_with(&tree, &[("a.rs", 900), ("gone.rs", 800)]).len(), 1, "a gone file leaves");
    }
}
