//! `preau timetable PATH --school UAI [--apply] [--json]`: the same import for the operator.

use super::{ImportReport, apply, prepare, read_file};
use crate::access::SystemPermit;
use crate::school;
use crate::store::{Store, StoreError};
use crate::ui::{Form, Lang, Texts};
use anyhow::{Context as _, bail};
use std::path::Path;
use std::process::ExitCode;

/// Largest file read, in bytes: a large lycée's year in EDT's XML is about 40 MB.
const LARGEST: u64 = 512 * 1024 * 1024;

/// Reads a timetable file, shows what it would change, and with `apply` changes it.
///
/// # Errors
/// The file cannot be read or used, the school is unknown, or the database refused; all worded for an
/// operator. Nothing is half applied.
pub fn command(
    store: &Store,
    zone: &str,
    path: &Path,
    uai: &str,
    applies: bool,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let shown = path.display();
    let size = std::fs::metadata(path).with_context(|| format!("cannot read {shown}"))?.len();
    if size > LARGEST {
        bail!("{shown} has {size} bytes; a timetable has at most {LARGEST}");
    }
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {shown}"))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let timetable =
        read_file(&bytes, &name, zone).map_err(|error| anyhow::anyhow!("{shown}: {}", error.en()))?;
    drop(bytes);
    let wanted = uai.to_owned();
    let school = store
        .read_blocking::<_, StoreError>(|conn| Ok(school::school_by_uai(conn, &wanted)?))?
        .with_context(|| format!("there is no school with the UAI {uai}; import its people first"))?;
    let texts = Texts::of(Lang::En, Form::Vous);
    let report: ImportReport = if applies {
        store.write_blocking::<_, StoreError, _>(&SystemPermit::ImportFromCommandLine, move |tx| {
            let prepared = prepare(tx.conn(), school, &timetable, texts)?;
            apply(tx, school, &prepared)?;
            Ok(ImportReport { applied: true, ..prepared.report })
        })?
    } else {
        store.read_blocking::<_, StoreError>(|conn| Ok(prepare(conn, school, &timetable, texts)?.report))?
    };
    if json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print(&report);
    }
    Ok(ExitCode::SUCCESS)
}

fn print(report: &ImportReport) {
    println!("{}: {} lessons", report.format, report.lessons);
    println!(
        "added {}, changed {}, removed {}, cancelled {}, same {}, left as changed by hand {}, skipped {}",
        report.added,
        report.changed,
        report.removed,
        report.cancelled,
        report.same,
        report.by_hand,
        report.skipped
    );
    for remark in report.skipped_lines.iter().chain(&report.warnings) {
        match remark.line {
            0 => println!("  {}", remark.text),
            line => println!("  line {line}: {}", remark.text),
        }
    }
    if !report.applied {
        println!("nothing was changed; add --apply to apply it");
    }
}
