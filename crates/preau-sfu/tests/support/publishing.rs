//! What simulated clients send: tracks, sound, pictures, data.

use super::*;

impl World {
    /// Announces a track and offers it. Returns its section; the track's sid follows in a frame.
    pub fn publish(&mut self, name: &'static str, source: lk::TrackSource, rids: &[&str]) -> Mid {
        self.publish_layers(name, source, rids, &[])
    }

    /// … with announced layers.
    pub fn publish_layers(
        &mut self,
        name: &'static str,
        source: lk::TrackSource,
        rids: &[&str],
        layers: &[(lk::VideoQuality, u32, u32)],
    ) -> Mid {
        let audio = matches!(source, lk::TrackSource::Microphone | lk::TrackSource::ScreenShareAudio);
        let cid = format!("cid-{name}-{}", source.as_str_name().to_lowercase());
        let layer = |(quality, width, height): &(lk::VideoQuality, u32, u32)| lk::VideoLayer {
            quality: *quality as i32,
            width: *width,
            height: *height,
            ..Default::default()
        };
        let codec = self.clients[name].codecs.first().map_or("", |codec| match codec {
            Codec::Vp9 => "vp9",
            Codec::H264 => "h264",
            Codec::Av1 => "av1",
            _ => "vp8",
        });
        let request = lk::AddTrackRequest {
            cid: cid.clone(),
            r#type: if audio { lk::TrackType::Audio } else { lk::TrackType::Video } as i32,
            source: source as i32,
            layers: layers.iter().map(layer).collect(),
            simulcast_codecs: vec![lk::SimulcastCodec {
                codec: if audio { String::new() } else { codec.to_owned() },
                cid: cid.clone(),
                ..Default::default()
            }],
            ..Default::default()
        };
        self.signal(name, Request::AddTrack(request));
        self.offer_track(name, &cid, audio, rids)
    }

    /// Offers a track without announcing it.
    pub fn offer_track(&mut self, name: &'static str, cid: &str, audio: bool, rids: &[&str]) -> Mid {
        let client = self.clients.get_mut(name).unwrap();
        let simulcast = (!rids.is_empty()).then(|| Simulcast {
            send: rids.iter().map(|rid| SimulcastLayer::new(rid)).collect(),
            recv: vec![],
        });
        let kind = if audio { MediaKind::Audio } else { MediaKind::Video };
        let mut api = client.up.rtc.sdp_api();
        let mid = api.add_media(
            kind,
            Direction::SendOnly,
            Some("stream".to_owned()),
            Some(cid.to_owned()),
            simulcast,
        );
        let (offer, pending) = api.apply().unwrap();
        let offer = client.pend(&offer, pending);
        self.signal(name, Request::Offer(offer));
        mid
    }

    /// Sends one audio packet of the given loudness.
    pub fn say(&mut self, name: &str, mid: Mid, dbov: i8) {
        let client = self.clients.get_mut(name).unwrap();
        let sequence = client.next_sequence(mid, None);
        let pt = client.payload_type(Codec::Opus);
        let payload = format!("audio {sequence}").into_bytes();
        self.write_audio(name, mid, pt, sequence, dbov, payload);
    }

    /// Sends one audio packet with the one before it as redundancy (RFC 2198).
    pub fn say_twice(&mut self, name: &str, mid: Mid) {
        let client = self.clients.get_mut(name).unwrap();
        let sequence = client.next_sequence(mid, None);
        let params = *client.up.rtc.codec_config().iter().find(|p| p.spec().codec == Codec::Opus).unwrap();
        let before = format!("audio {}", sequence - 1).into_bytes();
        let mut payload = vec![0x80 | *params.pt(), 0x0f, 0x00, before.len() as u8, *params.pt()];
        payload.extend(before);
        payload.extend(format!("audio {sequence}").into_bytes());
        let red = params.red().expect("redundancy was negotiated");
        self.write_audio(name, mid, red, sequence, -20, payload);
    }

