//! Tables for spreadsheets: CSV as the programs of French schools open it (semicolons, UTF-8 with its mark).
//!
//! Invariant: no cell is a formula. What begins like one is somebody's name or message until proven
//! otherwise, and gets an apostrophe in front, which spreadsheets show as text (OWASP, "CSV Injection").

use super::Refusal;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, header};

/// A table to keep. `file_name` is what the browser proposes; letters outside ASCII are allowed.
///
/// # Errors
/// [`Refusal::Internal`] when a line cannot be written, which memory alone could cause.
pub fn sheet(
    file_name: &str,
    head: &[&str],
    lines: impl IntoIterator<Item = Vec<String>>,
) -> Result<Response, Refusal> {
    let failed = |error: csv::Error| Refusal::Internal(format!("table: {error}"));
    // The mark tells spreadsheets that this is UTF-8.
    let mut bytes = vec![0xef, 0xbb, 0xbf];
    let mut writer = csv::WriterBuilder::new().delimiter(b';').from_writer(&mut bytes);
    writer.write_record(head.iter().map(|cell| harmless(cell))).map_err(failed)?;
    for line in lines {
        writer.write_record(line.iter().map(|cell| harmless(cell))).map_err(failed)?;
    }
    writer.flush().map_err(|error| failed(error.into()))?;
    drop(writer);
    let mut response = (
        [(header::CONTENT_TYPE, "text/csv; charset=utf-8"), (header::CACHE_CONTROL, "private, no-store")],
        bytes,
    )
        .into_response();
    // RFC 6266 with the extended notation of RFC 8187.
    let name: String = url::form_urlencoded::byte_serialize(file_name.as_bytes()).collect();
    let disposition = format!("attachment; filename*=UTF-8''{}", name.replace('+', "%20"));
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}

/// The cell, as text in every spreadsheet.
fn harmless(cell: &str) -> String {
    let flat = cell.replace(['\r', '\n', '\0'], " ");
    if flat.trim_start().starts_with(['=', '+', '-', '@', '\t', '|', '%']) || flat.starts_with('\t') {
        format!("'{flat}")
    } else {
        flat
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_in_a_table_is_a_formula() {
        let names = ["=cmd|'/C calc'!A0", " +33", "-1", "@SUM(A1)", "\t=1", "Noël; \"Zoé\"", "a\nb"];
        let table = sheet("4A été.csv", &["Nom"], names.map(|name| vec![name.to_owned()])).expect("a table");
        let disposition = table.headers()[header::CONTENT_DISPOSITION].to_str().expect("plain").to_owned();
        assert_eq!(disposition, "attachment; filename*=UTF-8''4A%20%C3%A9t%C3%A9.csv");
        let bytes = axum::body::to_bytes(table.into_body(), 10_000).await.expect("whole");
        let text = String::from_utf8(bytes.to_vec()).expect("UTF-8");
        assert_eq!(
            text.trim_start_matches('\u{feff}').lines().collect::<Vec<_>>(),
            [
                "Nom",
                "'=cmd|'/C calc'!A0",
                "' +33",
                "'-1",
                "'@SUM(A1)",
                "'\t=1",
                "\"Noël; \"\"Zoé\"\"\"",
                "a b"
            ]
        );
    }
}
