//! Both languages say the same things, templates name only what exists, and no French hides in them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};
use fluent_syntax::parser;

use super::*;

type Messages = BTreeMap<String, BTreeSet<String>>;

fn messages(text: &str) -> Messages {
    let resource =
        parser::parse(text).unwrap_or_else(|(_, faults)| panic!("unreadable text file: {faults:?}"));
    let mut found = Messages::new();
    for entry in resource.body {
        if let Entry::Message(message) = entry {
            let mut variables = BTreeSet::new();
            if let Some(pattern) = &message.value {
                collect(pattern, &mut variables);
            }
            // How a person is spoken to concerns French only.
            variables.remove("form");
            let doubled = found.insert(message.id.name.to_owned(), variables);
            assert!(doubled.is_none(), "{} stands twice", message.id.name);
        }
    }
    found
}

fn collect(pattern: &Pattern<&str>, variables: &mut BTreeSet<String>) {
    for element in &pattern.elements {
        let PatternElement::Placeable { expression } = element else { continue };
        match expression {
            Expression::Inline(inline) => collect_inline(inline, variables),
            Expression::Select { selector, variants } => {
                collect_inline(selector, variables);
                for variant in variants {
                    collect(&variant.value, variables);
                }
            }
        }
    }
}

fn collect_inline(inline: &InlineExpression<&str>, variables: &mut BTreeSet<String>) {
    match inline {
        InlineExpression::VariableReference { id } => {
            variables.insert(id.name.to_owned());
        }
        InlineExpression::Placeable { expression } => match &**expression {
            Expression::Inline(inner) => collect_inline(inner, variables),
            Expression::Select { selector, variants } => {
                collect_inline(selector, variables);
                for variant in variants {
                    collect(&variant.value, variables);
                }
            }
        },
        _ => {}
    }
}

fn all(language: fn(&Source) -> &'static str) -> Messages {
    let mut found = Messages::new();
    for source in SOURCES {
        for (key, variables) in messages(language(source)) {
            assert!(found.insert(key.clone(), variables).is_none(), "{key} stands in two sources");
        }
    }
    found
}

fn files(folder: &Path, endings: &[&str], found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, endings, found);
        } else if path.extension().and_then(|e| e.to_str()).is_some_and(|e| endings.contains(&e)) {
            found.push(path);
        }
    }
}

fn sources(endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), endings, &mut found);
    assert!(!found.is_empty());
    found
}

#[test]
fn both_languages_have_the_same_keys_and_variables() {
    let (french, english) = (all(|s| s.fr), all(|s| s.en));
    let missing: Vec<_> = french.keys().filter(|k| !english.contains_key(*k)).collect();
    assert!(missing.is_empty(), "English lacks {missing:?}");
    let missing: Vec<_> = english.keys().filter(|k| !french.contains_key(*k)).collect();
    assert!(missing.is_empty(), "French lacks {missing:?}");
    for (key, variables) in &french {
        assert_eq!(variables, &english[key], "the variables of {key} differ");
    }
}

