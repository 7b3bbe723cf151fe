//! The paths a Rust file names, from its tokens: `crate::homework::store::Row`, line 12.
//!
//! It reads tokens and not a syntax tree, so that paths inside macros count too, while comments and
//! strings never do. It resolves `crate`, `self` and `super`, and flattens `use` groups; it does not
//! resolve renamed imports, which the rules that use it do not need. Items marked `mod tests` are left
//! out: tests may reach for anything.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// One path, absolute within its crate for `crate::`, `self::` and `super::`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NamedPath {
    /// Does it start at this crate's root? Otherwise it starts at another crate or at a local name.
    pub(super) own: bool,
    /// The parts after `crate`, or all of them.
    pub(super) parts: Vec<String>,
    /// Where, from 1.
    pub(super) line: usize,
}

/// All paths of `text`, a file that is the module `module` of its crate. A file that Rust cannot read is
/// left to the compiler, which explains it better: the result is then empty.
pub(super) fn paths(text: &str, module: &[String]) -> Vec<NamedPath> {
    let mut found = Vec::new();
    if let Ok(tokens) = text.parse::<TokenStream>() {
        scan(tokens, module, &mut found);
    }
    found
}

/// The module that a source file is, from its path below `src/`: `homework/store.rs` is
/// `[homework, store]`, `homework/mod.rs` is `[homework]`, `lib.rs` is `[]`.
pub(super) fn module_of(path_below_src: &str) -> Vec<String> {
    let stem = path_below_src.strip_suffix(".rs").unwrap_or(path_below_src);
    let mut parts: Vec<String> = stem.split('/').map(str::to_owned).collect();
    let root = parts.len() == 1 && matches!(stem, "lib" | "main");
    if root || parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    parts
}

fn scan(tokens: TokenStream, module: &[String], found: &mut Vec<NamedPath>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Ident(word) if word == "mod" => {
                if let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) =
                    (tokens.get(at + 1), tokens.get(at + 2))
                {
                    let name = name.to_string();
                    if name != "tests" {
                        let mut inner = module.to_vec();
                        inner.push(name);
                        scan(body.stream(), &inner, found);
                    }
                    at += 3;
                } else {
                    at += 1;
                }
            }
            TokenTree::Ident(_) => at = read(&tokens, at, &[], module, found),
            TokenTree::Group(group) => {
                scan(group.stream(), module, found);
                at += 1;
            }
            _ => at += 1,
        }
    }
}

/// Reads the path that starts at `at`, below `before`; returns where to go on.
fn read(
    tokens: &[TokenTree],
    mut at: usize,
    before: &[String],
    module: &[String],
    found: &mut Vec<NamedPath>,
) -> usize {
    let mut parts = before.to_vec();
    let mut line = 0;
    while let Some(TokenTree::Ident(word)) = tokens.get(at) {
        if line == 0 {
            line = word.span().start().line;
        }
        parts.push(word.to_string());
        at += 1;
        if !colons(tokens, at) {
            break;
        }
        at += 2;
        match tokens.get(at) {
            // A group of a `use`: each of its branches goes on from here.
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                let branches: Vec<TokenTree> = group.stream().into_iter().collect();
                let mut branch = 0;
                while branch < branches.len() {
                    match &branches[branch] {
                        // `Row as R`: the new name is no path.
                        TokenTree::Ident(word) if word == "as" => branch += 2,
                        TokenTree::Ident(_) => branch = read(&branches, branch, &parts, module, found),
                        _ => branch += 1,
                    }
                }
                return at + 1;
            }
            // `crate::homework::*`
            Some(TokenTree::Punct(star)) if star.as_char() == '*' => {
                parts.push("*".to_owned());
                at += 1;
                break;
            }
            // A turbofish: the path is over, its arguments are read as ordinary tokens.
            Some(TokenTree::Punct(_)) => break,
            _ => {}
        }
    }
    found.extend(absolute(parts, line, module));
    at.max(1)
}

fn colons(tokens: &[TokenTree], at: usize) -> bool {
    let colon = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(mark)) if mark.as_char() == ':');
    colon(at) && colon(at + 1)
}

fn absolute(mut parts: Vec<String>, line: usize, module: &[String]) -> Option<NamedPath> {
    let mut base = module.to_vec();
    let mut own = false;
    // `use super::{self, model}` leaves a `self` behind.
    if parts.len() > 1 && parts.last().is_some_and(|last| last == "self") {
        parts.pop();
    }
    while let Some(first) = parts.first() {
        match first.as_str() {
            "crate" => base.clear(),
            "self" => {}
            "super" => {
                base.pop();
            }
            _ => break,
        }
        own = true;
        parts.remove(0);
    }
    if own {
        base.extend(parts);
        parts = base;
    }
    // A single word is a keyword or a local name, not a path.
    (own || parts.len() > 1).then_some(NamedPath { own, parts, line })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(text: &str, module: &[&str]) -> Vec<String> {
        let module: Vec<String> = module.iter().map(|part| (*part).to_owned()).collect();
        let all = paths(text, &module);
        all.iter().filter(|path| path.own).map(|path| path.parts.join("::")).collect()
    }

    #[test]
    fn groups_globs_and_renames_are_flattened() {
        let text = "use crate::{school::{Class, store::Row as R}, ui::*, edge};";
        assert_eq!(own(text, &[]), ["school::Class", "school::store::Row", "ui::*", "edge"]);
    }

    #[test]
    fn super_and_self_are_resolved_from_the_module() {
        let text = "use super::model; fn f() { super::super::school::people(); self::g::<u8>() }";
        assert_eq!(
            own(text, &["homework", "store"]),
            ["homework::model", "school::people", "homework::store::g"]
        );
        assert_eq!(own("mod inner { use super::super::ui::Shell; }", &["marks"]), ["ui::Shell"]);
        assert_eq!(
            own("use super::{self, model::Work};", &["homework", "pages"]),
            ["homework", "homework::model::Work"]
        );
    }

    #[test]
    fn macros_count_and_comments_strings_and_tests_do_not() {
        let text = r#"
            // crate::marks::store
            const S: &str = "crate::marks::store";
            fn f() { assert!(vec![crate::marks::Mark::new::<crate::ui::X>(1)].len() > 0); }
            #[cfg(test)] mod tests { use crate::marks::store::Row; }
        "#;
        assert_eq!(own(text, &[]), ["marks::Mark::new", "ui::X"]);
    }

    #[test]
    fn lines_are_those_of_the_file_and_foreign_paths_are_told_apart() {
        let all = paths("\n\nuse diesel::prelude::*;\n", &[]);
        assert_eq!(
            all,
            [NamedPath { own: false, parts: vec!["diesel".into(), "prelude".into(), "*".into()], line: 3 }]
        );
    }

    #[test]
    fn files_know_their_module() {
        assert_eq!(module_of("homework/store.rs"), ["homework", "store"]);
        assert_eq!(module_of("homework/mod.rs"), ["homework"]);
        assert!(module_of("lib.rs").is_empty() && module_of("main.rs").is_empty());
        assert_eq!(module_of("app.rs"), ["app"]);
    }
}
