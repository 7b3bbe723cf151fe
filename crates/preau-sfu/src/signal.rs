//! The signalling wire: the join request in the query string, then protobuf frames both ways.
//!
//! `GET /rtc/v1?access_token=…&join_request=…`, where the join request is base64url of a
//! `WrappedJoinRequest` that may hold a gzip-compressed `JoinRequest`; or, for the older protocol,
//! `GET /rtc?access_token=…&auto_subscribe=1&sdk=js…` with a parameter for each thing. Nothing here is
//! trusted: every size is bounded before memory is taken for it.

use std::io::Read as _;

use base64::alphabet;
use base64::engine::{DecodePaddingMode, Engine as _, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use livekit_protocol as lk;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message as Response;
use prost::Message as _;

/// What can be wrong with what a client sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignalError {
    /// Larger than the bound.
    #[error("the message is larger than {0} bytes")]
    TooLarge(usize),
    /// The query parameter is not base64url.
    #[error("join_request is not base64url")]
    Base64,
    /// The gzip stream is broken.
    #[error("join_request is not valid gzip")]
    Gzip,
    /// Not the expected protobuf message.
    #[error("the message is not valid protobuf: {0}")]
    Protobuf(&'static str),
    /// A request this version of the protocol does not know.
    #[error("the request is empty or unknown to this server")]
    Unknown,
}

/// Clients keep the padding, tools drop it; both are fine.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Reads the `join_request` query parameter (already percent-decoded).
///
/// # Errors
/// [`SignalError`] naming the layer that is broken, or that the request exceeds `limit` bytes once
/// inflated.
pub fn decode_join(parameter: &str, limit: usize) -> Result<lk::JoinRequest, SignalError> {
    // Base64 takes four characters for three bytes.
    if parameter.len() / 4 * 3 > limit {
        return Err(SignalError::TooLarge(limit));
    }
    let wrapped = BASE64.decode(parameter).map_err(|_| SignalError::Base64)?;
    let wrapped = lk::WrappedJoinRequest::decode(wrapped.as_slice())
        .map_err(|_| SignalError::Protobuf("WrappedJoinRequest"))?;
    let bytes = match lk::wrapped_join_request::Compression::try_from(wrapped.compression) {
        Ok(lk::wrapped_join_request::Compression::None) => wrapped.join_request,
        Ok(lk::wrapped_join_request::Compression::Gzip) => inflate(&wrapped.join_request, limit)?,
        Err(_) => return Err(SignalError::Protobuf("unknown compression")),
    };
    lk::JoinRequest::decode(bytes.as_slice()).map_err(|_| SignalError::Protobuf("JoinRequest"))
}

/// Longest value of a parameter of the older protocol that is looked at, in bytes.
const PARAMETER_BYTES: usize = 256;

/// Reads the parameters of the older protocol (`/rtc`); `get` gives the first one of a name,
/// percent-decoded. What is missing, too long or odd is taken as not said.
pub fn decode_parameters<'a>(get: impl Fn(&str) -> Option<&'a str>) -> lk::JoinRequest {
    let text = |name: &str| {
        get(name).filter(|value| value.len() <= PARAMETER_BYTES).map(str::to_owned).unwrap_or_default()
    };
    let flag = |name: &str, unsaid: bool| match get(name) {
        Some("1" | "true") => true,
        Some(_) => false,
        None => unsaid,
    };
    let number = |name: &str| text(name).parse().unwrap_or(0);
    let sdk = match text("sdk").as_str() {
        "js" => lk::client_info::Sdk::Js,
        "ios" | "swift" => lk::client_info::Sdk::Swift,
        "android" => lk::client_info::Sdk::Android,
        "flutter" => lk::client_info::Sdk::Flutter,
        "go" => lk::client_info::Sdk::Go,
        "unity" => lk::client_info::Sdk::Unity,
        "reactnative" => lk::client_info::Sdk::ReactNative,
        "rust" => lk::client_info::Sdk::Rust,
        "python" => lk::client_info::Sdk::Python,
        "cpp" => lk::client_info::Sdk::Cpp,
        "node" => lk::client_info::Sdk::Node,
        _ => lk::client_info::Sdk::Unknown,
    };
    lk::JoinRequest {
        client_info: Some(lk::ClientInfo {
            sdk: sdk as i32,
            version: text("version"),
            protocol: number("protocol"),
            client_protocol: number("client_protocol"),
            os: text("os"),
            os_version: text("os_version"),
            device_model: text("device_model"),
            browser: text("browser"),
            browser_version: text("browser_version"),
            network: text("network"),
            ..Default::default()
        }),
        connection_settings: Some(lk::ConnectionSettings {
            auto_subscribe: flag("auto_subscribe", true),
            adaptive_stream: flag("adaptive_stream", false),
            ..Default::default()
        }),
        reconnect: flag("reconnect", false),
        reconnect_reason: number("reconnect_reason"),
        participant_sid: text("sid"),
        ..Default::default()
    }
}

