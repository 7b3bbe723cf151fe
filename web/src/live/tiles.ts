// The teacher's picture on the stage and a tile for every other person, and everybody's sound.
//
// One function reconciles: `refresh` compares what should be seen with what is, for the whole room,
// whenever anything changed. Nothing is moved once it stands, so that the keyboard focus and a
// playing video stay where they are. A person has one tile, with or without a picture.
import { RemoteTrackPublication, RoomEvent, Track, type Participant, type Room } from "livekit-client";
import { el, heard, icon, say } from "./dom";
import { everybody, handRaised, isTeacher, nameOf } from "./room";
import { text } from "./texts";
import type { Sign } from "./together/signs";

/** Fills the place for actions on a tile; called once when the tile is made. */
export type TileActions = (participant: Participant) => HTMLElement | undefined;

interface Tile {
  readonly root: HTMLElement;
  readonly picture: HTMLElement;
  readonly initials: HTMLElement;
  readonly name: HTMLElement;
  readonly state: HTMLElement;
  /** What its person gives to understand at this moment. */
  readonly sign: HTMLElement;
  /** What is drawn in `state` now, to redraw only what changed. */
  shown: string;
  video: Track | undefined;
}

export class Tiles {
  private readonly tiles = new Map<string, Tile>();
  private readonly sounds: HTMLElement;
  private readonly list: HTMLElement;
  private readonly empty: HTMLElement;
  private readonly nobody: HTMLElement;
  private pending = 0;
  private soundOnly = false;

  constructor(
    private readonly room: Room,
    private readonly stage: HTMLElement,
    pupils: HTMLElement,
    private readonly actions: TileActions,
    private readonly refreshed: () => void,
    /** Whether this is the room of a group, where a teacher comes and goes. */
    private readonly inGroup: () => boolean,
  ) {
    this.list = el("ul", { class: "tiles" });
    this.nobody = el("p", { class: "tiles-empty" }, text("nobody-yet"));
    pupils.append(this.nobody, this.list);
    this.empty = el("p", { class: "stage-empty" });
    this.stage.append(this.empty);
    this.sounds = el("div", { hidden: true });
    document.body.append(this.sounds);

    const soon = (): void => this.refreshSoon();
    room
      .on(RoomEvent.ParticipantConnected, soon)
      .on(RoomEvent.ParticipantDisconnected, soon)
      .on(RoomEvent.ParticipantAttributesChanged, soon)
      .on(RoomEvent.ParticipantNameChanged, soon)
      .on(RoomEvent.ParticipantPermissionsChanged, soon)
      .on(RoomEvent.TrackSubscribed, soon)
      .on(RoomEvent.TrackPublished, soon)
      .on(RoomEvent.TrackUnpublished, soon)
      .on(RoomEvent.TrackMuted, soon)
      .on(RoomEvent.TrackUnmuted, soon)
      .on(RoomEvent.LocalTrackPublished, soon)
      .on(RoomEvent.LocalTrackUnpublished, soon)
      .on(RoomEvent.ActiveSpeakersChanged, soon)
      .on(RoomEvent.ConnectionStateChanged, soon)
      .on(RoomEvent.TrackUnsubscribed, (track) => {
        for (const element of track.detach()) element.remove();
        soon();
      });
  }

  /** Takes video from others, or sound only: what is not subscribed is not sent. */
  setSoundOnly(soundOnly: boolean): void {
    this.soundOnly = soundOnly;
    this.refresh();
  }

  /** Shows what somebody gives to understand, or takes it away. */
  sign(identity: string, sign: Sign | undefined): void {
    const place = this.tiles.get(identity)?.sign;
    if (!place) return;
    place.replaceChildren(...(sign ? [icon(sign.face)] : []));
    place.title = sign ? text(sign.label) : "";
  }

  refreshSoon(): void {
    // A timer, not an animation frame: sound must start in a tab that is not in front.
    if (this.pending === 0) this.pending = window.setTimeout(() => this.refresh(), 20);
  }

  refresh(): void {
    window.clearTimeout(this.pending);
    this.pending = 0;
    const people = everybody(this.room);
    const present = new Set(people.map((one) => one.identity));
    for (const [identity, tile] of this.tiles) {
      if (present.has(identity)) continue;
      this.clearPicture(tile);
      tile.root.remove();
      this.tiles.delete(identity);
    }
    for (const person of people) {
      this.subscribe(person);
      this.attachSound(person);
      this.draw(person);
    }
    const teaching = people.some(isTeacher);
    this.empty.hidden = teaching;
    say(this.empty, teaching ? "" : text(this.inGroup() ? "teacher-elsewhere" : "teacher-absent"));
    this.nobody.hidden = this.list.childElementCount > 0;
    this.refreshed();
  }

