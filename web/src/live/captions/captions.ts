// Captions: a teacher whose browser recognises speech switches them on, and whoever wishes reads them.
//
// The server decides whether there may be any: without its word no token allows to send data, and no page offers the
// switch. They are off until the teacher has read where the sound may go, in every lesson anew, and they pause while
// the microphone is closed: what is not said to the class is written down for nobody.
import { RoomEvent, Track, type Room } from "livekit-client";
import type { Segment } from "../../captions";
import { el, say } from "../dom";
import type { Notices } from "../notices";
import type { LivePage } from "../page";
import { isTeacher } from "../room";
import { keepSettings, type Settings } from "../settings";
import { text } from "../texts";
import type { Tools } from "../together/tools";
import { CaptionFace } from "./face";
import { Speech, hearsSpeech, onDevice, type SpeechFault } from "./speech";

/** The topic of text streams with captions, as LiveKit's clients and agents know it. */
const topic = "lk.transcription";
/** What is still being said is passed on at most this often, in milliseconds. */
const breath = 400;
/** The first kind of data channel in LiveKit's client: everything arrives, in its order. */
const reliable = 0;

/** What everybody has of captions. */
export class Captions {
  private readonly face: CaptionFace;
  private offered = false;

  constructor(
    private readonly page: LivePage,
    room: Room,
    private readonly notices: Notices,
    private readonly settings: Settings,
  ) {
    this.face = new CaptionFace(page.captions);
    room.on(RoomEvent.TranscriptionReceived, (segments, participant) => {
      if (participant && isTeacher(participant)) this.receive(segments);
    });
    // On a LiveKit server packets of that kind are for agents only; there captions come as streams of text.
    room.registerTextStreamHandler(topic, (stream, { identity }) => {
      const from = room.getParticipantByIdentity(identity);
      if (!from || !isTeacher(from)) return;
      const { "lk.segment_id": id, "lk.transcription_final": final } = stream.info.attributes ?? {};
      if (id) void stream.readAll().then((words) => this.receive([{ id, text: words, final: final === "true" }]), () => undefined);
    });
    this.follow();
  }

  /** Shows them or not, as the person has chosen. */
  follow(): void {
    this.page.root.dataset["captions"] = this.settings.captions ? "shown" : "hidden";
    this.page.captions.hidden = !this.settings.captions;
    if (this.settings.captions) this.notices.clear("captions");
    else this.face.clear();
  }

  receive(segments: readonly Segment[]): void {
    if (this.settings.captions) return this.face.receive(segments);
    if (this.offered || this.page.role === "teacher") return;
    this.offered = true;
    this.notices.keep("captions", text("captions-offered"), {
      label: text("captions-show"),
      run: () => {
        this.settings.captions = true;
        keepSettings(this.settings);
        this.follow();
      },
    });
  }
}

/** The teacher's switch. */
export class CaptionDesk {
  private readonly box = el("input", { type: "checkbox", id: "captions-on", "aria-describedby": "captions-privacy" });
  private readonly privacy = el("p", { class: "tool-hint", id: "captions-privacy" }, text("captions-privacy"));
  private readonly status = el("p", { class: "tool-hint", role: "status" });
  private readonly language: string;
  private speech: Speech | undefined;
  private local = false;
  private waiting: Segment | undefined;
  private timer = 0;

  constructor(
    private readonly page: LivePage,
    private readonly room: Room,
    tools: Tools,
    private readonly shown: (segments: readonly Segment[]) => void,
  ) {
    this.language = page.language === "fr" ? "fr-FR" : "en-GB";
    const section = tools.section("captions");
    if (!hearsSpeech()) {
      section.body.append(el("p", { class: "tool-hint" }, text("captions-impossible")));
      return;
    }
    this.box.addEventListener("change", () => {
      if (this.box.checked) this.begin();
      else this.end();
      section.says(this.box.checked ? text("captions-on") : "");
    });
    section.body.append(this.privacy, el("p", { class: "tool-check" }, this.box, el("label", { for: this.box.id }, text("captions-switch"))), this.status);
    void onDevice(this.language).then((local) => {
      this.local = local;
      if (local) say(this.privacy, text("captions-on-device"));
    });
    const follow = (): void => this.follow();
    room.on(RoomEvent.LocalTrackPublished, follow).on(RoomEvent.LocalTrackUnpublished, follow).on(RoomEvent.TrackMuted, follow).on(RoomEvent.TrackUnmuted, follow).on(RoomEvent.ConnectionStateChanged, follow);
  }

  private begin(): void {
    this.speech = new Speech(
      this.language,
      () => this.local,
      (segments) => this.pass(segments),
      (fault) => this.failed(fault),
    );
    this.follow();
  }

  private end(): void {
    this.speech?.stop();
    this.speech = undefined;
    this.waiting = undefined;
    say(this.status, "");
  }

  /** Listens as long as the class does. */
  private follow(): void {
    if (!this.speech) return;
    const speaking = this.track() !== undefined;
    if (speaking) this.speech.start();
    else this.speech.stop();
    say(this.status, speaking ? "" : text("captions-paused"));
  }

  /** The open microphone's track. */
  private track(): string | undefined {
    const publication = this.room.localParticipant.getTrackPublication(Track.Source.Microphone);
    return publication && !publication.isMuted ? publication.trackSid : undefined;
  }

  private failed(fault: SpeechFault): void {
    this.end();
    this.box.checked = false;
    this.box.dispatchEvent(new Event("change"));
    say(this.status, text(`captions-${fault}`));
  }

  /** What is finished goes at once, what is still being said now and then. */
  private pass(segments: readonly Segment[]): void {
    const finished = segments.filter((segment) => segment.final);
    const open = segments.find((segment) => !segment.final);
    if (finished.length > 0) {
      if (finished.some((segment) => segment.id === this.waiting?.id)) this.waiting = undefined;
      this.send(finished);
    }
    if (!open) return;
    this.waiting = open;
    if (this.timer !== 0) return;
    this.timer = window.setTimeout(() => {
      this.timer = 0;
      const waiting = this.waiting;
      this.waiting = undefined;
      if (waiting && this.speech) this.send([waiting]);
    }, breath);
  }

  private send(segments: readonly Segment[]): void {
    const track = this.track();
    if (!track) return;
    this.shown(segments);
    const sent = this.page.captionsAs === "streams" ? this.asStreams(track, segments) : this.asPacket(track, segments);
    // A line that is lost is not worth a word: the next one follows.
    void sent.catch(() => undefined);
  }

  private async asPacket(track: string, segments: readonly Segment[]): Promise<void> {
    const { packet } = (await import(this.page.parts["captions.js"] ?? "")) as typeof import("../../captions");
    const { localParticipant, engine } = this.room;
    await engine.sendDataPacket(packet(localParticipant.identity, track, this.language, segments), reliable);
  }

  private async asStreams(track: string, segments: readonly Segment[]): Promise<void> {
    for (const { id, text: words, final } of segments) {
      const attributes = { "lk.segment_id": id, "lk.transcribed_track_id": track, "lk.transcription_final": String(final) };
      await this.room.localParticipant.sendText(words, { topic, attributes });
    }
  }
}
