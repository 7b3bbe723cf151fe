//! Coming into a room: who is let in, with which grants, and what they are told first.

use super::*;

impl Room {
    /// Somebody's signalling connection arrives with a verified token.
    pub(crate) fn join(
        &mut self,
        connection: ConnectionId,
        claims: Claims,
        join: lk::JoinRequest,
        connections: Connections,
        shard: &mut Shard,
    ) {
        if join.reconnect {
            self.resume(connection, &claims, join, shard);
            return;
        }
        let Some(grants) = self.standing_grants(&claims) else {
            shard.refuse(connection, lk::DisconnectReason::ParticipantRemoved);
            return;
        };
        if let Some(earlier) = self.by_identity.get(&claims.identity).copied() {
            self.depart(earlier, Departure::Duplicate, shard);
        }
        if self.headcount() >= self.settings.max_participants {
            shard.refuse(connection, lk::DisconnectReason::JoinFailure);
            return;
        }
        let key = self.admit(connection, claims, grants, &join, connections, shard);
        self.welcome(key, shard);
        self.announce(key, false, shard);
        for request in join.add_track_requests {
            self.request(key, lk::signal_request::Message::AddTrack(request), shard);
        }
        // Wanted before the first answer, so that a latecomer needs no second round trip.
        self.subscribe_to_all(key, shard);
        if let Some(offer) = join.publisher_offer {
            self.offer(key, offer, shard);
        }
        self.renegotiate(key, shard);
        self.settle(shard);
    }

    /// The grants that apply to a token here: a moderator's later decision outweighs it. None when
    /// they were removed.
    pub(super) fn standing_grants(&self, claims: &Claims) -> Option<Grants> {
        let decision = self.decisions.iter().rev().find(|(identity, _)| *identity == claims.identity);
        match decision {
            Some((_, decision)) if claims.issued_at <= decision.at => match &decision.verdict {
                Verdict::Removed => None,
                Verdict::Granted(grants) => Some(grants.clone()),
            },
            Some(_) | None => Some(claims.grants.clone()),
        }
    }

    pub(super) fn decide(&mut self, identity: &Identity, verdict: Verdict, shard: &Shard) {
        self.decisions.retain(|(decided, _)| decided != identity);
        if self.decisions.len() >= DECISIONS {
            self.decisions.pop_front();
        }
        let at = u64::try_from(shard.unix_ms() / 1000).unwrap_or(0);
        self.decisions.push_back((identity.clone(), Decision { at, verdict }));
    }

    pub(super) fn admit(
        &mut self,
        connection: ConnectionId,
        claims: Claims,
        grants: Grants,
        join: &lk::JoinRequest,
        connections: Connections,
        shard: &mut Shard,
    ) -> PartyKey {
        let (lead, leading) = LEAD;
        let leads = grants.room_admin || claims.attributes.get(lead).is_some_and(|word| word == leading);
        let key = PartyKey(shard.mint.number());
        let sid = ParticipantSid::from(shard.mint.sid("PA_"));
        let joined_at_ms = shard.unix_ms();
        let info = lk::ParticipantInfo {
            sid: sid.as_str().to_owned(),
            identity: claims.identity.as_str().to_owned(),
            name: claims.name,
            metadata: claims.metadata,
            attributes: claims.attributes.into_iter().collect(),
            state: lk::participant_info::State::Joined as i32,
            joined_at: joined_at_ms / 1000,
            joined_at_ms,
            version: 1,
            permission: Some(grants.to_permission()),
            client_protocol: join.client_info.as_ref().map_or(0, |client| client.client_protocol),
            ..Default::default()
        };
        let receives = connections == Connections::One;
        let up = self.limb(key, Leg::Up, receives, shard);
        let down = (!receives).then(|| self.limb(key, Leg::Down, true, shard));
        shard.routes.connections.insert(connection, (self.key, key));
        let wants_all = join.connection_settings.as_ref().is_none_or(|settings| settings.auto_subscribe);
        let mut participant = Participant {
            key,
            sid: sid.clone(),
            identity: claims.identity.clone(),
            grants,
            info,
            presence: Presence {
                connection: Some(connection),
                lost_at: None,
                heard_at: shard.now,
                missed: Vec::new(),
                awaits_sync: None,
            },
            legs: Legs { up, down },
            sending: Sending::default(),
            reception: Reception::default(),
            auto_subscribe: wants_all,
            leads,
            voice: VoiceMeter::default(),
            link: Link::default(),
            estimate: None,
            reported: LinkWidth::new(shard.limits.links),
            given: 0,
            wanted: 0,
            aimed: (0, 0),
            last_data: 0,
        };
        if participant.grants.can_update_own_metadata {
            // A client may bring these along. Beyond the bounds they are left out, not fatal.
            let _ = participant.describe("", &join.metadata, &join.participant_attributes, &shard.limits);
        }
        let profile = Box::new(participant.profile());
        self.participants.insert(key, participant);
        self.by_identity.insert(claims.identity.clone(), key);
        self.empty_since = None;
        self.ever_joined = true;
        self.event(EventKind::ParticipantJoined { identity: claims.identity, sid, profile }, shard);
        key
    }

    pub(super) fn limb(&mut self, party: PartyKey, leg: Leg, receives: bool, shard: &mut Shard) -> Limb {
        let mut transport = shard.factory.build(leg, receives, shard.now);
        let ufrag = transport.ufrag();
        shard.routes.by_ufrag.insert(ufrag.clone(), Route { room: self.key, party, leg });
        Limb { transport, endpoints: Endpoints { ufrag, addresses: Vec::new() } }
    }

    /// The first frame of a connection.
    pub(super) fn welcome(&self, key: PartyKey, shard: &mut Shard) {
        let Some(me) = self.participants.get(&key) else { return };
        let others = self.visible_to(key).cloned().collect();
        let join = lk::JoinResponse {
            room: Some(self.describe()),
            participant: Some(me.info.clone()),
            other_participants: others,
            server_version: SERVER_VERSION.to_owned(),
            server_info: Some(server_info()),
            ice_servers: shard.relays_for_clients.clone(),
            subscriber_primary: me.legs.down.is_some(),
            ping_timeout: PING_TIMEOUT_S,
            ping_interval: PING_INTERVAL_S,
            fast_publish: me.grants.can_publish,
            enabled_publish_codecs: codecs(&shard.limits.codecs),
            ..Default::default()
        };
        self.tell(key, Response::Join(join), shard);
        // Somebody may be in the middle of a sentence.
        let speakers = self
            .participants
            .values()
            .filter(|other| other.key != key && !other.grants.hidden && other.voice.told().active)
            .map(|other| speaker_info(&other.sid, other.voice.told()))
            .collect::<Vec<_>>();
        if me.grants.can_subscribe && !speakers.is_empty() {
            self.tell(key, Response::SpeakersChanged(lk::SpeakersChanged { speakers }), shard);
        }
    }
}
