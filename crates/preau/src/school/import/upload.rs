//! Receiving the files of an import: straight to disk, never whole in memory.

use crate::edge::Refusal;
use axum::extract::Multipart;
use preau_formats::Input;
use std::path::Path;
use tokio::io::AsyncWriteExt as _;

/// Largest form, in bytes. The Complet of a region is about 100 MB as the state packs it.
pub(super) const LARGEST: usize = 512 * 1024 * 1024;
/// Most files of one form.
const MOST: usize = 200;

/// Writes the files of the form into `folder`, under names of our own; their names are kept for messages
/// and to recognise formats. Empty file inputs are skipped.
///
/// # Errors
/// [`Refusal::Rule`] with too many files, [`Refusal::Interrupted`] when the body breaks off.
pub(super) async fn receive(mut form: Multipart, folder: &Path) -> Result<Vec<Input>, Refusal> {
    let mut inputs = Vec::new();
    while let Some(mut field) = form.next_field().await.map_err(|error| broken(&error))? {
        let Some(name) = field.file_name().map(last_part) else { continue };
        let path = folder.join(format!("upload-{}", inputs.len()));
        let mut file = None;
        while let Some(piece) = field.chunk().await.map_err(|error| broken(&error))? {
            if file.is_none() {
                if inputs.len() == MOST {
                    return Err(Refusal::Rule("too-many-files"));
                }
                file = Some(tokio::fs::File::create(&path).await.map_err(disk)?);
            }
            if let Some(file) = &mut file {
                file.write_all(&piece).await.map_err(disk)?;
            }
        }
        if let Some(mut file) = file {
            file.flush().await.map_err(disk)?;
            inputs.push(Input::named(path, name));
        }
    }
    Ok(inputs)
}

fn broken(error: &axum::extract::multipart::MultipartError) -> Refusal {
    if error.status() == http::StatusCode::PAYLOAD_TOO_LARGE {
        Refusal::TooLarge { limit: LARGEST }
    } else {
        Refusal::Interrupted
    }
}

fn disk(error: std::io::Error) -> Refusal {
    Refusal::Internal(format!("an uploaded file could not be kept: {error}"))
}

/// The name without the path that some browsers send, at most 200 characters.
fn last_part(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    last.chars().filter(|sign| !sign.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::last_part;

    #[test]
    fn only_the_last_part_of_a_name_counts() {
        assert_eq!(last_part("C:\\Users\\x\\ENT.tgz"), "ENT.tgz");
        assert_eq!(last_part("../../etc/passwd"), "passwd");
        assert_eq!(last_part("a\u{0}b\n.csv"), "ab.csv");
    }
}
