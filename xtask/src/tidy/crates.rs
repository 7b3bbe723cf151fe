//! Which crate may depend on which, and the test kit on none of them at run time.
//!
//! `preau` rests on the engines; the engines rest on nobody of the house, so that each can be read,
//! tested and reused alone. `preau-nodes` carries what `preau-gate` says. `preau-testkit` is a development dependency only.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Finding;
use crate::tree::Tree;

const RULE: &str = "crates";

/// Each crate of the house with those it may depend on. Development dependencies are free.
const MAY: [(&str, &[&str]); 14] = [
    ("preau-gate", &[]),
    ("preau-sfu", &[]),
    ("preau-evidence", &[]),
    ("preau-formats", &[]),
    ("preau-front", &[]),
    ("preau-webm", &[]),
    ("preau-nodes", &["preau-gate"]),
    ("preau-turn", &[]),
    ("preau-testkit", &[]),
    // Whole people for benchmarks and scenarios: it speaks public protocols only.
    ("preau-people", &["preau-testkit"]),
    ("preau-rehearsal", &["preau-formats"]),
    (
        "preau",
        &[
            "preau-gate",
            "preau-nodes",
            "preau-sfu",
            "preau-evidence",
            "preau-formats",
            "preau-front",
            "preau-turn",
            "preau-rehearsal",
            "preau-webm",
        ],
    ),
    ("preau-fuzz", &["preau", "preau-gate", "preau-sfu", "preau-evidence", "preau-formats", "preau-front"]),
    ("xtask", &["preau-testkit"]),
];

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Manifest {
    package: Option<Package>,
    #[serde(default)]
    dependencies: BTreeMap<String, toml::Value>,
    #[serde(default)]
    build_dependencies: BTreeMap<String, toml::Value>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
}

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| file.path.rsplit('/').next() == Some("Cargo.toml")) {
        // A manifest that does not parse stops cargo before it could stop us.
        let Ok(Manifest { package: Some(package), dependencies, build_dependencies }) =
            toml::from_str(&file.text)
        else {
            continue;
        };
        let Some((_, may)) = MAY.iter().find(|(name, _)| *name == package.name) else {
            findings.push(Finding::new(
                &file.path,
                1,
                RULE,
                format!(
                    "the crate `{}` has no place in the house yet: say what it may depend on in \
                 xtask/src/tidy/crates.rs.",
                    package.name
                ),
            ));
            continue;
        };
        let of_the_house = |name: &str| name == "preau" || name.starts_with("preau-");
        for name in dependencies.keys().chain(build_dependencies.keys()).filter(|name| of_the_house(name)) {
            if !may.contains(&name.as_str()) {
                let line = file.lines().find(|(_, text)| text.starts_with(name)).map_or(1, |(line, _)| line);
                findings.push(Finding::new(
                    &file.path,
                    line,
                    RULE,
                    format!(
                        "`{}` may not depend on `{name}`, only on {may:?}. For tests put it under \
                     [dev-dependencies].",
                        package.name
                    ),
                ));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(manifest: &str) -> Vec<String> {
        let tree = Tree::of(&[("crates/x/Cargo.toml", manifest)]);
        check(&tree).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_engine_stays_alone_and_tests_are_free() {
        let good = "[package]\nname = \"preau-gate\"\n[dependencies]\nbytes = \"1\"\n\
                    [dev-dependencies]\npreau-testkit = { workspace = true }\n";
        assert_eq!(findings(good), [""; 0]);
        let bad = "[package]\nname = \"preau-gate\"\n[dependencies]\npreau-evidence.workspace = true\n";
        let all = findings(bad);
        assert!(all.len() == 1 && all[0].starts_with("crates/x/Cargo.toml:4: [crates]"), "{all:?}");
    }

    #[test]
    fn the_test_kit_never_ships_and_new_crates_are_declared() {
        let ships = "[package]\nname = \"preau\"\n[dependencies]\npreau-testkit = { workspace = true }\n";
        assert_eq!(findings(ships).len(), 1);
        assert!(findings("[package]\nname = \"preau-misc\"\n")[0].contains("no place in the house"));
    }
}