#[test]
fn every_key_named_in_a_template_or_a_source_exists() {
    let known = all(|s| s.fr);
    // Calls through which a page asks for a sentence; the plain ones must name a sentence without
    // variables, the others one with as many variables as are given.
    let calls = [
        (".t(\"", 0),
        (".with(\"", 1),
        (".with2(\"", 2),
        (".with3(\"", 3),
        ("texts.get(\"", 0),
        ("t.get(\"", 0),
    ];
    let mut faults = Vec::new();
    let mut named = BTreeSet::new();
    for file in sources(&["html", "rs"]) {
        let is_source = file.extension().is_some_and(|e| e == "rs");
        let lines = fs::read_to_string(&file).unwrap();
        let text: String = lines.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        if file.ends_with("ui/texts.rs")
            || file.ends_with("ui/texts_tests.rs")
            || file.ends_with("ui/shell.rs")
        {
            continue;
        }
        for (call, count) in calls {
            for part in text.split(call).skip(1) {
                let key = part.split('"').next().unwrap_or_default();
                // In Rust other things are called `with` too; all keys have a hyphen.
                if is_source && (!key.contains('-') || key.starts_with('/')) {
                    continue;
                }
                named.insert(key.to_owned());
                match known.get(key) {
                    None => faults.push(format!("{}: unknown key {key}", file.display())),
                    Some(variables) if variables.len() != count => {
                        faults.push(format!("{}: {key} has the variables {variables:?}", file.display()));
                    }
                    Some(_) => {}
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(named.len() > 20, "the scan found {} keys only: it must be broken", named.len());
}

#[test]
fn no_template_holds_sentences_of_its_own() {
    let mut faults = Vec::new();
    for file in sources(&["html"]) {
        let text = fs::read_to_string(&file).unwrap();
        for word in hard_words(&text) {
            faults.push(format!("{}: « {word} » belongs into the text files", file.display()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Words of two letters or more that stand in a template outside tags, template code, styles and
/// scripts, or in an attribute that people read.
fn hard_words(template: &str) -> Vec<String> {
    let mut text = template.to_owned();
    // Blocks that stand inside a tag hold attributes.
    for block in ["body_attrs", "main_attrs", "page_class"] {
        text = without(&text, &format!("{{% block {block} %}}"), "{% endblock %}");
    }
    text = without(&text, "{% macro attrs(", "{% endmacro %}");
    for (open, close) in [("{#", "#}"), ("{%", "%}"), ("{{", "}}")] {
        text = without(&text, open, close);
    }
    for (open, close) in [("<style", "</style>"), ("<script", "</script>"), ("<!--", "-->")] {
        text = without(&text, open, close);
    }
    let mut found = Vec::new();
    for attribute in ["aria-label=\"", "title=\"", "placeholder=\"", "alt=\""] {
        for part in text.split(attribute).skip(1) {
            found.push(part.split('"').next().unwrap_or_default().to_owned());
        }
    }
    found.push(without(&text, "<", ">"));
    let entities = ["&nbsp;", "&amp;", "&lt;", "&gt;", "&middot;"];
    let words = |text: String| {
        let text = entities.iter().fold(text, |t, e| t.replace(e, " "));
        text.split(|c: char| !c.is_alphabetic())
            .filter(|w| w.chars().count() > 1)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    found.into_iter().flat_map(words).collect()
}

fn without(text: &str, open: &str, close: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(open) {
        out.push_str(&rest[..at]);
        out.push(' ');
        rest = rest[at..].find(close).map_or("", |end| &rest[at + end + close.len()..]);
    }
    out.push_str(rest);
    out
}

#[test]
fn the_hunt_for_hard_words_finds_them() {
    assert_eq!(hard_words("<p class=\"a\">{{ x }} Bonjour</p>"), ["Bonjour"]);
    assert_eq!(hard_words("<img alt=\"Cour\">{# note #}{% if a %}·{% endif %}"), ["Cour"]);
    assert!(hard_words("<style>a{b:c}</style><b>{{ page.t(\"k\") }}&nbsp;: x</b>").is_empty());
}

#[test]
fn pupils_are_spoken_to_as_tu_and_others_as_vous() {
    assert!(Texts::of(Lang::Fr, Form::Tu).get("waiting-place-kept").starts_with("Ta place"));
    assert!(Texts::of(Lang::Fr, Form::Vous).get("waiting-place-kept").starts_with("Votre place"));
    assert!(Texts::of(Lang::En, Form::Tu).get("waiting-place-kept").starts_with("Your place"));
}

#[test]
fn variables_and_plurals_are_filled_in() {
    let french = Texts::of(Lang::Fr, Form::Tu);
    assert_eq!(french.with("waiting-people-before", "count", 1), "1 personne attend devant toi");
    let many = 12_450_u32;
    assert_eq!(
        french.with("waiting-people-before", "count", many),
        "12\u{202f}450 personnes attendent devant toi"
    );
    assert_eq!(french.get("no-such-key"), "no-such-key");
    assert_eq!(french.with("no-such-key", "a", "b"), "no-such-key");
}

#[test]
fn what_people_wrote_is_never_read_as_a_pattern() {
    let text = Texts::of(Lang::Fr, Form::Vous).with("today-hello", "name", "{ $count } \u{2068}<b>");
    assert!(text.contains("{ $count } \u{2068}<b>"), "{text}");
}

#[test]
fn french_typography_is_put_in() {
    assert_eq!(
        typographic("Attention : « oui » ou non ?"),
        "Attention\u{a0}: «\u{a0}oui\u{a0}» ou non\u{202f}?"
    );
}