  private subscribe(person: Participant): void {
    for (const publication of person.videoTrackPublications.values()) {
      if (publication instanceof RemoteTrackPublication && publication.isDesired === this.soundOnly) {
        publication.setSubscribed(!this.soundOnly);
      }
    }
  }

  private attachSound(person: Participant): void {
    if (person.isLocal) return;
    for (const publication of person.audioTrackPublications.values()) {
      const track = publication.track;
      if (track && track.attachedElements.length === 0) this.sounds.append(track.attach());
    }
  }

  private draw(person: Participant): void {
    const teacher = isTeacher(person);
    let tile = this.tiles.get(person.identity);
    // A role can arrive after its bearer: then the tile stands in the wrong place and is made anew.
    if (tile && tile.root.classList.contains("teacher") !== teacher) {
      this.clearPicture(tile);
      tile.root.remove();
      this.tiles.delete(person.identity);
      tile = undefined;
    }
    if (!tile) {
      tile = this.make(person, teacher);
      this.tiles.set(person.identity, tile);
    }
    const name = person.isLocal ? text("me", { name: nameOf(person) }) : nameOf(person);
    say(tile.name, name);
    say(tile.initials, initialsOf(nameOf(person)));
    this.drawState(person, tile);
    this.drawPicture(person, tile);
  }

  private make(person: Participant, teacher: boolean): Tile {
    const initials = el("span", { class: "tile-initials", "aria-hidden": "true" });
    const picture = el("div", { class: "tile-picture" }, initials);
    const name = el("span", { class: "tile-name" });
    const state = el("span", { class: "tile-state" });
    // The signs are counted and named in one place for the ear.
    const sign = el("span", { class: "tile-sign", "aria-hidden": "true" });
    const caption = el("div", { class: "tile-caption" }, name, sign, state, this.actions(person));
    const root = el(teacher ? "div" : "li", { class: teacher ? "tile teacher" : "tile" }, picture, caption);
    if (teacher) this.stage.append(root);
    else this.place(root, nameOf(person));
    return { root, picture, initials, name, state, sign, shown: "", video: undefined };
  }

  /** Inserts in the order of the class list, moving nothing that stands. */
  private place(root: HTMLElement, name: string): void {
    root.dataset["order"] = name;
    const after = [...this.list.children].find((one) => ((one as HTMLElement).dataset["order"] ?? "").localeCompare(name) > 0);
    this.list.insertBefore(root, after ?? null);
  }

  private drawState(person: Participant, tile: Tile): void {
    const microphone = person.isMicrophoneEnabled ? "open" : person.audioTrackPublications.size > 0 ? "muted" : "none";
    const raised = handRaised(person) !== undefined;
    const wanted = `${microphone} ${raised}`;
    tile.root.classList.toggle("speaking", person.isSpeaking && microphone === "open");
    tile.root.classList.toggle("raised", raised);
    if (tile.shown === wanted) return;
    tile.shown = wanted;
    tile.state.replaceChildren();
    if (raised) tile.state.append(icon("hand"), heard(text("hand-is-raised")));
    if (microphone === "open") tile.state.append(icon("microphone"), heard(text("microphone-is-open")));
    else if (microphone === "muted") tile.state.append(icon("microphoneOff"), heard(text("microphone-is-muted")));
  }

  private drawPicture(person: Participant, tile: Tile): void {
    // A shared screen is what the class looks at; the face comes back when it ends.
    const publications = [...person.videoTrackPublications.values()].filter((one) => one.track && !one.isMuted);
    const chosen = publications.find((one) => one.source === Track.Source.ScreenShare) ?? publications[0];
    const track = chosen?.track;
    if (tile.video === track) return;
    this.clearPicture(tile);
    tile.video = track;
    tile.root.classList.toggle("seen", track !== undefined);
    if (!track) return;
    const video = track.attach() as HTMLVideoElement;
    video.classList.toggle("screen", chosen?.source === Track.Source.ScreenShare);
    // One's own picture as in a mirror: people otherwise lean the wrong way.
    video.classList.toggle("mirror", person.isLocal && chosen?.source === Track.Source.Camera);
    video.setAttribute("aria-label", text("video-of", { name: nameOf(person) }));
    tile.picture.append(video);
  }

  private clearPicture(tile: Tile): void {
    for (const video of tile.picture.querySelectorAll("video")) {
      tile.video?.detach(video);
      video.remove();
    }
    tile.video = undefined;
    tile.root.classList.remove("seen");
  }
}

/** At most two letters: of the first and of the last word of a name. */
function initialsOf(name: string): string {
  const words = name.split(/\s+/).filter((word) => /^\p{L}/u.test(word));
  const first = words[0]?.[0] ?? "";
  const last = words.length > 1 ? (words[words.length - 1]?.[0] ?? "") : "";
  return (first + last).toUpperCase();
}
