//! Dependencies between the modules of the application point one way.
//!
//! `main` → `app` → slices → foundations (`edge`, `access`, `store`, `ui` …). A slice is any other module
//! at the top of `crates/preau/src`. It calls another slice only through its `mod.rs`, that is
//! `crate::school::Class` and never `crate::school::store::Row`. `identity` and `school` sit lowest among
//! slices, `access` knows no slice, and no circle of slices is allowed.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use super::rust_paths::{module_of, paths};
use crate::tree::Tree;

const RULE: &str = "arrows";
const SOURCE: &str = "crates/preau/src/";

/// Where the parts are put together; they may name anything, and nobody names them.
const TOP: [&str; 4] = ["main", "lib", "app", "commands"];

/// What lies under every slice, each with the foundations it may itself rest on. `access` and `store` are
/// the two halves of one lock (a permit opens the transaction) and know each other; neither knows a slice.
const FOUNDATIONS: [(&str, &[&str]); 7] = [
    ("ids", &[]),
    ("clock", &["ids"]),
    ("config", &["ids", "clock"]),
    ("access", &["ids", "clock", "store"]),
    ("ui", &["ids", "clock", "config"]),
    ("store", &["ids", "clock", "config", "access"]),
    ("edge", &["ids", "clock", "config", "access", "store", "ui"]),
];

/// Slices that other slices build on; they may know one another's `mod.rs` only in this order.
const LOWEST: [&str; 2] = ["school", "identity"];

/// Where one module first names another.
type Arrows = BTreeMap<String, BTreeMap<String, (String, usize)>>;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut arrows: Arrows = BTreeMap::new();
    let files = || {
        tree.with_ending("rs")
            .filter(|file| !file.is_test())
            .filter_map(|file| Some((file, file.path.strip_prefix(SOURCE)?)))
    };
    let modules: BTreeSet<String> =
        files().filter_map(|(_, below)| module_of(below).into_iter().next()).collect();
    let folders: BTreeSet<String> = files()
        .map(|(_, below)| module_of(below).join("::"))
        .filter(|module| module.contains("::"))
        .collect();

    for (file, below) in files() {
        let module = module_of(below);
        let from = module.first().map_or("main", String::as_str);
        for path in paths(&file.text, &module) {
            // The binary names its own library by the crate's name.
            let own = path.own || path.parts.first().is_some_and(|first| first == "preau");
            let parts = if path.own { &path.parts[..] } else { &path.parts[1.min(path.parts.len())..] };
            let Some(to) = parts.first().filter(|to| own && modules.contains(*to)) else { continue };
            if to == from {
                continue;
            }
            let mut complain = |message: String| {
                findings.push(Finding::new(&file.path, path.line, RULE, message));
            };
            if let Err(message) = allowed(from, to) {
                complain(message);
            } else if !is_top(from) && is_slice(to) && reaches_inside(parts, &folders) {
                complain(format!(
                    "`{}` reaches inside the slice `{to}`. What others may call is in its mod.rs: name it \
                     `crate::{to}::{}`, re-exported there if it is meant for others.",
                    parts.join("::"),
                    parts.last().map_or("", String::as_str),
                ));
            }
            if is_slice(from) && is_slice(to) {
                arrows
                    .entry(from.to_owned())
                    .or_default()
                    .entry(to.clone())
                    .or_insert_with(|| (file.path.clone(), path.line));
            }
        }
    }
    findings.extend(circles(&arrows));
    findings
}

fn is_top(module: &str) -> bool {
    TOP.contains(&module)
}

fn foundation(module: &str) -> Option<&'static [&'static str]> {
    FOUNDATIONS.iter().find(|(name, _)| *name == module).map(|(_, may)| *may)
}

fn is_slice(module: &str) -> bool {
    !is_top(module) && foundation(module).is_none()
}

/// May a file of `from` name anything of `to` at all?
fn allowed(from: &str, to: &str) -> Result<(), String> {
    if is_top(from) {
        return if from == "app" && matches!(to, "main" | "commands") {
            Err(format!("`app` puts the parts together and knows no `{to}`: turn the arrow round."))
        } else {
            Ok(())
        };
    }
    if is_top(to) {
        return Err(format!(
            "`{from}` names `{to}`, which stands above it (main → app → slices → foundations): pass in what \
             it needs, or move that down."
        ));
    }
    if let Some(may) = foundation(from) {
        if may.contains(&to) {
            return Ok(());
        }
        return Err(if from == "access" && is_slice(to) {
            format!("`access` knows no slice, but names `{to}`: the slice implements its policy itself.")
        } else if is_slice(to) {
            format!(
                "the foundation `{from}` names the slice `{to}`: let the slice hand it over (a trait, a value)."
            )
        } else {
            format!(
                "`{from}` rests on {may:?} only, but names `{to}`: turn the arrow round (xtask/src/tidy/arrows.rs)."
            )
        });
    }
    if let Some(rank) = LOWEST.iter().position(|low| *low == from)
        && is_slice(to)
        && !LOWEST[..rank].contains(&to)
    {
        return Err(format!(
            "`{from}` sits below the other slices but names `{to}`: let `{to}` call, or write an event."
        ));
    }
    Ok(())
}

