//! A simulated client by itself: its connections and what it has received.

use super::*;

impl Peer {
    pub(super) fn new(
        address: SocketAddr,
        codecs: &[Codec],
        extensions: Option<ExtensionMap>,
        tcp_only: bool,
        now: Instant,
    ) -> Peer {
        let builder = Rtc::builder();
        let builder = match extensions {
            Some(known) => builder.set_extension_map(known),
            None => builder,
        };
        let mut rtc = builder
            .set_rtp_mode(true)
            // Browsers are as impatient.
            .set_crypto_provider(preau_sfu::cryptography())
            .clear_codecs()
            // PCMU stands for somebody old, who has no redundancy either.
            .enable_opus(true, !codecs.contains(&Codec::PCMU))
            .enable_vp8(codecs.contains(&Codec::Vp8))
            .enable_h264(codecs.contains(&Codec::H264))
            .enable_vp9(codecs.contains(&Codec::Vp9))
            .enable_av1(codecs.contains(&Codec::Av1))
            .build(now);
        if tcp_only {
            let tcp = Candidate::builder().tcp().host(address).tcptype(TcpType::Active).build().unwrap();
            rtc.add_local_candidate(tcp);
        } else {
            rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
        }
        Peer { rtc, address, seen_as: address, due: now, stream: None }
    }
}

impl Client {
    pub(super) fn new(
        name: &'static str,
        shard: usize,
        up: Peer,
        down: Option<Peer>,
        codecs: &[Codec],
        now: Instant,
    ) -> Client {
        Client {
            name,
            shard,
            up,
            down,
            connection: None,
            frames: Vec::new(),
            closed: false,
            sid: String::new(),
            media: Vec::new(),
            keyframe_requests: Vec::new(),
            data: Vec::new(),
            connected: false,
            track_of: HashMap::new(),
            channels: HashMap::new(),
            inward: HashMap::new(),
            answers: Vec::new(),
            downlink: None,
            mute_answers: false,
            last_answer: None,
            busy_until: now,
            pending: None,
            want_offer: false,
            offers: 0,
            receive: Vec::new(),
            sequences: HashMap::new(),
            pictures: HashMap::new(),
            switched_off: Vec::new(),
            codecs: codecs.to_vec(),
        }
    }

