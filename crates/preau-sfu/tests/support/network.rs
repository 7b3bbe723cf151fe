//! The network between simulated clients and the engine: what flies, what is lost, what is heard.

use super::*;

impl World {
    /// Hands the engines' outputs to whom they concern.
    pub fn carry(&mut self) {
        loop {
            let mut quiet = true;
            for shard in 0..2 {
                if shard == 1 && self.annex.is_none() {
                    continue;
                }
                while let Some(output) = self.shard(shard).poll() {
                    quiet = false;
                    self.carry_one(shard, output);
                }
            }
            for (from, message) in std::mem::take(&mut self.relayed) {
                quiet = false;
                let now = self.now;
                self.shard(1 - from).relayed(ShardId(from as u32), *message, now);
            }
            if quiet {
                return;
            }
        }
    }

    pub(super) fn carry_one(&mut self, shard: usize, output: Output) {
        match output {
            Output::Datagram { source, destination, contents } => {
                self.fly(source, destination, contents, false);
            }
            Output::StreamBytes { stream, bytes } => {
                let owns = |peer: &&Peer| peer.stream.as_ref().is_some_and(|(id, _)| *id == stream);
                let to = self.clients.values().flat_map(Client::all).find(owns).map(|peer| peer.seen_as);
                if let Some(to) = to {
                    self.fly(STREAMS.parse().unwrap(), to, bytes, true);
                }
            }
            Output::StreamClose { stream } => {
                for client in self.clients.values_mut() {
                    for peer in client.peers() {
                        peer.stream.take_if(|(id, _)| *id == stream);
                    }
                }
            }
            Output::Relay { message, .. } => self.relayed.push((shard, message)),
            Output::Frame { connection, bytes } => {
                let response = lk::SignalResponse::decode(bytes).unwrap().message.unwrap();
                let name = self.by_connection.get(&(shard, connection)).copied();
                match name {
                    Some(name) => {
                        // Whoever came under the same name since does not hear it.
                        let client = self.clients.get(name);
                        if client.is_some_and(|client| client.connection == Some(connection)) {
                            self.hear(name, response);
                        }
                    }
                    None => unreachable!("frames for {connection} before it was known: {response:?}"),
                }
            }
            Output::Close { connection } => {
                if let Some(name) = self.by_connection.get(&(shard, connection))
                    && let Some(client) = self.clients.get_mut(name)
                    && client.connection == Some(connection)
                {
                    client.closed = true;
                }
            }
            Output::Event(event) => self.events.push(event),
            Output::Tapped(tapped) => self.tapped.push(*tapped),
        }
    }

    pub(super) fn hear(&mut self, name: &'static str, response: Response) {
        let client = self.clients.get_mut(name).unwrap();
        let mut reply = None;
        match &response {
            Response::Join(join) => client.sid = join.participant.as_ref().unwrap().sid.clone(),
            Response::Answer(answer) => {
                client.answers.push(answer.sdp.clone());
                if client.down.is_none() {
                    client.track_of = answer.mid_to_track_id.clone();
                }
                let (id, pending) = client.pending.take().expect("an answer to an offer");
                assert_eq!(id, answer.id, "an answer carries its offer's number");
                let sdp = SdpAnswer::from_sdp_string(&answer.sdp).unwrap();
                client.up.rtc.sdp_api().accept_answer(pending, sdp).unwrap();
                if std::mem::take(&mut client.want_offer) {
                    reply = client.offer(0, 0, false).map(Request::Offer);
                }
            }
            Response::Offer(offer) if !client.mute_answers => {
                reply = Some(Request::Answer(client.take(offer)));
            }
            Response::MediaSectionsRequirement(need) => {
                assert!(client.down.is_none(), "asked for sections on the wrong path");
                let (audios, videos) = (need.num_audios as usize, need.num_videos as usize);
                if client.pending.is_some() {
                    client.want_offer = true;
                } else {
                    reply = client.offer(audios, videos, false).map(Request::Offer);
                }
            }
            _ => {}
        }
        client.frames.push(response);
        self.settle_client(name);
        if let Some(reply) = reply
            && self.clients[name].connection.is_some()
        {
            self.signal(name, reply);
        }
    }

