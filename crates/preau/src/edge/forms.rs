//! Reading forms: fields by name, and multipart forms with files of bounded size.

use super::Refusal;
use axum::extract::{FromRequest, Multipart, Request};
use bytes::{Bytes, BytesMut};

/// The fields of an ordinary form, in the order sent. A handler takes what it knows and ignores the rest.
#[derive(Debug, Default, Clone)]
pub struct FormFields(Vec<(String, String)>);

impl FormFields {
    /// Fields as they came. The byte zero, which no keyboard types and PostgreSQL stores in no text, is left out.
    fn received(mut fields: Vec<(String, String)>) -> FormFields {
        for (_, value) in &mut fields {
            if value.contains('\0') {
                value.retain(|letter| letter != '\0');
            }
        }
        FormFields(fields)
    }

    /// The first value of a field, without surrounding white space; empty when it is absent.
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value.trim())
    }

    /// The first value exactly as typed (passwords).
    pub fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value.as_str())
    }

    /// Whether a check box was ticked.
    pub fn ticked(&self, name: &str) -> bool {
        !self.text(name).is_empty()
    }

    /// Every value of a field that may come several times.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.trim())
    }

    /// Names and values whose name begins with `prefix`, without that prefix.
    pub fn prefixed<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0
            .iter()
            .filter_map(move |(name, value)| name.strip_prefix(prefix).map(|rest| (rest, value.trim())))
    }

    /// A field read as a typed value.
    ///
    /// # Errors
    /// [`Refusal::Malformed`], which names the field. Our own pages never send such a thing.
    pub fn parse<T: std::str::FromStr>(&self, name: &str) -> Result<T, Refusal> {
        self.text(name)
            .parse()
            .map_err(|_| Refusal::Malformed(format!("field {name} is missing or not readable")))
    }
}

impl<S: Send + Sync> FromRequest<S> for FormFields {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let axum::Form(fields) = axum::Form::<Vec<(String, String)>>::from_request(request, state)
            .await
            .map_err(|error| Refusal::Malformed(error.body_text()))?;
        Ok(FormFields::received(fields))
    }
}

/// A file as it came.
#[derive(Debug, Clone)]
pub struct Upload {
    /// The form's field.
    pub field: String,
    /// The name the browser gave; not to be believed.
    pub file_name: String,
    /// The bytes.
    pub bytes: Bytes,
}

/// How much a multipart form may carry.
#[derive(Debug, Clone, Copy)]
pub struct UploadLimits {
    /// Files.
    pub files: usize,
    /// Bytes a file.
    pub file_bytes: usize,
}

/// Longest text field of a multipart form, in bytes.
const TEXT_LIMIT: usize = 256 * 1024;
/// Most text fields.
const FIELD_LIMIT: usize = 200;

/// Reads a multipart form (RFC 7578). File inputs left empty are skipped.
///
/// # Errors
/// [`Refusal::TooLarge`] beyond `limits`, [`Refusal::Rule`] with too many files,
/// [`Refusal::Interrupted`] when the body breaks off.
pub async fn read_multipart(
    mut form: Multipart,
    limits: UploadLimits,
) -> Result<(FormFields, Vec<Upload>), Refusal> {
    let (mut fields, mut uploads) = (Vec::new(), Vec::new());
    while let Some(mut field) = form.next_field().await.map_err(|error| broken(&error))? {
        let name = field.name().unwrap_or_default().to_owned();
        let file_name = field.file_name().map(str::to_owned);
        let limit = if file_name.is_some() { limits.file_bytes } else { TEXT_LIMIT };
        let mut bytes = BytesMut::new();
        while let Some(piece) = field.chunk().await.map_err(|error| broken(&error))? {
            if bytes.len() + piece.len() > limit {
                return Err(Refusal::TooLarge { limit });
            }
            bytes.extend_from_slice(&piece);
        }
        match file_name {
            None => {
                if fields.len() == FIELD_LIMIT {
                    return Err(Refusal::Malformed("too many fields".into()));
                }
                fields.push((name, String::from_utf8_lossy(&bytes).into_owned()));
            }
            Some(file_name) if file_name.is_empty() && bytes.is_empty() => {}
            Some(file_name) => {
                if uploads.len() == limits.files {
                    return Err(Refusal::Rule("too-many-files"));
                }
                uploads.push(Upload { field: name, file_name, bytes: bytes.freeze() });
            }
        }
    }
    Ok((FormFields::received(fields), uploads))
}

fn broken(error: &axum::extract::multipart::MultipartError) -> Refusal {
    if error.status() == http::StatusCode::PAYLOAD_TOO_LARGE {
        Refusal::TooLarge { limit: TEXT_LIMIT }
    } else {
        Refusal::Interrupted
    }
}