    pub(super) fn write_audio(
        &mut self,
        name: &str,
        mid: Mid,
        pt: str0m::media::Pt,
        sequence: u64,
        dbov: i8,
        payload: Vec<u8>,
    ) {
        let now = self.now;
        let client = self.clients.get_mut(name).unwrap();
        let ext =
            ExtensionValues { audio_level: Some(dbov), voice_activity: Some(true), ..Default::default() };
        let time = (sequence as u32).wrapping_mul(960);
        let write = RtpWrite::new(pt, sequence.into(), time, now, payload).ext_vals(ext);
        let mut api = client.up.rtc.direct_api();
        api.stream_tx_by_mid(mid, None).expect("an audio section that sends").write_rtp(write);
        self.settle_client(client_name(name, &self.clients));
    }

    /// Sends a packet of a stream that no description knows, in the name of this section.
    pub fn smuggle(&mut self, name: &'static str, mid: Mid, ssrc: u32, codec: Codec, payload: &[u8]) {
        let now = self.now;
        let client = self.clients.get_mut(name).unwrap();
        let sequence = client.next_sequence(mid, None);
        let pt = client.payload_type(codec);
        let mut api = client.up.rtc.direct_api();
        let stream = api.declare_stream_tx(ssrc.into(), None, mid, None);
        stream.set_unpaced(true);
        stream.write_rtp(RtpWrite::new(pt, sequence.into(), sequence as u32, now, payload.to_vec()));
        self.settle_client(name);
    }

    /// Sends one VP8 frame of one packet.
    pub fn film(&mut self, name: &str, mid: Mid, rid: Option<&str>, keyframe: bool) {
        self.film_sized(name, mid, rid, keyframe, 900, None);
    }

    /// Sends one VP8 frame of one packet of this size, in a temporal layer if given.
    pub fn film_sized(
        &mut self,
        name: &str,
        mid: Mid,
        rid: Option<&str>,
        keyframe: bool,
        size: usize,
        temporal: Option<u8>,
    ) {
        let client = self.clients.get_mut(name).unwrap();
        let sequence = client.next_sequence(mid, rid.map(Rid::from));
        // X and S; I and L (and T); 15 bits of picture id; TL0PICIDX; TID with sync; the frame header.
        let extension = if temporal.is_some() { 0xe0 } else { 0xc0 };
        let mut payload =
            vec![0x90, extension, 0x80 | (sequence >> 8) as u8 & 0x7f, sequence as u8, sequence as u8];
        payload.extend(temporal.map(|temporal| temporal << 6 | 0x20));
        payload.push(u8::from(!keyframe));
        payload.extend_from_slice(rid.unwrap_or("-").as_bytes());
        payload.resize(size, 0);
        self.write_video(name, mid, rid, Codec::Vp8, sequence, true, payload);
    }

    /// Sends one VP8 frame of any size, in packets of up to 1,100 bytes.
    pub fn film_frame(&mut self, name: &str, mid: Mid, rid: Option<&str>, keyframe: bool, size: usize) {
        let packets = size.div_ceil(1_100).max(1);
        let client = self.clients.get_mut(name).unwrap();
        let picture = client.pictures.entry((mid, rid.map(Rid::from))).or_insert(200);
        *picture += 1;
        let picture = *picture;
        for index in 0..packets {
            let client = self.clients.get_mut(name).unwrap();
            let sequence = client.next_sequence(mid, rid.map(Rid::from));
            let start = if index == 0 { 0x90 } else { 0x80 };
            let mut payload =
                vec![start, 0xc0, 0x80 | (picture >> 8) as u8 & 0x7f, picture as u8, picture as u8];
            payload.push(u8::from(!keyframe));
            payload.extend_from_slice(rid.unwrap_or("-").as_bytes());
            payload.resize((size / packets).max(7), 0);
            let last = index + 1 == packets;
            self.write_video_at(name, mid, rid, Codec::Vp8, (sequence, picture as u32 * 3000), last, payload);
        }
    }

