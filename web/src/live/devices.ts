// Microphone and camera of the person at this page: switched on by their own act only, within what
// the server allows, off as soon as it no longer does. A device that fails never stops the lesson;
// its sentence says what failed and what to do.
import { createLocalTracks, RoomEvent, Track, type LocalTrack, type LocalTrackPublication, type Room } from "livekit-client";
import type { Notices } from "./notices";
import { keepSilenced, readSilenced } from "./settings";
import { text, type TextKey } from "./texts";
import { mayPublish, type Source } from "./room";
import type { LivePage } from "./page";

const sources: readonly Source[] = ["microphone", "camera"];

export class OwnDevices {
  /** Tracks that the teacher saw before opening; published as they are. */
  private prepared: LocalTrack[] = [];
  private busy = new Set<Source>();
  private allowedBefore: Record<Source, boolean> = { microphone: false, camera: false };
  private screenBefore = false;

  constructor(
    private readonly page: LivePage,
    private readonly room: Room,
    private readonly notices: Notices,
    private readonly changed: () => void,
  ) {
    room.on(RoomEvent.ParticipantPermissionsChanged, (_before, participant) => {
      if (participant.isLocal) void this.obey();
    });
    room.on(RoomEvent.TrackMuted, (publication, participant) => {
      // Not busy means that the mute did not come from the person: the teacher did it.
      if (participant.isLocal && publication.source === Track.Source.Microphone && !this.busy.has("microphone")) {
        notices.pass("microphone", text("muted-by-teacher"));
      }
    });
  }

  /** Opens both devices for the preview. Returns the tracks that could be opened. */
  async prepare(): Promise<LocalTrack[]> {
    this.release();
    const options = this.room.options;
    for (const source of sources) {
      const wanted = source === "microphone" ? { audio: options.audioCaptureDefaults ?? true, video: false } : { audio: false, video: options.videoCaptureDefaults ?? true };
      try {
        this.prepared.push(...(await createLocalTracks(wanted)));
        this.notices.clear(source);
      } catch (error) {
        this.explain(source, error, () => void this.prepare().then(this.changed));
      }
    }
    return this.prepared;
  }

  /** Stops what `prepare` opened, unless it has been published. */
  release(): void {
    for (const track of this.prepared) track.stop();
    this.prepared = [];
  }

  /** What a teacher has on when the lesson is live: everything not switched off by hand. */
  async publishTeaching(): Promise<void> {
    const silenced = readSilenced(this.page.lesson);
    const ready = this.prepared;
    this.prepared = [];
    for (const source of sources) {
      const track = ready.find((one) => one.source === sourceOf(source));
      if (silenced[source] || this.isOn(source)) track?.stop();
      else if (track) await this.during(source, async () => void (await this.room.localParticipant.publishTrack(track)));
      else await this.set(source, true);
    }
  }

  isOn(source: Source): boolean {
    const publication = this.publication(source);
    return publication !== undefined && !publication.isMuted;
  }

  isAllowed(source: Source): boolean {
    return mayPublish(this.room.localParticipant, source);
  }

  isBusy(source: Source): boolean {
    return this.busy.has(source);
  }

  /** Switches a device on or off because the person asked for it. */
  async set(source: Source, on: boolean): Promise<void> {
    const me = this.room.localParticipant;
    await this.during(source, async () => {
      if (source === "microphone") await me.setMicrophoneEnabled(on);
      else await me.setCameraEnabled(on);
      if (this.page.role === "teacher") {
        const silenced = readSilenced(this.page.lesson);
        keepSilenced(this.page.lesson, { ...silenced, [source]: !on });
      }
    });
  }

  isSharing(): boolean {
    return this.room.localParticipant.isScreenShareEnabled;
  }

  /** Shares the screen, or stops. The browser asks which; whoever changes their mind there has said no to nothing. */
  async share(on: boolean): Promise<void> {
    try {
      await this.room.localParticipant.setScreenShareEnabled(on, { audio: false });
      this.notices.clear("screen");
    } catch (error) {
      if (!(error instanceof Error && error.name === "NotAllowedError")) this.notices.pass("screen", text("screen-failed"));
    }
    this.changed();
  }

  /** Follows a change of what the server allows: says it, and switches off what is no longer allowed. */
  private async obey(): Promise<void> {
    for (const source of sources) {
      const allowed = this.isAllowed(source);
      const before = this.allowedBefore[source];
      this.allowedBefore[source] = allowed;
      if (this.page.role !== "pupil" || allowed === before) continue;
      if (allowed) {
        this.notices.pass(source, text(source === "microphone" ? "microphone-allowed" : "camera-allowed"));
        continue;
      }
      const publication = this.publication(source);
      if (publication?.track) {
        await this.during(source, async () => void (await this.room.localParticipant.unpublishTrack(publication.track as LocalTrack, true)));
        this.notices.pass(source, text(source === "microphone" ? "microphone-withdrawn" : "camera-withdrawn"));
      } else {
        this.notices.clear(source);
      }
    }
    await this.obeyScreen();
    this.changed();
  }

  private async obeyScreen(): Promise<void> {
    const allowed = mayPublish(this.room.localParticipant, "screen");
    const before = this.screenBefore;
    this.screenBefore = allowed;
    if (this.page.role !== "pupil" || allowed === before) return;
    if (!allowed && this.isSharing()) await this.share(false);
    this.notices.pass("screen", text(allowed ? "screen-allowed" : "screen-withdrawn"));
  }

  /** Called when a new connection stands: what was allowed in the one before means nothing. */
  forget(): void {
    for (const source of sources) this.allowedBefore[source] = this.isAllowed(source);
    this.screenBefore = mayPublish(this.room.localParticipant, "screen");
  }

  private publication(source: Source): LocalTrackPublication | undefined {
    return this.room.localParticipant.getTrackPublication(sourceOf(source)) as LocalTrackPublication | undefined;
  }

  private async during(source: Source, act: () => Promise<void>): Promise<void> {
    if (this.busy.has(source)) return;
    this.busy.add(source);
    this.changed();
    try {
      await act();
      this.notices.clear(source);
    } catch (error) {
      this.explain(source, error, () => void this.set(source, true));
    } finally {
      this.busy.delete(source);
      this.changed();
    }
  }

  private explain(source: Source, error: unknown, retry: () => void): void {
    this.notices.keep(source, text(reasonOf(source, error)), { label: text("try-again"), run: retry });
  }
}

function sourceOf(source: Source): Track.Source {
  return source === "microphone" ? Track.Source.Microphone : Track.Source.Camera;
}

/** The sentence for a failed device, by the names that the Media Capture specification gives errors. */
function reasonOf(source: Source, error: unknown): TextKey {
  const name = error instanceof Error ? error.name : "";
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return `${source}-forbidden`;
    case "NotFoundError":
    case "OverconstrainedError":
      return `${source}-missing`;
    case "NotReadableError":
    case "AbortError":
      return `${source}-in-use`;
    default:
      return `${source}-failed`;
  }
}