fn inflate(compressed: &[u8], limit: usize) -> Result<Vec<u8>, SignalError> {
    let mut bytes = Vec::new();
    // One byte more than allowed tells "exactly at the bound" from "beyond it".
    let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    flate2::read::GzDecoder::new(compressed)
        .take(bound)
        .read_to_end(&mut bytes)
        .map_err(|_| SignalError::Gzip)?;
    if bytes.len() > limit { Err(SignalError::TooLarge(limit)) } else { Ok(bytes) }
}

/// Reads one binary frame of a client.
///
/// # Errors
/// [`SignalError`] when it is too large, broken, or a request we do not know.
pub fn decode_request(frame: &[u8], limit: usize) -> Result<Request, SignalError> {
    if frame.len() > limit {
        return Err(SignalError::TooLarge(limit));
    }
    let request = lk::SignalRequest::decode(frame).map_err(|_| SignalError::Protobuf("SignalRequest"))?;
    request.message.ok_or(SignalError::Unknown)
}

/// Writes one binary frame for a client.
pub fn encode_response(message: Response) -> Bytes {
    lk::SignalResponse { message: Some(message) }.encode_to_vec().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn wrap(request: &[u8], compression: i32) -> String {
        let wrapped = lk::WrappedJoinRequest { compression, join_request: request.to_vec() };
        BASE64.encode(wrapped.encode_to_vec())
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn join_requests_plain_and_compressed() {
        let join = lk::JoinRequest { participant_sid: "PA_x".to_owned(), ..Default::default() };
        let bytes = join.encode_to_vec();
        assert_eq!(decode_join(&wrap(&bytes, 0), 1000).as_ref(), Ok(&join));
        let compressed = wrap(&gzip(&bytes), 1);
        assert_eq!(decode_join(&compressed, 1000).as_ref(), Ok(&join));
        assert_eq!(decode_join(compressed.trim_end_matches('='), 1000).as_ref(), Ok(&join));
    }

    #[test]
    fn parameters_of_the_older_protocol() {
        let read = |query: &'static [(&str, &str)]| {
            decode_parameters(|name| query.iter().find(|(key, _)| *key == name).map(|(_, value)| *value))
        };
        let join = read(&[("auto_subscribe", "0"), ("sdk", "js"), ("reconnect", "1"), ("sid", "PA_x")]);
        assert!(join.reconnect && !join.connection_settings.unwrap().auto_subscribe);
        assert_eq!(join.participant_sid, "PA_x");
        assert_eq!(join.client_info.unwrap().sdk(), lk::client_info::Sdk::Js);
        let join = read(&[("protocol", "many"), ("reconnect", "yes")]);
        assert!(!join.reconnect && join.connection_settings.unwrap().auto_subscribe);
        assert_eq!(join.client_info.unwrap().protocol, 0);
    }

    #[test]
    fn a_bomb_stays_small() {
        let bomb = wrap(&gzip(&vec![0; 50_000_000]), 1);
        assert!(bomb.len() < 100_000);
        assert_eq!(decode_join(&bomb, 100_000), Err(SignalError::TooLarge(100_000)));
    }

    #[test]
    fn broken_layers_are_named() {
        assert_eq!(decode_join("%%%", 1000), Err(SignalError::Base64));
        assert_eq!(decode_join(&wrap(b"no gzip", 1), 1000), Err(SignalError::Gzip));
        assert_eq!(decode_join(&wrap(&[0xff; 8], 0), 1000), Err(SignalError::Protobuf("JoinRequest")));
        assert_eq!(decode_join(&wrap(b"", 9), 1000), Err(SignalError::Protobuf("unknown compression")));
        assert_eq!(decode_join(&"A".repeat(4000), 1000), Err(SignalError::TooLarge(1000)));
        assert_eq!(decode_request(&[0xff; 8], 1000), Err(SignalError::Protobuf("SignalRequest")));
        assert_eq!(decode_request(&[], 1000), Err(SignalError::Unknown));
        assert_eq!(decode_request(&[0; 1001], 1000), Err(SignalError::TooLarge(1000)));
    }
}
