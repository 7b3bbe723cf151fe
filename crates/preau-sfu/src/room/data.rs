//! Data packets between participants: chat, hands, whatever the application invents.
//!
//! The sender's name is always written here, never believed. The sequence number of reliable packets
//! is kept: clients use it to recognise repetitions after a reconnect, and so do we.

#![expect(deprecated, reason = "clients in use still read and write fields the protocol has deprecated")]

use livekit_protocol as lk;
use livekit_protocol::data_packet::Value;
use prost::Message as _;

use super::Room;
use crate::engine::Shard;
use crate::ids::PartyKey;
use crate::timers::Due;
use crate::transport::{Channel, Route};

/// Addressees one packet may name.
const MAX_DESTINATIONS: usize = 1_000;

impl Room {
    /// A data packet arrived from a participant.
    pub(super) fn data(&mut self, from: PartyKey, channel: Channel, bytes: &[u8], shard: &mut Shard) {
        let Some(me) = self.participants.get_mut(&from) else { return };
        let accepted = (me.grants.can_publish_data && bytes.len() <= shard.limits.data_bytes)
            .then(|| lk::DataPacket::decode(bytes).ok())
            .flatten()
            .and_then(|packet| sign(packet, &me.info, me.grants.hidden));
        let Some(packet) = accepted else {
            shard.counters.data_refused += 1;
            return;
        };
        if channel == Channel::Reliable && packet.sequence > 0 {
            // After a resume a client repeats what it is not sure arrived.
            if packet.sequence <= me.last_data {
                return;
            }
            me.last_data = packet.sequence;
        }
        self.deliver(Some(from), channel, packet, &[], shard);
    }

    /// Sends a packet to those it names, or to everybody but its sender, on all shards of the room.
    pub(super) fn deliver(
        &mut self,
        from: Option<PartyKey>,
        channel: Channel,
        packet: lk::DataPacket,
        sids: &[String],
        shard: &mut Shard,
    ) {
        self.relay_data(channel, &packet, sids, shard);
        self.deliver_here(from, channel, packet, sids, shard);
    }

    /// … to those on this shard.
    pub(super) fn deliver_here(
        &mut self,
        from: Option<PartyKey>,
        channel: Channel,
        mut packet: lk::DataPacket,
        sids: &[String],
        shard: &mut Shard,
    ) {
        let mut identities = std::mem::take(&mut packet.destination_identities);
        identities.truncate(MAX_DESTINATIONS);
        let to_all = identities.is_empty() && sids.is_empty();
        let bytes = packet.encode_to_vec();
        for (key, other) in &mut self.participants {
            let named = identities.iter().any(|identity| identity == other.identity.as_str())
                || sids.iter().any(|sid| sid == other.sid.as_str());
            if Some(*key) == from || !(to_all || named) {
                continue;
            }
            let leg = other.legs.receiving();
            let transport = &mut other.legs.receiver().transport;
            let mut sink = shard.sink(*key, leg, &mut self.inbox);
            if transport.send_data(channel, &bytes, &mut sink) {
                shard.counters.data_out += 1;
            } else {
                shard.counters.data_refused += 1;
            }
            let route = Route { room: self.key, party: *key, leg };
            shard.timers.set(Due::Leg(route), transport.deadline());
        }
    }
}

/// Writes the true sender into a packet. None for packets only a server may send, and for captions
/// in somebody else's name.
fn sign(mut packet: lk::DataPacket, sender: &lk::ParticipantInfo, hidden: bool) -> Option<lk::DataPacket> {
    let (identity, sid) =
        if hidden { (String::new(), String::new()) } else { (sender.identity.clone(), sender.sid.clone()) };
    match packet.value.as_mut()? {
        Value::User(user) => {
            // Older clients address, and sign, inside.
            user.participant_sid.clone_from(&sid);
            user.participant_identity.clone_from(&identity);
            let inner = std::mem::take(&mut user.destination_identities);
            if packet.destination_identities.is_empty() {
                packet.destination_identities = inner;
            }
            user.destination_sids.clear();
        }
        Value::Transcription(captions) => {
            if captions.transcribed_participant_identity != sender.identity {
                return None;
            }
        }
        Value::Speaker(_) | Value::SipDtmf(_) | Value::Metrics(_) => return None,
        Value::ChatMessage(_)
        | Value::RpcRequest(_)
        | Value::RpcAck(_)
        | Value::RpcResponse(_)
        | Value::StreamHeader(_)
        | Value::StreamChunk(_)
        | Value::StreamTrailer(_)
        | Value::EncryptedPacket(_) => {}
    }
    packet.participant_identity = identity;
    packet.participant_sid = sid;
    Some(packet)
}