    /// Sends one VP9 picture of these spatial layers, one packet each.
    pub fn film_spatial(&mut self, name: &str, mid: Mid, keyframe: bool, layers: u8, size: usize) {
        let client = self.clients.get_mut(name).unwrap();
        let picture = *client.sequences.get(&(mid, None)).unwrap_or(&0);
        for spatial in 0..layers {
            let client = self.clients.get_mut(name).unwrap();
            let sequence = client.next_sequence(mid, None);
            // I, L, B, E; P where it is predicted from an earlier picture.
            let flags = 0xac | if keyframe { 0 } else { 0x40 };
            let mut payload = vec![flags, 0x80 | (picture >> 8) as u8 & 0x7f, picture as u8];
            payload.push(spatial << 1 | u8::from(spatial > 0));
            payload.extend([picture as u8, 0xee]);
            payload.resize(size, spatial);
            self.write_video(name, mid, None, Codec::Vp9, sequence, spatial + 1 == layers, payload);
        }
    }

    /// Sends one H.264 picture of one packet.
    pub fn film_h264(&mut self, name: &str, mid: Mid, rid: Option<&str>, keyframe: bool) {
        let client = self.clients.get_mut(name).unwrap();
        let sequence = client.next_sequence(mid, rid.map(Rid::from));
        let mut payload = if keyframe { vec![0x78, 0, 2, 0x67, 1, 0, 2, 0x65] } else { vec![0x41] };
        payload.extend_from_slice(rid.unwrap_or("-").as_bytes());
        payload.resize(500, 0);
        self.write_video(name, mid, rid, Codec::H264, sequence, true, payload);
    }

    /// Sends one AV1 picture of one packet: the aggregation header, whether a coded video sequence begins, one unit.
    pub fn film_av1(&mut self, name: &str, mid: Mid, keyframe: bool) {
        let client = self.clients.get_mut(name).unwrap();
        let sequence = client.next_sequence(mid, None);
        let mut payload = vec![0x10 | if keyframe { 0x08 } else { 0 }];
        payload.resize(700, sequence as u8);
        self.write_video(name, mid, None, Codec::Av1, sequence, true, payload);
    }

    #[allow(clippy::too_many_arguments, reason = "one packet's fields")]
    pub(super) fn write_video(
        &mut self,
        name: &str,
        mid: Mid,
        rid: Option<&str>,
        codec: Codec,
        sequence: u64,
        marker: bool,
        payload: Vec<u8>,
    ) {
        let time = (sequence as u32).wrapping_mul(3000);
        self.write_video_at(name, mid, rid, codec, (sequence, time), marker, payload);
    }

    #[allow(clippy::too_many_arguments, reason = "one packet's fields")]
    pub(super) fn write_video_at(
        &mut self,
        name: &str,
        mid: Mid,
        rid: Option<&str>,
        codec: Codec,
        (sequence, time): (u64, u32),
        marker: bool,
        payload: Vec<u8>,
    ) {
        let now = self.now;
        let client = self.clients.get_mut(name).unwrap();
        let pt = client.payload_type(codec);
        let write = RtpWrite::new(pt, sequence.into(), time, now, payload).marker(marker).nackable(true);
        let mut api = client.up.rtc.direct_api();
        let stream = api.stream_tx_by_mid(mid, rid.map(Rid::from));
        stream.expect("a video section that sends").write_rtp(write);
        self.settle_client(client_name(name, &self.clients));
    }

    pub fn send_data(&mut self, name: &str, channel: &str, packet: &lk::DataPacket) {
        self.send_bytes(name, channel, &packet.encode_to_vec());
    }

    pub fn send_bytes(&mut self, name: &str, channel: &str, bytes: &[u8]) {
        let client = self.clients.get_mut(name).unwrap();
        let id = client.channels[channel];
        let sent = client.up.rtc.channel(id).unwrap().write(true, bytes).unwrap();
        assert!(sent, "the client's channel is full");
        self.settle_client(client_name(name, &self.clients));
    }
}
