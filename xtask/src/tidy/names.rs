//! No drawer for everything: a file named `utils` says nothing, so everything ends up in it.

use super::Finding;
use crate::tree::Tree;

const RULE: &str = "names";
const DRAWERS: [&str; 9] =
    ["util", "utils", "utilities", "helper", "helpers", "misc", "common", "shared", "stuff"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| matches!(file.ending(), "rs" | "ts" | "mjs" | "js")) {
        for part in file.path.split('/') {
            let stem = part.split('.').next().unwrap_or_default();
            // Cargo itself asks for tests/common/mod.rs.
            let cargos_own = stem == "common" && file.path.contains("/tests/");
            if DRAWERS.contains(&stem) && !cargos_own {
                findings.push(Finding::new(&file.path, 1, RULE, format!(
                    "`{stem}` names a drawer, not a thing: call it by the noun it is about, or put each part \
                     where it is used."
                )));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawers_are_found_as_file_and_as_folder() {
        let tree = Tree::of(&[
            ("crates/preau/src/utils.rs", ""),
            ("web/src/helpers/time.ts", ""),
            ("crates/preau/tests/common/mod.rs", ""),
            ("crates/preau/src/common_room.rs", ""),
        ]);
        assert_eq!(check(&tree).len(), 2);
    }
}
