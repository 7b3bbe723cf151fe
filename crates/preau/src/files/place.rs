//! Where the bytes lie, and how they get there and back.

use super::{Kind, StoredFile, safe_name};
use crate::config::FilesConfig;
use crate::edge::{Part, Refusal, Upload, UploadLimits};
use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, header};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt as _};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// How much may be uploaded at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileLimits {
    /// Bytes a file.
    pub file_bytes: usize,
    /// Files on one thing.
    pub files: usize,
}

impl FileLimits {
    /// Bytes of a whole form: the files and a little for the texts.
    pub fn body_bytes(self) -> usize {
        self.file_bytes * self.files.min(3) + 512 * 1024
    }

    /// The limits for reading a form.
    pub fn of_a_form(self) -> UploadLimits {
        UploadLimits { files: self.files, file_bytes: self.file_bytes }
    }
}

/// Bytes that are stored but hang on nothing yet.
#[derive(Debug, Clone)]
pub struct Staged {
    pub(super) token: String,
    pub(super) file_name: String,
    pub(super) media_type: &'static str,
    pub(super) size: i64,
    pub(super) sha256: Vec<u8>,
    pub(super) object_key: String,
}

/// The place where bytes lie; cheap to clone.
#[derive(Clone)]
pub struct FileStore {
    objects: Arc<dyn ObjectStore>,
    prefix: Path,
    limits: FileLimits,
}

impl FileStore {
    /// Opens the folder or bucket named in the configuration.
    ///
    /// # Errors
    /// A folder that cannot be made, an address that cannot be read; worded for an operator.
    pub fn open(config: &FilesConfig) -> anyhow::Result<FileStore> {
        use anyhow::Context as _;
        let limits = FileLimits { file_bytes: config.largest_bytes(), files: config.most as usize };
        let (objects, prefix): (Arc<dyn ObjectStore>, Path) = if config.place.contains("://") {
            let url = url::Url::parse(&config.place)
                .with_context(|| format!("files.place = {:?}", config.place))?;
            let settings = std::env::vars().filter(|(name, _)| name.starts_with("AWS_"));
            let (objects, prefix) = object_store::parse_url_opts(&url, settings)
                .with_context(|| format!("files.place = {:?}", config.place))?;
            (Arc::from(objects), prefix)
        } else {
            std::fs::create_dir_all(&config.place)
                .with_context(|| format!("files.place: cannot make the folder {:?}", config.place))?;
            let folder = object_store::local::LocalFileSystem::new_with_prefix(&config.place)
                .with_context(|| format!("files.place = {:?}", config.place))?
                .with_fsync(true);
            (Arc::new(folder), Path::default())
        };
        Ok(FileStore { objects, prefix, limits })
    }

    /// How much may be uploaded.
    pub fn limits(&self) -> FileLimits {
        self.limits
    }

    /// Stores an upload's bytes, so that a write can attach them.
    ///
    /// # Errors
    /// [`Refusal::Rule`] for a kind of file that is not taken, [`Refusal::Internal`] when the place fails.
    pub async fn stage(&self, upload: Upload) -> Result<Staged, Refusal> {
        let kind = Kind::of(&upload.bytes).ok_or(Refusal::Rule("file-kind"))?;
        let token = token()?;
        let object_key = format!("{}/{token}", &token[..2]);
        let staged = Staged {
            file_name: safe_name(&upload.file_name, kind),
            media_type: kind.media_type,
            size: upload.bytes.len() as i64,
            sha256: Sha256::digest(&upload.bytes).to_vec(),
            token,
            object_key,
        };
        self.objects.put(&self.path(&staged.object_key), upload.bytes.into()).await.map_err(failed)?;
        Ok(staged)
    }

    /// Stores several uploads, in order.
    ///
    /// # Errors
    /// As [`FileStore::stage`], for the first that fails.
    pub async fn stage_all(&self, uploads: Vec<Upload>) -> Result<Vec<Staged>, Refusal> {
        let mut staged = Vec::with_capacity(uploads.len());
        for upload in uploads {
            staged.push(self.stage(upload).await?);
        }
        Ok(staged)
    }

    /// Sends a file, or the part of it that `asked`, the headers of the request, name. Whoever calls this has asked the
    /// policy of what the file hangs on.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when the bytes are gone, [`Refusal::Internal`] when the place fails.
    pub async fn send(&self, file: &StoredFile, asked: &HeaderMap) -> Result<Response, Refusal> {
        let size = u64::try_from(file.size).unwrap_or(0);
        // Bytes never change under their key.
        let tag = format!("\"{}\"", file.object_key);
        let part = Part::asked(asked, size, &tag);
        let body = match part {
            Part::Beyond => Body::empty(),
            Part::All => self.bytes(file, None).await?,
            Part::Bytes(..) => self.bytes(file, Some(GetRange::Bounded(part.bytes(size)))).await?,
        };
        let mut response = part.answer(body, size, &tag);
        let inline = Kind::named(&file.media_type).is_some_and(|kind| kind.inline);
        let headers = [
            (header::CONTENT_TYPE, file.media_type.clone()),
            (header::CONTENT_DISPOSITION, disposition(&file.file_name, inline)),
            (header::CACHE_CONTROL, "private, max-age=3600".to_owned()),
            // Whatever is inside, it runs nothing and loads nothing.
            (
                header::CONTENT_SECURITY_POLICY,
                "sandbox; default-src 'none'; img-src 'self'; object-src 'self'".to_owned(),
            ),
        ];
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::try_from(value) {
                response.headers_mut().insert(name, value);
            }
        }
        Ok(response)
    }

    async fn bytes(&self, file: &StoredFile, range: Option<GetRange>) -> Result<Body, Refusal> {
        let options = GetOptions { range, ..GetOptions::default() };
        let found = self.objects.get_opts(&self.path(&file.object_key), options).await;
        let found = found.map_err(|error| match error {
            object_store::Error::NotFound { .. } => Refusal::NotFound,
            error => failed(error),
        })?;
        Ok(Body::from_stream(found.into_stream()))
    }

    /// Removes bytes whose row is gone. A failure is logged and leaves bytes that nobody can reach.
    pub async fn discard(&self, object_key: &str) {
        if let Err(error) = self.objects.delete(&self.path(object_key)).await {
            tracing::warn!(%error, "a removed file's bytes could not be deleted");
        }
    }

    fn path(&self, key: &str) -> Path {
        self.prefix.parts().chain(Path::from(key).parts()).collect()
    }
}

fn failed(error: object_store::Error) -> Refusal {
    Refusal::Internal(format!("file store: {error}"))
}

/// 128 random bits in an alphabet for addresses.
fn token() -> Result<String, Refusal> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| Refusal::Internal(format!("no randomness: {error}")))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// `Content-Disposition` with the name in both forms (RFC 6266, RFC 8187).
fn disposition(name: &str, inline: bool) -> String {
    let how = if inline { "inline" } else { "attachment" };
    let plain: String =
        name.chars().map(|c| if c.is_ascii_graphic() && c != '"' && c != '\\' { c } else { '_' }).collect();
    let encoded: String = name
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect();
    format!("{how}; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_survive_and_quotes_do_not_break_the_header() {
        assert_eq!(
            disposition("Rédaction.pdf", true),
            "inline; filename=\"R_daction.pdf\"; filename*=UTF-8''R%C3%A9daction.pdf"
        );
    }
}
