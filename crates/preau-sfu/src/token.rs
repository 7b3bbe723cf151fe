//! Access tokens: LiveKit's JWTs, signed with HS256 (RFC 7515, RFC 7518 section 3.2, RFC 7519).
//!
//! The same tokens open a LiveKit cluster, which is why they are not something of our own. Only
//! HS256 is accepted, whatever the token's header asks for. This module does not decide *who* may
//! enter a room; it carries that decision from the application to the engine.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::grants::{Grants, Source, Sources};
use crate::ids::{Identity, RoomName};

/// Longest token looked at, in bytes: metadata and attributes included, far below a URL's bound.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// How far `nbf` may lie ahead of our clock, in seconds: another machine may have minted the token.
const NOT_BEFORE_LEEWAY: u64 = 10;

/// What a valid token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Who.
    pub identity: Identity,
    /// The name others see.
    pub name: String,
    /// Which room.
    pub room: RoomName,
    /// Application data that others see.
    pub metadata: String,
    /// Application key-values that others see.
    pub attributes: BTreeMap<String, String>,
    /// What they may do.
    pub grants: Grants,
    /// When the token was minted (its `nbf`), in seconds since 1970; 0 when it does not say. A
    /// moderator's decision outweighs tokens that are older than it.
    pub issued_at: u64,
}

/// What a server may ask of rooms, in tokens for LiveKit's RoomService. None of it is in a token that
/// opens a room.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceClaims {
    /// The room that `room_admin` speaks of.
    pub room: String,
    /// See and change who is in that room, and send data there.
    pub room_admin: bool,
    /// List all rooms.
    pub room_list: bool,
    /// Create and delete rooms.
    pub room_create: bool,
    /// Have rooms recorded by LiveKit's recorder (Egress).
    pub room_record: bool,
}

/// A key name and its secret, shared by whoever mints and whoever verifies.
#[derive(Clone)]
pub struct TokenKey {
    name: String,
    secret: Vec<u8>,
}

