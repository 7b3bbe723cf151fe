//! House conventions as tests: `cargo xtask tidy`.
//!
//! A rule worth stating is checked; everything else is judgement and stays out. Each rule is a small
//! module with its own bad examples. Invariant: a finding says where, which rule, why, and what to do.

mod arrows;
mod crates;
mod length;
mod machine;
mod migrations;
mod names;
mod opening;
mod pure;
mod routes;
mod rust_paths;
mod sql;
mod texts;
mod unfinished;

use std::fmt;

use crate::tree::Tree;

/// Something that is not as the house wants it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: String,
    line: usize,
    rule: &'static str,
    /// What is wrong, and what to do about it.
    message: String,
}

impl Finding {
    fn new(path: &str, line: usize, rule: &'static str, message: impl Into<String>) -> Finding {
        Finding { path: path.to_owned(), line, rule, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: [{}] {}", self.path, self.line, self.rule, self.message)
    }
}

/// All findings, sorted by place.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let rules = [
        arrows::check,
        crates::check,
        length::check,
        machine::check,
        migrations::check,
        names::check,
        opening::check,
        pure::check,
        routes::check,
        sql::check,
        texts::check,
        unfinished::check,
    ];
    let mut findings: Vec<Finding> = rules.iter().flat_map(|rule| rule(tree)).collect();
    findings.sort();
    findings.dedup();
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_reads_like_a_compiler_message() {
        let tree = Tree::of(&[("crates/preau/src/marks/model.rs", "fn f() {}\n")]);
        let all: Vec<String> = check(&tree).iter().map(ToString::to_string).collect();
        assert_eq!(all.len(), 1, "{all:?}");
        assert!(all[0].starts_with("crates/preau/src/marks/model.rs:1: [opening] "), "{}", all[0]);
    }

    /// The project itself is tidy: the same check as `cargo xtask tidy`, for whoever runs only the tests.
    #[test]
    fn this_project_is_tidy() {
        let tree = Tree::read(&crate::root()).unwrap();
        assert!(tree.files.len() > 10, "the project was not found: {} files", tree.files.len());
        let all: Vec<String> = check(&tree).iter().map(ToString::to_string).collect();
        assert!(all.is_empty(), "\n{}", all.join("\n"));
    }
}