/// `school::store::Row` reaches inside when `school/store.rs` exists; `school::Class::new` does not.
fn reaches_inside(parts: &[String], folders: &BTreeSet<String>) -> bool {
    parts.len() > 2 && folders.contains(&parts[..2].join("::"))
}

/// One finding for each arrow that closes a circle between slices.
fn circles(arrows: &Arrows) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (from, targets) in arrows {
        for (to, (path, line)) in targets {
            // Told once, at the arrow whose start comes first in the alphabet.
            if let Some(way) = way(arrows, to, from)
                && way.iter().all(|step| from <= step)
            {
                let circle = std::iter::once(from).chain(way).cloned().collect::<Vec<_>>().join(" → ");
                findings.push(Finding::new(path, *line, RULE, format!(
                    "slices know each other in a circle: {circle}. Turn one arrow round with an event, or move \
                     the shared part down."
                )));
            }
        }
    }
    findings
}

/// A way along the arrows, both ends included.
fn way<'a>(arrows: &'a Arrows, from: &'a String, to: &'a String) -> Option<Vec<&'a String>> {
    let mut seen = BTreeSet::from([from]);
    let mut open = vec![vec![from]];
    while let Some(walked) = open.pop() {
        let here = *walked.last()?;
        if here == to {
            return Some(walked);
        }
        for next in arrows.get(here).into_iter().flat_map(BTreeMap::keys) {
            if seen.insert(next) {
                let mut further = walked.clone();
                further.push(next);
                open.push(further);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: &str = "";

    fn findings(files: &[(&str, &str)]) -> Vec<String> {
        // Every tree has these, so that a name in a path is known to be a module.
        let base = [
            "lib.rs",
            "app.rs",
            "access/mod.rs",
            "edge/mod.rs",
            "store/mod.rs",
            "store/schema.rs",
            "ui/mod.rs",
            "school/mod.rs",
            "school/store.rs",
            "identity/mod.rs",
            "homework/mod.rs",
            "homework/model.rs",
            "today/mod.rs",
        ];
        let mut all: Vec<(String, String)> =
            files.iter().map(|(path, text)| (format!("{SOURCE}{path}"), (*text).to_owned())).collect();
        for path in base {
            if !files.iter().any(|(given, _)| *given == path) {
                all.push((format!("{SOURCE}{path}"), NOTHING.to_owned()));
            }
        }
        let all: Vec<(&str, &str)> = all.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        check(&Tree::of(&all)).iter().map(ToString::to_string).collect()
    }

    fn one(files: &[(&str, &str)], part: &str) {
        let all = findings(files);
        assert!(all.len() == 1 && all[0].contains(part), "wanted one with {part:?}, got {all:#?}");
    }

    #[test]
    fn the_right_way_round_is_silent() {
        assert_eq!(
            findings(&[
                ("main.rs", "use preau::app; use preau::school::store::Row;"),
                ("app.rs", "use crate::{homework, edge, school::store::Importer};"),
                (
                    "homework/pages.rs",
                    "use super::model::Work; use crate::{school::Class, edge::Page, ui::Shell};"
                ),
                (
                    "homework/store.rs",
                    "use crate::store::schema::works; use crate::school::Class; fn f() { crate::school::Class::of(1) }"
                ),
                ("identity/mod.rs", "use crate::school::Person;"),
                ("store/tx.rs", "use crate::access::Permit;"),
                ("homework/tests.rs", "use crate::app::build; use crate::school::store::Row;"),
            ]),
            [""; 0]
        );
    }

    #[test]
    fn a_slice_never_reaches_inside_another() {
        one(&[("homework/store.rs", "use crate::school::store::Row;")], "homework/store.rs:1: [arrows]");
        one(&[("today/mod.rs", "fn f() { vec![super::homework::model::Work::new()]; }")], "reaches inside");
    }

    #[test]
    fn nobody_names_what_stands_above() {
        one(&[("homework/mod.rs", "use crate::app::State;")], "stands above it");
        one(&[("edge/session.rs", "use crate::identity::Session;")], "foundation `edge` names the slice");
        one(&[("access/policy.rs", "use crate::edge::Page;")], "`access` rests on");
        one(&[("access/policy.rs", "use crate::homework::Work;")], "`access` knows no slice");
        one(&[("ui/shell.rs", "use crate::edge::Nonce;")], "rests on");
        one(&[("school/mod.rs", "use crate::identity::Account;")], "sits below");
        one(&[("identity/mod.rs", "use crate::today::Card;")], "sits below");
    }

    #[test]
    fn a_circle_of_slices_is_told_once() {
        one(
            &[
                ("homework/mod.rs", "use crate::today::Card;"),
                ("today/mod.rs", "use crate::marks::Mark;"),
                ("marks/mod.rs", "use crate::homework::Work;"),
            ],
            "homework → today → marks → homework",
        );
    }
}