/// Why a token is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Longer than [`MAX_TOKEN_BYTES`].
    #[error("the token is longer than {MAX_TOKEN_BYTES} bytes")]
    TooLong,
    /// Not three parts of base64url with JSON inside.
    #[error("the token is not a JSON web token: {0}")]
    Malformed(&'static str),
    /// The header asks for something other than HS256.
    #[error("the token's algorithm is not HS256")]
    Algorithm,
    /// The signature does not match.
    #[error("the token's signature is wrong")]
    Signature,
    /// Signed by another key.
    #[error("the token was issued by an unknown key")]
    Issuer,
    /// `exp` has passed, or is missing.
    #[error("the token has expired")]
    Expired,
    /// `nbf` lies in the future.
    #[error("the token is not valid yet")]
    NotYet,
    /// No `roomJoin` or no room name.
    #[error("the token does not allow joining a room")]
    NoRoom,
    /// No `sub`.
    #[error("the token names nobody")]
    NoIdentity,
    /// It was made for another body, or for none.
    #[error("the token does not belong to this body")]
    Body,
    /// `canPublishSources` names a source that does not exist: refused rather than widened to "any".
    #[error("the token names an unknown source")]
    UnknownSource,
}

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    typ: String,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct Body {
    iss: String,
    sub: String,
    exp: u64,
    nbf: u64,
    name: String,
    metadata: String,
    attributes: BTreeMap<String, String>,
    video: VideoGrant,
    /// SHA-256 of the body that the token goes with, in base64.
    #[serde(skip_serializing_if = "String::is_empty")]
    sha256: String,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct VideoGrant {
    room: String,
    room_join: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    can_publish: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    can_publish_sources: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    can_subscribe: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    can_publish_data: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    can_update_own_metadata: Option<bool>,
    hidden: bool,
    room_admin: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    room_list: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    room_create: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    room_record: bool,
}

impl TokenKey {
    /// A key. The secret should hold at least 32 random bytes.
    pub fn new(name: impl Into<String>, secret: impl Into<Vec<u8>>) -> TokenKey {
        TokenKey { name: name.into(), secret: secret.into() }
    }

    /// A token saying `claims`, valid from `claims.issued_at` for `lifetime` seconds.
    pub fn mint(&self, claims: &Claims, lifetime: u64) -> String {
        let grants = &claims.grants;
        let body = Body {
            iss: self.name.clone(),
            sub: claims.identity.as_str().to_owned(),
            exp: claims.issued_at.saturating_add(lifetime),
            nbf: claims.issued_at,
            name: claims.name.clone(),
            metadata: claims.metadata.clone(),
            attributes: claims.attributes.clone(),
            video: VideoGrant {
                room: claims.room.as_str().to_owned(),
                room_join: true,
                can_publish: Some(grants.can_publish),
                can_publish_sources: grants.sources.named().iter().map(|s| s.name().to_owned()).collect(),
                can_subscribe: Some(grants.can_subscribe),
                can_publish_data: Some(grants.can_publish_data),
                can_update_own_metadata: Some(grants.can_update_own_metadata),
                hidden: grants.hidden,
                room_admin: grants.room_admin,
                ..VideoGrant::default()
            },
            sha256: String::new(),
        };
        self.sign(&body)
    }

    /// A token for a server's requests, valid from `issued_at` (seconds since 1970) for `lifetime` seconds.
    pub fn mint_service(&self, claims: &ServiceClaims, issued_at: u64, lifetime: u64) -> String {
        self.sign(&Body {
            iss: self.name.clone(),
            exp: issued_at.saturating_add(lifetime),
            nbf: issued_at,
            video: VideoGrant {
                room: claims.room.clone(),
                room_admin: claims.room_admin,
                room_list: claims.room_list,
                room_create: claims.room_create,
                room_record: claims.room_record,
                ..VideoGrant::default()
            },
            ..Body::default()
        })
    }

    /// A token that goes with `body` and vouches for it, as a LiveKit server's with its webhooks.
    pub fn mint_for_body(&self, body: &[u8], issued_at: u64, lifetime: u64) -> String {
        self.sign(&Body {
            iss: self.name.clone(),
            exp: issued_at.saturating_add(lifetime),
            nbf: issued_at,
            sha256: digest(body),
            ..Body::default()
        })
    }

    fn sign(&self, body: &Body) -> String {
        let header = Header { alg: "HS256".to_owned(), typ: "JWT".to_owned() };
        // Structs of strings, numbers and maps with string keys always serialise.
        let part = |json: serde_json::Result<Vec<u8>>| URL_SAFE_NO_PAD.encode(json.unwrap_or_default());
        let mut token = part(serde_json::to_vec(&header));
        token.push('.');
        token.push_str(&part(serde_json::to_vec(body)));
        let signature = self.mac(token.as_bytes()).finalize().into_bytes();
        token.push('.');
        token.push_str(&URL_SAFE_NO_PAD.encode(signature));
        token
    }

    /// What `token` says, if it is ours and valid at `unix_now` (seconds since 1970).
    ///
    /// # Errors
    /// The first reason to refuse it. The signature is checked before anything in the body is read.
    pub fn verify(&self, token: &str, unix_now: u64) -> Result<Claims, TokenError> {
        participant(self.open(token, unix_now)?)
    }

    /// What a server with this token may ask of rooms.
    ///
    /// # Errors
    /// As [`TokenKey::verify`].
    pub fn verify_service(&self, token: &str, unix_now: u64) -> Result<ServiceClaims, TokenError> {
        let video = self.open(token, unix_now)?.video;
        Ok(ServiceClaims {
            room: video.room,
            room_admin: video.room_admin,
            room_list: video.room_list,
            room_create: video.room_create,
            room_record: video.room_record,
        })
    }

    /// Whether `token` vouches for `content`.
    ///
    /// # Errors
    /// As [`TokenKey::verify`], and [`TokenError::Body`].
    pub fn verify_body(&self, token: &str, content: &[u8], unix_now: u64) -> Result<(), TokenError> {
        let said = self.open(token, unix_now)?.sha256;
        // A digest of public bytes is no secret: nothing to be learned from the time this takes.
        if said == digest(content) { Ok(()) } else { Err(TokenError::Body) }
    }

    /// The body of a token that is ours and valid now.
    fn open(&self, token: &str, unix_now: u64) -> Result<Body, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong);
        }
        let mut parts = token.split('.');
        let (Some(header), Some(body), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenError::Malformed("it does not have three parts"));
        };
        let decode = |part: &str, what| URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed(what));
        let header_json = decode(header, "the header is not base64url")?;
        let signature = decode(signature, "the signature is not base64url")?;
        let head: Header = serde_json::from_slice(&header_json)
            .map_err(|_| TokenError::Malformed("the header is not JSON with an algorithm"))?;
        if head.alg != "HS256" {
            return Err(TokenError::Algorithm);
        }
        let signed = &token[..header.len() + 1 + body.len()];
        self.mac(signed.as_bytes()).verify_slice(&signature).map_err(|_| TokenError::Signature)?;
        let body_json = decode(body, "the body is not base64url")?;
        let body: Body = serde_json::from_slice(&body_json)
            .map_err(|_| TokenError::Malformed("the body is not JSON of the expected shape"))?;
        if body.iss != self.name {
            return Err(TokenError::Issuer);
        }
        if body.exp <= unix_now {
            return Err(TokenError::Expired);
        }
        if body.nbf > unix_now.saturating_add(NOT_BEFORE_LEEWAY) {
            return Err(TokenError::NotYet);
        }
        Ok(body)
    }

    fn mac(&self, message: &[u8]) -> Hmac<Sha256> {
        // HMAC takes keys of any length, so the zero-length fallback is never reached.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret)
            .unwrap_or_else(|_| <Hmac<Sha256> as Mac>::new(&Default::default()));
        mac.update(message);
        mac
    }
}

