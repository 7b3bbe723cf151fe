//! Nothing about the machine somebody works on: no home folders, no private registries.
//!
//! The project must build anywhere from what it contains. Paths of Debian itself (`/usr`, `/etc`, `/tmp`)
//! are fine.

use super::Finding;
use crate::tree::Tree;

const RULE: &str = "machine";

/// Beginnings of paths that exist on one machine only. Put together here so that this file passes.
const PLACES: [&str; 5] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("C:\\Us", "ers"),
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        for (line, text) in file.lines() {
            for place in PLACES.iter().filter(|place| names(text, place)) {
                findings.push(Finding::new(&file.path, line, RULE, format!(
                    "`{place}` exists on one machine only: use a path relative to the project, a temporary \
                     folder or a setting."
                )));
            }
        }
    }
    findings
}

/// Does `text` name the place as the beginning of a path, and not in the middle of one, as a URL would?
fn names(text: &str, place: &str) -> bool {
    text.match_indices(place).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        !before.is_some_and(|before| before.is_alphanumeric() || "._-}/*".contains(before))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_folder_is_found_and_a_route_is_not() {
        let bad = concat!("let p = \"/ho", "me/anna/preau\";\n");
        let good = "get(\"/homework/work/1\"); https://example.org/home/page; {{base}}/home/\n";
        let tree = Tree::of(&[("a.rs", bad), ("b.rs", good)]);
        let all = check(&tree);
        assert_eq!(all.len(), 1);
        assert!(all[0].to_string().starts_with("a.rs:1: [machine]"), "{}", all[0]);
    }
}
