//! Helpers for files that leave the application.
//!
//! A cell that begins with certain characters is run as a formula by spreadsheets (OWASP, "CSV
//! injection"). Names and messages are written by people, so every exported cell passes through here.

use std::borrow::Cow;

/// Makes a cell harmless to spreadsheets: a text that begins with `=`, `+`, `-`, `@`, a tabulation or
/// a carriage return gets an apostrophe in front, also behind leading blanks. Quoting and
/// separators are the CSV writer's business, not this function's.
pub fn csv_safe_cell(cell: &str) -> Cow<'_, str> {
    // The full-width forms are turned into the ASCII ones by some spreadsheets.
    let dangerous =
        |c: char| matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠');
    let starts = cell.starts_with(dangerous) || cell.trim_start().starts_with(dangerous);
    if starts { Cow::Owned(format!("'{cell}")) } else { Cow::Borrowed(cell) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_disarmed() {
        for cell in ["=1+1", "+33 6", "-2", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1"] {
            assert_eq!(csv_safe_cell(cell), format!("'{cell}"));
        }
    }

    #[test]
    fn plain_text_is_left_alone() {
        for cell in ["", "Maëlys", "4A", "a=b", "N'Golo-Émile"] {
            assert_eq!(csv_safe_cell(cell), cell);
        }
    }
}