fn digest(content: &[u8]) -> String {
    STANDARD.encode(Sha256::digest(content))
}

/// What the body says of somebody who wants into a room.
fn participant(body: Body) -> Result<Claims, TokenError> {
    if body.sub.is_empty() {
        return Err(TokenError::NoIdentity);
    }
    let video = body.video;
    if !video.room_join || video.room.is_empty() {
        return Err(TokenError::NoRoom);
    }
    let sources: Option<Vec<Source>> =
        video.can_publish_sources.iter().map(|name| Source::from_name(name)).collect();
    let sources = sources.ok_or(TokenError::UnknownSource)?;
    let defaults = Grants::default();
    Ok(Claims {
        identity: body.sub.into(),
        name: body.name,
        room: video.room.into(),
        metadata: body.metadata,
        attributes: body.attributes,
        grants: Grants {
            can_publish: video.can_publish.unwrap_or(defaults.can_publish),
            sources: Sources::only(sources),
            can_subscribe: video.can_subscribe.unwrap_or(defaults.can_subscribe),
            can_publish_data: video.can_publish_data.unwrap_or(defaults.can_publish_data),
            can_update_own_metadata: video
                .can_update_own_metadata
                .unwrap_or(defaults.can_update_own_metadata),
            hidden: video.hidden,
            room_admin: video.room_admin,
        },
        issued_at: body.nbf,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn key() -> TokenKey {
        TokenKey::new("ecole", "0123456789abcdef0123456789abcdef")
    }

    fn claims() -> Claims {
        Claims {
            identity: "eleve-12".into(),
            name: "Inès Lefèvre".to_owned(),
            room: "lecon-7".into(),
            metadata: String::new(),
            attributes: BTreeMap::from([("classe".to_owned(), "4e B".to_owned())]),
            grants: Grants {
                sources: Sources::only([Source::Microphone]),
                can_update_own_metadata: false,
                ..Grants::default()
            },
            issued_at: NOW,
        }
    }

    fn resign(header: &str, body: &str) -> String {
        let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(body));
        let signature = key().mac(text.as_bytes()).finalize().into_bytes();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    #[test]
    fn says_what_was_minted() {
        assert_eq!(key().verify(&key().mint(&claims(), 600), NOW + 599), Ok(claims()));
    }

    #[test]
    fn time_is_judged() {
        let token = key().mint(&claims(), 600);
        assert_eq!(key().verify(&token, NOW + 600), Err(TokenError::Expired));
        assert_eq!(key().verify(&token, NOW - 11), Err(TokenError::NotYet));
        assert!(key().verify(&token, NOW - 10).is_ok());
    }

    #[test]
    fn forgeries_are_refused() {
        let token = key().mint(&claims(), 600);
        let other = TokenKey::new("ecole", "another secret, just as long as it is");
        assert_eq!(other.verify(&token, NOW), Err(TokenError::Signature));
        let renamed = TokenKey::new("autre", "0123456789abcdef0123456789abcdef");
        assert_eq!(renamed.verify(&token, NOW), Err(TokenError::Issuer));

        // The same signature under a body that says something else.
        let parts: Vec<&str> = token.split('.').collect();
        let body = String::from_utf8(URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
        let forged = body.replace("eleve-12", "eleve-13");
        assert_ne!(body, forged);
        let forged = format!("{}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode(forged), parts[2]);
        assert_eq!(key().verify(&forged, NOW), Err(TokenError::Signature));

        // "none", and a truncated signature.
        let none = format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), parts[1]);
        assert_eq!(key().verify(&none, NOW), Err(TokenError::Algorithm));
        let short = &token[..token.len() - 3];
        assert_eq!(key().verify(short, NOW), Err(TokenError::Signature));
    }

    #[test]
    fn nonsense_is_named() {
        let malformed = |token: &str| matches!(key().verify(token, NOW), Err(TokenError::Malformed(_)));
        assert!(malformed(""));
        assert!(malformed("a.b"));
        assert!(malformed("a.b.c.d"));
        assert!(malformed("!.!.!"));
        assert!(malformed(&resign(r#"{"alg":"HS256"}"#, "not json")));
        assert_eq!(key().verify(&"x".repeat(MAX_TOKEN_BYTES + 1), NOW), Err(TokenError::TooLong));
    }

    #[test]
    fn what_is_missing_is_named() {
        let head = r#"{"alg":"HS256"}"#;
        let with = |rest: &str| resign(head, &format!(r#"{{"iss":"ecole","exp":{},{rest}}}"#, NOW + 60));
        let verify = |token: String| key().verify(&token, NOW);
        assert_eq!(verify(with(r#""video":{"roomJoin":true,"room":"r"}"#)), Err(TokenError::NoIdentity));
        assert_eq!(verify(with(r#""sub":"a","video":{"room":"r"}"#)), Err(TokenError::NoRoom));
        assert_eq!(verify(with(r#""sub":"a","video":{"roomJoin":true}"#)), Err(TokenError::NoRoom));
        assert_eq!(
            verify(with(r#""sub":"a","video":{"roomJoin":true,"room":"r","canPublishSources":["webcam"]}"#)),
            Err(TokenError::UnknownSource)
        );
        let no_expiry = r#"{"iss":"ecole","sub":"a","video":{"roomJoin":true,"room":"r"}}"#;
        assert_eq!(verify(resign(head, no_expiry)), Err(TokenError::Expired));
        let minimal = verify(with(r#""sub":"a","video":{"roomJoin":true,"room":"r"}"#)).unwrap();
        assert_eq!(minimal.grants, Grants::default());
    }

    #[test]
    fn what_a_server_may_ask_is_in_tokens_of_its_own() {
        let asked = ServiceClaims { room: "lecon-7".to_owned(), room_admin: true, ..Default::default() };
        let token = key().mint_service(&asked, NOW, 60);
        assert_eq!(key().verify_service(&token, NOW + 59), Ok(asked));
        assert_eq!(key().verify_service(&token, NOW + 60), Err(TokenError::Expired));
        assert_eq!(key().verify(&token, NOW), Err(TokenError::NoIdentity), "it opens no room");
        let pupil = key().mint(&claims(), 600);
        let may = key().verify_service(&pupil, NOW).unwrap();
        assert!(!may.room_admin && !may.room_list && !may.room_create);
    }

    #[test]
    fn a_body_and_its_token_belong_together() {
        let token = key().mint_for_body(b"joined", NOW, 60);
        assert_eq!(key().verify_body(&token, b"joined", NOW), Ok(()));
        assert_eq!(key().verify_body(&token, b"left", NOW), Err(TokenError::Body));
        let of_a_room = key().mint(&claims(), 600);
        assert_eq!(key().verify_body(&of_a_room, b"joined", NOW), Err(TokenError::Body));
        let stolen =
            TokenKey::new("ecole", "another secret, just as long as it is").mint_for_body(b"joined", NOW, 60);
        assert_eq!(key().verify_body(&stolen, b"joined", NOW), Err(TokenError::Signature));
        // Printed by `echo -n joined | openssl dgst -sha256 -binary | base64`.
        assert_eq!(digest(b"joined"), "a5Y8wcLX06Tv3CqsSuOKjsvEU1roS23BRA1KutzZeVY=");
    }
}
