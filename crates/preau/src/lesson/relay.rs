//! Sound and picture through the web port, for those whose network lets nothing else through.
//!
//! Beside the media ports, everybody who joins is told of a TURN relay on this server's own web port, with a
//! password for half a day; their browser goes that way where UDP does not get through. The front
//! hands connections that begin like STUN to it. It leads to the media threads and nowhere else (`preau-turn`).

use super::media::Media;
use crate::config::Config;
use crate::edge::{Clock, Platform};
use bytes::Bytes;
use preau_front::{OtherProtocol, Peer, Stream};
use preau_sfu::protocol as lk;
use preau_turn::{Credentials, Relay, Secret, is_stun};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// The relay of one server.
pub struct MediaRelay {
    relay: Relay,
    clock: Clock,
    /// Where browsers find it (RFC 7065).
    uri: String,
}

impl MediaRelay {
    /// To these media threads, where the configuration lets browsers find it on the web port.
    pub(super) fn beside(media: &Media, platform: &Platform) -> Option<MediaRelay> {
        let uri = uri(platform.config())?;
        let secret = Secret::new(&platform.secrets().key("live relay"));
        Some(MediaRelay { relay: Relay::new(secret, media.ways()), clock: platform.clock().clone(), uri })
    }

    /// What somebody who joins now is told.
    pub(super) fn offer(&self) -> lk::IceServer {
        let Credentials { username, password } = self.relay.issue(self.now());
        lk::IceServer { urls: vec![self.uri.clone()], username, credential: password }
    }

    /// Since 1970-01-01 UTC.
    fn now(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.clock.now()).unwrap_or(0))
    }
}

impl OtherProtocol for MediaRelay {
    fn speaks(&self, first: u8) -> bool {
        is_stun(first)
    }

    fn serve(
        self: Arc<Self>,
        stream: Box<dyn Stream>,
        ahead: Bytes,
        peer: Peer,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            let ended = self.relay.serve(stream, &ahead, peer.address, self.now()).await;
            tracing::debug!(client = %peer.address, %ended, "a relayed connection is over");
        })
    }
}

/// The relay's address: the public one, when what answers there is this process. Behind a balancer that ends TLS
/// it is not, for what arrives must be HTTP there.
fn uri(config: &Config) -> Option<String> {
    if !config.live.relay {
        return None;
    }
    let public = Url::parse(&config.server.public_url).ok()?;
    let scheme = match public.scheme() {
        "http" => "turn",
        "https" if !config.server.https.is_empty() => "turns",
        _ => return None,
    };
    let (host, port) = (public.host_str()?, public.port_or_known_default()?);
    Some(format!("{scheme}:{host}:{port}?transport=tcp"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_told_of_it_where_they_can_reach_it() {
        let mut config = Config::default();
        let mut told = |public: &str, https: &[&str], relay| {
            config.server.public_url = public.to_owned();
            config.server.https = https.iter().map(|text| text.parse().unwrap()).collect();
            config.live.relay = relay;
            uri(&config)
        };
        let own = Some("turns:ent.example:443?transport=tcp".to_owned());
        assert_eq!(told("https://ent.example", &["0.0.0.0:443"], true), own);
        assert_eq!(told("https://ent.example", &["0.0.0.0:443"], false), None);
        assert_eq!(told("https://ent.example", &[], true), None, "somebody else ends TLS");
        let plain = Some("turn:[::1]:8000?transport=tcp".to_owned());
        assert_eq!(told("http://[::1]:8000/", &[], true), plain);
    }
}
