//! Routes are made in `edge` only, by a constructor that demands audience, cost and body limit.
//!
//! It is the first of the five locks: a page whose audience nobody declared cannot exist. Clippy's
//! `disallowed-methods` says the same of `axum::Router::route`; this rule also sees macros and the other
//! ways to mount a handler.

use proc_macro2::{TokenStream, TokenTree};

use super::Finding;
use crate::tree::Tree;

const RULE: &str = "routes";
const SOURCE: &str = "crates/preau/src/";
const EDGE: [&str; 2] = ["crates/preau/src/edge/", "crates/preau/src/edge.rs"];

/// Methods that mount a handler on a router.
const MOUNTS: [&str; 6] =
    ["route", "route_service", "nest_service", "fallback", "fallback_service", "method_not_allowed_fallback"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.with_ending("rs").filter(|file| file.path.starts_with(SOURCE) && !file.is_test()) {
        if EDGE.iter().any(|edge| file.path.starts_with(edge)) {
            continue;
        }
        let Ok(tokens) = file.text.parse::<TokenStream>() else { continue };
        let mut calls = Vec::new();
        find(tokens, &mut calls);
        findings.extend(calls.into_iter().map(|(line, method)| {
            Finding::new(&file.path, line, RULE, format!(
                "`{method}` mounts a handler past the edge: declare the page with the edge's constructor, which \
                 asks for its audience, its cost at the gate and its body limit."
            ))
        }));
    }
    findings
}

/// `.route(…)`, `Router::route(…)`, inside any group or macro.
fn find(tokens: TokenStream, calls: &mut Vec<(usize, String)>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => find(group.stream(), calls),
            TokenTree::Ident(word) if MOUNTS.iter().any(|mount| word == mount) => {
                let before = |back: usize| at.checked_sub(back).and_then(|at| tokens.get(at));
                let dot = matches!(before(1), Some(TokenTree::Punct(mark)) if mark.as_char() == '.');
                let router = matches!(before(3), Some(TokenTree::Ident(name)) if name == "Router");
                let called = matches!(tokens.get(at + 1), Some(TokenTree::Group(_)));
                if (dot || router) && called {
                    calls.push((word.span().start().line, word.to_string()));
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_edge_mounts() {
        let mounts = "fn f() {\n    Router::new().route(\"/x\", get(page))\n}";
        let tree = Tree::of(&[
            ("crates/preau/src/edge/routes.rs", mounts),
            ("crates/preau/src/homework/mod.rs", mounts),
            ("crates/preau/src/today/mod.rs", "fn f() { all![Router::route(r, \"/\")] }"),
            ("crates/preau/src/marks/mod.rs", "fn f() { train.route; route(1); let route = 2; }"),
            ("crates/preau/src/homework/tests.rs", mounts),
        ]);
        let all: Vec<String> = check(&tree).iter().map(ToString::to_string).collect();
        assert_eq!(all.len(), 2, "{all:#?}");
        assert!(all[0].starts_with("crates/preau/src/homework/mod.rs:2: [routes] `route`"), "{all:#?}");
    }
}