    pub(super) fn peers(&mut self) -> impl Iterator<Item = &mut Peer> {
        std::iter::once(&mut self.up).chain(self.down.as_mut())
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Peer> {
        std::iter::once(&self.up).chain(self.down.as_ref())
    }

    pub(super) fn is_at(&self, address: SocketAddr) -> bool {
        self.all().any(|peer| peer.seen_as == address)
    }

    pub(super) fn due(&self) -> Instant {
        self.down.as_ref().map_or(self.up.due, |down| down.due.min(self.up.due))
    }

    /// The network forgets where the client is: same client, other port.
    pub fn rebind(&mut self, up: &str) {
        self.up.seen_as = up.parse().unwrap();
    }

    pub(super) fn pend(&mut self, offer: &SdpOffer, pending: SdpPendingOffer) -> lk::SessionDescription {
        self.offers += 1;
        self.pending = Some((self.offers, pending));
        lk::SessionDescription {
            r#type: "offer".to_owned(),
            sdp: offer.to_sdp_string(),
            id: self.offers,
            ..Default::default()
        }
    }

    /// Answers an offer of the server.
    pub(super) fn take(&mut self, offer: &lk::SessionDescription) -> lk::SessionDescription {
        self.track_of = offer.mid_to_track_id.clone();
        let down = self.down.as_mut().expect("offers come on the second connection");
        let sdp = SdpOffer::from_sdp_string(&offer.sdp).unwrap();
        let answer = down.rtc.sdp_api().accept_offer(sdp).unwrap();
        let answer = lk::SessionDescription {
            r#type: "answer".to_owned(),
            sdp: answer.to_sdp_string(),
            id: offer.id,
            ..Default::default()
        };
        self.last_answer = Some(answer.clone());
        answer
    }

    /// An offer that reserves more receive sections and reopens those that were answered inactive.
    pub(super) fn offer(
        &mut self,
        audios: usize,
        videos: usize,
        channels: bool,
    ) -> Option<lk::SessionDescription> {
        let mut api = self.up.rtc.sdp_api();
        for mid in &self.receive {
            api.set_direction(*mid, Direction::RecvOnly);
        }
        for kind in
            std::iter::repeat_n(MediaKind::Audio, audios).chain(std::iter::repeat_n(MediaKind::Video, videos))
        {
            self.receive.push(api.add_media(kind, Direction::RecvOnly, None, None, None));
        }
        if channels {
            api.add_channel_with_config(ChannelConfig {
                label: "_reliable".to_owned(),
                ..Default::default()
            });
            api.add_channel_with_config(ChannelConfig {
                label: "_lossy".to_owned(),
                ordered: false,
                reliability: Reliability::MaxRetransmits { retransmits: 0 },
                ..Default::default()
            });
        }
        if !api.has_changes() {
            // str0m offers only changes, a browser offers whenever it is asked to.
            self.receive.push(api.add_media(MediaKind::Audio, Direction::RecvOnly, None, None, None));
        }
        let (offer, pending) = api.apply()?;
        Some(self.pend(&offer, pending))
    }

    /// An offer with new ICE credentials.
    pub fn restart_ice(&mut self) -> lk::SessionDescription {
        let mut api = self.up.rtc.sdp_api();
        api.ice_restart(true);
        let (offer, pending) = api.apply().unwrap();
        self.pend(&offer, pending)
    }

    /// An offer in which a section no longer sends.
    pub fn stop_sending(&mut self, mid: Mid) -> lk::SessionDescription {
        let mut api = self.up.rtc.sdp_api();
        api.set_direction(mid, Direction::Inactive);
        let (offer, pending) = api.apply().unwrap();
        self.pend(&offer, pending)
    }

    pub(super) fn note(&mut self, event: str0m::Event, mid: Option<Mid>, sends: bool, receives: bool) {
        match event {
            str0m::Event::Connected if receives => self.connected = true,
            str0m::Event::RtpPacket(packet) => {
                let Some(mid) = mid else { return };
                // Repeated on the repair stream as padding for a probe: when a section changed its
                // streams, str0m as a receiver may take it for a packet of the earlier one. Browsers
                // know better, from the description.
                let repeated = self.media.iter().rev().take(400).any(|(section, known)| {
                    *section == mid
                        && known.header.ssrc != packet.header.ssrc
                        && known.seq_no == packet.seq_no
                        && known.payload == packet.payload
                });
                if !repeated {
                    self.media.push((mid, packet));
                }
            }
            str0m::Event::KeyframeRequest(request) => {
                self.keyframe_requests.push((request.mid, request.rid));
            }
            str0m::Event::ChannelOpen(id, label) => {
                if sends {
                    self.channels.insert(label.clone(), id);
                }
                if receives {
                    self.inward.insert(label, id);
                }
            }
            str0m::Event::ChannelData(data) => {
                let label = self.inward.iter().find(|(_, id)| **id == data.id).map(|(l, _)| l.clone());
                let packet = lk::DataPacket::decode(data.data.as_slice()).unwrap();
                self.data.push((label.unwrap_or_default(), packet));
            }
            _ => {}
        }
    }

    pub(super) fn payload_type(&self, codec: Codec) -> str0m::media::Pt {
        self.up.rtc.codec_config().iter().find(|p| p.spec().codec == codec).unwrap().pt()
    }

    pub(super) fn next_sequence(&mut self, mid: Mid, rid: Option<Rid>) -> u64 {
        let sequence = self.sequences.entry((mid, rid)).or_insert(1_000);
        *sequence += 1;
        *sequence
    }

    /// Media received of a track.
    pub fn received(&self, track: &str) -> Vec<&RtpPacket> {
        let mid = self.track_of.iter().find(|(_, sid)| *sid == track).map(|(mid, _)| Mid::from(mid.as_str()));
        self.media.iter().filter(|(section, _)| Some(*section) == mid).map(|(_, packet)| packet).collect()
    }

    /// The latest that this client was told about a participant.
    pub fn knows(&self, identity: &str) -> Option<lk::ParticipantInfo> {
        self.frames.iter().rev().find_map(|frame| {
            let list = match frame {
                Response::Update(update) => update.participants.clone(),
                Response::Join(join) => join.other_participants.clone(),
                _ => return None,
            };
            list.into_iter().find(|info| info.identity == identity)
        })
    }

    pub fn last_leave(&self) -> Option<lk::LeaveRequest> {
        self.frames.iter().rev().find_map(|frame| match frame {
            Response::Leave(leave) => Some(leave.clone()),
            _ => None,
        })
    }

    pub fn last_refusal(&self) -> Option<lk::RequestResponse> {
        self.frames.iter().rev().find_map(|frame| match frame {
            Response::RequestResponse(response) => Some(response.clone()),
            _ => None,
        })
    }
}
