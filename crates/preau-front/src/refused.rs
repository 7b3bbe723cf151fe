//! Why the front refuses a request, and the plain answer it gives when the application has none.
//!
//! One small enum; each case knows its status code and what to tell a person. It decides nothing.

use crate::Answer;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};

/// Why a request was refused before, or instead of, being answered by anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refused {
    /// The head is not HTTP (RFC 9112), or could be read in two ways.
    Malformed,
    /// Neither HTTP/1.x nor HTTP/2.
    Version,
    /// The head is larger than the bounds.
    HeadTooLarge,
    /// The head, or the body, did not arrive in time.
    Slow,
    /// CONNECT and TRACE: this is no tunnel and no echo.
    Method,
    /// A host name that nobody here answers for (RFC 9110 section 7.4).
    Host,
    /// The body is larger than the upstream takes.
    BodyTooLarge,
    /// The upstream has as many requests as it may have.
    Saturated,
    /// No connection to the upstream.
    Unreachable,
    /// The upstream broke off, or answered with something that is not HTTP.
    Broken,
    /// The upstream did not answer in time.
    Overdue,
}

impl Refused {
    /// The status code that says so.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Refused::Malformed => StatusCode::BAD_REQUEST,
            Refused::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Refused::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Refused::Slow => StatusCode::REQUEST_TIMEOUT,
            Refused::Method => StatusCode::METHOD_NOT_ALLOWED,
            Refused::Host => StatusCode::MISDIRECTED_REQUEST,
            Refused::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Refused::Saturated => StatusCode::SERVICE_UNAVAILABLE,
            Refused::Unreachable | Refused::Broken => StatusCode::BAD_GATEWAY,
            Refused::Overdue => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// Whether the connection can carry another request afterwards: not after one whose end is unknown.
    #[must_use]
    pub fn closes(self) -> bool {
        matches!(
            self,
            Refused::Malformed
                | Refused::Version
                | Refused::HeadTooLarge
                | Refused::Slow
                | Refused::Method
                | Refused::BodyTooLarge
        )
    }

    /// A sentence for people, in French and in English.
    #[must_use]
    pub fn sentences(self) -> [&'static str; 2] {
        match self {
            Refused::Malformed | Refused::Version => {
                ["Cette demande n’est pas compréhensible.", "This request cannot be understood."]
            }
            Refused::HeadTooLarge => {
                ["L’en-tête de cette demande est trop long.", "The head of this request is too large."]
            }
            Refused::Slow => ["La demande n’est pas arrivée à temps.", "The request did not arrive in time."],
            Refused::Method => ["Cette méthode n’est pas permise ici.", "This method is not allowed here."],
            Refused::Host => ["Ce nom n’est pas servi ici.", "This name is not served here."],
            Refused::BodyTooLarge => ["L’envoi est trop volumineux.", "What was sent is too large."],
            Refused::Saturated => [
                "Trop de demandes en ce moment. Réessayez dans un instant.",
                "Too many requests at the moment. Try again shortly.",
            ],
            Refused::Unreachable | Refused::Broken => [
                "Le service ne répond pas. Rien n’a été perdu de votre côté ; réessayez dans un instant.",
                "The service does not answer. Try again shortly.",
            ],
            Refused::Overdue => [
                "Le service met trop de temps à répondre. Réessayez dans un instant.",
                "The service takes too long to answer. Try again shortly.",
            ],
        }
    }

    /// The plain page: no style, no script, two sentences. An application has better ones.
    #[must_use]
    pub fn plain(self) -> Answer {
        let status = self.status();
        let [french, english] = self.sentences();
        let page = format!(
            "<!doctype html><html lang=\"fr\"><meta charset=\"utf-8\"><title>{}</title>\
             <p>{french}</p><p lang=\"en\">{english}</p>",
            status.as_str()
        );
        let mut answer = Answer::new(status, Bytes::from(page))
            .with(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))
            .with(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            answer = answer.with(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        if self == Refused::Method {
            let allowed = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
            answer = answer.with(header::ALLOW, allowed);
        }
        answer.close = self.closes();
        answer
    }
}
