//! French and English say the same things: same keys, same variables, none twice.
//!
//! It compares `fr.ftl` with `en.ftl` of one folder, and `name.fr.ftl` with `name.en.ftl`. Whether a
//! translation is a good one stays a matter for the reader. The syntax is Project Fluent's. Variables of
//! grammar (tu or vous) may be used by one language alone.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use crate::tree::{File, Tree};

const RULE: &str = "texts";

/// Variables that choose a form and carry no fact: English has one `you`.
const GRAMMAR: [&str; 2] = ["form", "gender"];

/// A key's line and the variables it uses.
type Keys<'f> = BTreeMap<String, (usize, BTreeSet<&'f str>)>;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.with_ending("ftl") {
        let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
        let twin = match name {
            "fr.ftl" => "en.ftl".to_owned(),
            "en.ftl" => "fr.ftl".to_owned(),
            _ if name.ends_with(".fr.ftl") => name.replace(".fr.ftl", ".en.ftl"),
            _ if name.ends_with(".en.ftl") => name.replace(".en.ftl", ".fr.ftl"),
            _ => {
                findings.push(Finding::new(
                    &file.path,
                    1,
                    RULE,
                    "name it fr.ftl, en.ftl, x.fr.ftl or x.en.ftl.",
                ));
                continue;
            }
        };
        let keys = keys(file, &mut findings);
        let twin = format!("{folder}/{twin}");
        let Some(other) = tree.files.iter().find(|other| other.path == twin) else {
            findings.push(Finding::new(&file.path, 1, RULE, format!("has no twin {twin}: write it.")));
            continue;
        };
        let others = self::keys(other, &mut Vec::new());
        for (key, (line, variables)) in &keys {
            match others.get(key) {
                None => findings.push(Finding::new(
                    &file.path,
                    *line,
                    RULE,
                    format!("`{key}` is missing in {twin}: translate it, or remove it here."),
                )),
                Some((_, theirs)) => {
                    let lost: Vec<_> = variables
                        .difference(theirs)
                        .filter(|name| !GRAMMAR.contains(name))
                        .map(|name| format!("${name}"))
                        .collect();
                    if lost.is_empty() {
                        continue;
                    }
                    findings.push(Finding::new(
                        &file.path,
                        *line,
                        RULE,
                        format!(
                            "`{key}` uses {} and {twin} does not: say the same in both.",
                            lost.join(", ")
                        ),
                    ));
                }
            }
        }
    }
    findings
}

/// Messages, terms (`-name`) and attributes (`message.label`).
fn keys<'f>(file: &'f File, findings: &mut Vec<Finding>) -> Keys<'f> {
    let mut keys = Keys::new();
    let mut message = String::new();
    let mut key = String::new();
    for (line, text) in file.lines() {
        let attribute = text.trim_start().strip_prefix('.').filter(|_| text.starts_with(' '));
        let own = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '-');
        if let Some((name, _)) = attribute.or(own.then_some(text)).and_then(|text| text.split_once('=')) {
            if own {
                name.trim().clone_into(&mut message);
                key.clone_from(&message);
            } else {
                key = format!("{message}.{}", name.trim());
            }
            if keys.insert(key.clone(), (line, BTreeSet::new())).is_some() {
                findings.push(Finding::new(
                    &file.path,
                    line,
                    RULE,
                    format!("`{key}` is there twice, and the last one silently wins: remove one."),
                ));
            }
        }
        if !text.starts_with('#')
            && let Some((_, variables)) = keys.get_mut(&key)
        {
            variables.extend(text.split('$').skip(1).map(|rest| {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-');
                &rest[..end.unwrap_or(rest.len())]
            }));
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(fr: &str, en: &str) -> Vec<String> {
        let tree = Tree::of(&[("ui/texts/en.ftl", en), ("ui/texts/fr.ftl", fr)]);
        check(&tree).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn twins_that_agree_are_silent() {
        let fr = "# Accueil $pas\nhello = { $form -> *[tu] Salut }, { $name }\n    .label = Étiquette\n-brand = Préau\n\
                  n = { $count ->\n    [one] un\n   *[other] { $count }\n }\n";
        let en = "hello = Hello { $name }\n    .label = Label\n-brand = Préau\nn = { $count }\n";
        assert_eq!(findings(fr, en), [""; 0]);
    }

    #[test]
    fn missing_keys_attributes_variables_and_doubles_are_told() {
        let all = findings("a = { $name }\nb = x\n    .title = y\nb = z\n", "a = name\nb = x\nc = new\n");
        let has = |part: &str| all.iter().any(|finding| finding.contains(part));
        assert!(has("fr.ftl:1: [texts] `a` uses $name"), "{all:#?}");
        assert!(has("fr.ftl:3: [texts] `b.title` is missing in ui/texts/en.ftl"), "{all:#?}");
        assert!(has("fr.ftl:4: [texts] `b` is there twice"), "{all:#?}");
        assert!(has("en.ftl:3: [texts] `c` is missing in ui/texts/fr.ftl"), "{all:#?}");
        assert_eq!(all.len(), 4, "{all:#?}");
    }

    #[test]
    fn a_language_alone_is_told() {
        let tree = Tree::of(&[("homework/texts.fr.ftl", "a = b\n"), ("x/strange.ftl", "")]);
        let all = check(&tree);
        assert_eq!(all.len(), 2);
        assert!(all[0].to_string().contains("has no twin homework/texts.en.ftl"));
    }
}
