//! Every migration exists for both engines, and goes forward only.
//!
//! `crates/preau/migrations/sqlite/0001_name/up.sql` has its twin under `postgres`. Numbers are used once,
//! so that two branches that both add a fourth migration are told before the data of a school is.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use crate::tree::Tree;

const RULE: &str = "migrations";
const FOLDER: &str = "crates/preau/migrations/";
const ENGINES: [&str; 2] = ["sqlite", "postgres"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut engines_of: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut names_of: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for file in &tree.files {
        let Some(below) = file.path.strip_prefix(FOLDER) else { continue };
        let parts: Vec<&str> = below.split('/').collect();
        let [engine, name, "up.sql"] = parts[..] else {
            let message = if below.ends_with("down.sql") {
                "migrations go forward only: a backup is the way back. Remove it."
            } else {
                "a migration is <engine>/<number>_<name>/up.sql and nothing else."
            };
            findings.push(Finding::new(&file.path, 1, RULE, message));
            continue;
        };
        engines_of.entry(name).or_default().insert(engine);
        let number = name.split('_').next().unwrap_or_default();
        if number.len() != 4 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            findings.push(Finding::new(&file.path, 1, RULE, "its name begins with four digits: 0007_marks."));
        }
        names_of.entry(number).or_default().insert(name);
    }
    for (name, engines) in &engines_of {
        for engine in ENGINES.iter().filter(|engine| !engines.contains(*engine)) {
            findings.push(Finding::new(&format!("{FOLDER}{engine}/{name}/up.sql"), 1, RULE, format!(
                "is missing, while {engines:?} has it: write it for both engines, even if it is one comment."
            )));
        }
    }
    for (number, names) in names_of.iter().filter(|(_, names)| names.len() > 1) {
        findings.push(Finding::new(
            FOLDER,
            1,
            RULE,
            format!("number {number} is used by {names:?}: give the later one the next number."),
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twins_numbers_and_directions() {
        let tree = Tree::of(&[
            ("crates/preau/migrations/sqlite/0001_school/up.sql", ""),
            ("crates/preau/migrations/postgres/0001_school/up.sql", ""),
            ("crates/preau/migrations/sqlite/0002_marks/up.sql", ""),
            ("crates/preau/migrations/sqlite/0001_notices/up.sql", ""),
            ("crates/preau/migrations/postgres/0001_notices/up.sql", ""),
            ("crates/preau/migrations/postgres/0001_school/down.sql", ""),
            ("crates/preau/migrations/sqlite/3_x/up.sql", ""),
            ("crates/preau/migrations/postgres/3_x/up.sql", ""),
        ]);
        let all: Vec<String> = check(&tree).iter().map(ToString::to_string).collect();
        let has = |part: &str| all.iter().any(|finding| finding.contains(part));
        assert!(has("postgres/0002_marks/up.sql:1: [migrations] is missing"), "{all:#?}");
        assert!(has("number 0001 is used by {\"0001_notices\", \"0001_school\"}"), "{all:#?}");
        assert!(has("down.sql:1: [migrations] migrations go forward only"), "{all:#?}");
        assert!(has("begins with four digits"), "{all:#?}");
        assert_eq!(all.len(), 5, "{all:#?}");
    }
}
