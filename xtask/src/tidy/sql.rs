//! SQL lives in `store` and in the slices' `store.rs`, and nowhere else.
//!
//! So that who reads and writes a table can be seen in one file, and nobody filters afterwards in Rust.
//! Looked for are Diesel's names, the tables of `store::schema`, and string literals that begin like SQL.
//! Passing on Diesel's error is no query: `diesel::QueryResult` and `diesel::result` are free everywhere.

use proc_macro2::{TokenStream, TokenTree};

use super::Finding;
use super::rust_paths::{NamedPath, module_of, paths};
use crate::tree::{File, Tree};

const RULE: &str = "sql";
const SOURCE: &str = "crates/preau/src/";

/// How a statement begins. Two words each, so that prose ("Update of…") is not meant.
const STATEMENTS: [&str; 9] = [
    "SELECT ",
    "INSERT INTO ",
    "UPDATE ",
    "DELETE FROM ",
    "CREATE TABLE ",
    "CREATE INDEX ",
    "ALTER TABLE ",
    "DROP TABLE ",
    "PRAGMA ",
];

/// Files that teach Diesel a type and ask nothing.
const TEACHING: [&str; 1] = ["crates/preau/src/ids.rs"];

const CRATES: [&str; 5] = ["diesel", "diesel_migrations", "libsqlite3_sys", "pq_sys", "rusqlite"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let files = tree.with_ending("rs").filter(|file| file.path.starts_with(SOURCE));
    for file in files.filter(|file| !file.is_test() && !is_store(file)) {
        let module = module_of(file.path.strip_prefix(SOURCE).unwrap_or_default());
        // The first is enough: a file moves as a whole.
        if let Some((line, named)) = paths(&file.text, &module).iter().find_map(query) {
            findings.push(Finding::new(&file.path, line, RULE, format!(
                "`{named}` outside a store: move the query to this slice's store.rs (or store/) and return the \
                 model's types; row types never leave it."
            )));
        }
        let Ok(tokens) = file.text.parse::<TokenStream>() else { continue };
        let mut lines = Vec::new();
        statements(tokens, &mut lines);
        findings.extend(lines.into_iter().map(|line| {
            Finding::new(
                &file.path,
                line,
                RULE,
                "a statement outside a store: move it to this slice's store.rs.",
            )
        }));
    }
    findings
}

/// Does the path name what queries are made of?
fn query(path: &NamedPath) -> Option<(usize, String)> {
    let parts: Vec<&str> = path.parts.iter().map(String::as_str).collect();
    let asks = match parts[..] {
        ["diesel", "QueryResult" | "result", ..] => false,
        ["store", "schema", ..] => path.own,
        [first, ..] => !path.own && CRATES.contains(&first),
        [] => false,
    };
    asks.then(|| (path.line, parts.join("::")))
}

/// `store/…`, `homework/store.rs`, `homework/store/files.rs`, `homework/file_store.rs`.
fn is_store(file: &File) -> bool {
    TEACHING.contains(&file.path.as_str())
        || file
            .path
            .split('/')
            .any(|part| part == "store" || part == "store.rs" || part.ends_with("_store.rs"))
}

fn statements(tokens: TokenStream, lines: &mut Vec<usize>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => statements(group.stream(), lines),
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                let text = text.trim_start_matches(['r', 'b', 'c', '#']);
                if let Some(text) = text.strip_prefix('"') {
                    let text = text.trim_start_matches(['\\', '\n', ' ']);
                    if STATEMENTS.iter().any(|start| text.starts_with(start)) {
                        lines.push(literal.span().start().line);
                    }
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
    fn queries_belong_in_stores() {
        let raw = "fn f() {\n    run(r#\"SELECT name FROM pupil\"#)\n}";
        let tree = Tree::of(&[
            ("crates/preau/src/homework/store.rs", raw),
            ("crates/preau/src/homework/file_store.rs", "use diesel::prelude::*;"),
            ("crates/preau/src/store/tx.rs", raw),
            ("crates/preau/src/homework/pages.rs", raw),
            ("crates/preau/src/today/mod.rs", "use diesel::prelude::*;\nuse diesel::dsl::now;"),
            ("crates/preau/src/today/tiles.rs", "use crate::store::{Conn, schema::lesson};"),
            ("crates/preau/src/edge/refusal.rs", "use diesel::{QueryResult, result::Error};"),
            ("crates/preau/src/ids.rs", "use diesel::deserialize::FromSql;"),
            ("crates/preau/src/marks/views.rs", "const S: &str = \"UPDATED \"; // SELECT x"),
            ("crates/preau/src/homework/tests.rs", raw),
            ("crates/preau-formats/src/lib.rs", "const S: &str = \"SELECT x\";"),
        ]);
        let all: Vec<String> = check(&tree).iter().map(ToString::to_string).collect();
        assert_eq!(all.len(), 3, "{all:#?}");
        assert!(all[0].starts_with("crates/preau/src/homework/pages.rs:2: [sql]"), "{all:#?}");
        assert!(
            all[1].starts_with("crates/preau/src/today/mod.rs:1: [sql] `diesel::prelude::*`"),
            "{all:#?}"
        );
        assert!(all[2].starts_with("crates/preau/src/today/tiles.rs:1: [sql] `store::schema"), "{all:#?}");
    }
}