    pub(super) fn deliver(&mut self) {
        while let Some(entry) = self.flying.first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            let datagram = entry.remove();
            let now = self.now;
            if datagram.tcp && datagram.destination == STREAMS.parse().unwrap() {
                self.feed_stream(datagram.source, &datagram.contents);
                continue;
            }
            let to = [SERVER, ANNEX]
                .iter()
                .position(|server| datagram.destination == server.parse::<SocketAddr>().unwrap());
            if let Some(shard) = to {
                self.shard(shard).datagram(datagram.source, &datagram.contents, now);
                self.carry();
                continue;
            }
            let found = self.clients.values_mut().find(|client| client.is_at(datagram.destination));
            let Some(client) = found else { continue };
            let name = client.name;
            let peer = client.peers().find(|peer| peer.seen_as == datagram.destination).unwrap();
            let destination = peer.address;
            let mut whole = vec![datagram.contents];
            if datagram.tcp {
                let bytes = whole.pop().unwrap();
                let Some((_, deframer)) = &mut peer.stream else { continue };
                deframer.push(&bytes, |datagram| whole.push(datagram.to_vec())).unwrap();
            }
            for contents in whole {
                let receive = Receive {
                    proto: if datagram.tcp { Protocol::Tcp } else { Protocol::Udp },
                    source: datagram.source,
                    destination,
                    contents: contents.as_slice().try_into().unwrap(),
                };
                let client = self.clients.get_mut(name).unwrap();
                let peer = client.peers().find(|peer| peer.seen_as == datagram.destination).unwrap();
                peer.rtc.handle_input(Input::Receive(now, receive)).unwrap();
                self.settle_client(name);
            }
        }
    }

    /// Bytes a client writes to its TCP connection, which is opened when it first does.
    pub(super) fn feed_stream(&mut self, source: SocketAddr, bytes: &[u8]) {
        let now = self.now;
        let peers = self.clients.values_mut().flat_map(Client::peers);
        let Some(peer) = { peers }.find(|peer| peer.seen_as == source) else { return };
        if peer.stream.is_none() {
            let Some(id) = self.engine.stream_opened(source, now) else { return };
            peer.stream = Some((id, Deframer::default()));
        }
        let Some((id, _)) = peer.stream else { return };
        // In odd pieces, as TCP may.
        for piece in bytes.chunks(509) {
            self.engine.stream_bytes(id, piece, now);
            self.carry();
        }
    }

    /// A client's TCP connections break; the next ones come from another port.
    pub fn cut_stream(&mut self, name: &'static str) {
        let now = self.now;
        for peer in self.clients.get_mut(name).unwrap().peers() {
            if let Some((id, _)) = peer.stream.take() {
                self.engine.stream_closed(id, now);
            }
            peer.seen_as.set_port(peer.seen_as.port() + 1);
        }
        self.carry();
    }

    pub(super) fn random(&mut self) -> u64 {
        // xorshift64: the same in every run.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    pub(super) fn fly(&mut self, source: SocketAddr, destination: SocketAddr, contents: Vec<u8>, tcp: bool) {
        self.count += 1;
        let mut at = self.now + LATENCY;
        if !tcp {
            if self.udp_blocked || self.random() % 100 < self.loss {
                return;
            }
            if self.jitter > Duration::ZERO {
                let extra = self.random() % u64::try_from(self.jitter.as_micros()).unwrap();
                at += Duration::from_micros(extra);
            }
            let narrow = self
                .clients
                .values_mut()
                .find(|client| client.downlink.is_some() && client.is_at(destination));
            if let Some(client) = narrow {
                let begins = client.busy_until.max(self.now);
                if begins - self.now > QUEUE {
                    return;
                }
                let bits = (contents.len() as u64 + 28) * 8;
                let ends = begins + Duration::from_secs_f64(bits as f64 / client.downlink.unwrap() as f64);
                client.busy_until = ends;
                at = ends + LATENCY;
            }
        }
        self.flying.insert((at, self.count), Flying { source, destination, contents, tcp });
    }

    pub(super) fn settle_client(&mut self, name: &'static str) {
        let client = self.clients.get_mut(name).unwrap();
        let mut sent = Vec::new();
        let now = self.now;
        for index in 0..2 {
            let Some(peer) = client.peers().nth(index) else { continue };
            let mut events = Vec::new();
            for _ in 0..64 {
                loop {
                    match peer.rtc.poll_output().unwrap() {
                        str0m::Output::Timeout(at) => {
                            peer.due = at;
                            break;
                        }
                        str0m::Output::Transmit(datagram) => {
                            let tcp = datagram.proto == Protocol::Tcp;
                            let contents: Vec<u8> = datagram.contents.into();
                            let contents = if tcp { framing::frame(&contents).unwrap() } else { contents };
                            sent.push((peer.seen_as, datagram.destination, contents, tcp));
                        }
                        str0m::Output::Event(event) => {
                            // The section is asked for now: streams come and go.
                            let mid = match &event {
                                str0m::Event::RtpPacket(packet) => {
                                    let ssrc = packet.header.ssrc;
                                    peer.rtc.direct_api().stream_rx(&ssrc).map(|stream| stream.mid())
                                }
                                _ => None,
                            };
                            events.push((mid, event));
                        }
                    }
                }
                if peer.due > now {
                    break;
                }
                peer.rtc.handle_input(Input::Timeout(now)).unwrap();
            }
            peer.due = peer.due.max(now + Duration::from_millis(1));
            let receives = index == 1 || client.down.is_none();
            for (mid, event) in events {
                client.note(event, mid, index == 0, receives);
            }
        }
        for (source, destination, contents, tcp) in sent {
            self.fly(source, destination, contents, tcp);
        }
    }
}
