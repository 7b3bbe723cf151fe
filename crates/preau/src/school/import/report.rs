//! What is said about an import: one JSON object for programs, lines for operators, sentences for pages.

use super::ImportError;
use super::plan::{Plan, Tally};
use super::staged::{Remark, Staged};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Remarks printed for people; the JSON report has them all.
const PRINTED: usize = 20;

/// The report as JSON. `schools`, `pupils` … count what the files hold; `added`, `changed`, `removed`
/// count people; `by_kind` says it for every kind of thing.
pub(super) fn document(staged: &Staged, plan: &Plan, applied: bool) -> Value {
    let people = plan.people();
    let mut report = serde_json::Map::new();
    let mut put = |name: &str, value: Value| {
        report.insert(name.to_owned(), value);
    };
    put("format", json!(staged.meta.format.label()));
    put("complete", json!(staged.meta.complete));
    put("file_date", json!(staged.meta.file_date.map(|date| date.to_string())));
    put("applied", json!(applied));
    for (name, count) in &staged.counts {
        put(name, json!(count));
    }
    put("added", json!(people.added));
    put("changed", json!(people.changed));
    put("removed", json!(people.removed));
    put("same", json!(people.same));
    put("skipped", json!(plan.skipped.total));
    put("warnings", json!(plan.warnings.total));
    put("needs_confirmation", json!(plan.needs_confirmation()));
    let kinds = plan.tallies.iter().map(|(kind, tally)| (kind.clone(), json!(tally)));
    put("by_kind", Value::Object(kinds.collect()));
    put("skipped_lines", Value::Array(plan.skipped.kept.iter().map(remark).collect()));
    put("warning_lines", Value::Array(plan.warnings.kept.iter().map(remark).collect()));
    Value::Object(report)
}

fn remark(remark: &Remark) -> Value {
    json!({ "file": remark.file, "line": remark.line, "reason": remark.french, "reason_en": remark.english })
}

/// An error as JSON: what stands in place of the report.
pub(super) fn failure(error: &ImportError) -> Value {
    json!({ "applied": false, "error": error.to_string(), "error_fr": french(error) })
}

/// The report for an operator's eyes.
pub(super) fn lines(staged: &Staged, plan: &Plan, applied: bool) -> String {
    let mut text = String::new();
    let meta = &staged.meta;
    let kind = if meta.complete { "complete" } else { "partial" };
    let dated = meta.file_date.map(|date| format!(", dated {date}")).unwrap_or_default();
    // Writing into a String cannot fail.
    let _ = writeln!(text, "{} ({kind}{dated})", meta.format.label());
    for (name, count) in &staged.counts {
        let _ = writeln!(text, "  {name:<14}{count:>9}");
    }
    let _ = writeln!(text, "  {:<14}{:>9}{:>9}{:>9}{:>9}", "", "added", "changed", "removed", "same");
    for (kind, Tally { added, changed, removed, same }) in &plan.tallies {
        let _ = writeln!(text, "  {kind:<14}{added:>9}{changed:>9}{removed:>9}{same:>9}");
    }
    for (title, remarks) in [("skipped", &plan.skipped), ("warnings", &plan.warnings)] {
        if remarks.total > 0 {
            let _ = writeln!(text, "{title}: {}", remarks.total);
        }
        for remark in remarks.kept.iter().take(PRINTED) {
            let _ = writeln!(text, "  {}", remark.english);
        }
        if remarks.total > PRINTED as u64 {
            let _ = writeln!(text, "  … and {} more (--json has them)", remarks.total - PRINTED as u64);
        }
    }
    let end = match (applied, plan.is_empty()) {
        (true, _) => "Applied.",
        (false, true) => "Nothing would change.",
        (false, false) => "Nothing was changed: this is a preview, --apply applies it.",
    };
    let _ = writeln!(text, "{end}");
    text
}

/// The error in French, for the pages: which line, what was expected, what stood there, what to do.
pub(super) fn french(error: &ImportError) -> String {
    let day = |date: &jiff::civil::Date| date.strftime("%d/%m/%Y").to_string();
    match error {
        ImportError::Input(error) => error.message_fr(),
        ImportError::NoSchool => "Les fichiers ne nomment pas d’établissement.".to_owned(),
        ImportError::ForeignSchool { named } => format!(
            "Ces fichiers parlent d’un autre établissement ({named}). Seul le vôtre peut être importé ici."
        ),
        ImportError::AcademyUnknown => {
            "Les fichiers ne disent pas de quelle académie ils viennent. Déposez un export complet."
                .to_owned()
        }
        ImportError::Older { file, applied } => format!(
            "Ce fichier est daté du {} ; celui du {} a déjà été appliqué. Déposez un export plus récent.",
            day(file),
            day(applied)
        ),
        ImportError::Future { file } => {
            format!("Ce fichier est daté du {}, dans l’avenir. Vérifiez son nom.", day(file))
        }
        ImportError::Guard { removed, percent } => {
            format!("{removed} personnes ({percent} %) seraient retirées : il faut le confirmer.")
        }
        ImportError::Meanwhile => "Un autre import vient d’être appliqué : vérifiez de nouveau.".to_owned(),
        ImportError::Scratch(_) | ImportError::Store(_) | ImportError::Query(_) => {
            "Quelque chose n’a pas marché de notre côté. Rien n’a été changé.".to_owned()
        }
    }
}
