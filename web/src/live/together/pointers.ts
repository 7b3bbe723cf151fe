// Whose hand is where over the board: of those who draw, told while they move, and gone a moment after. The server says
// who may; who would rather see nothing move sees none.
import { RoomEvent, type Room } from "livekit-client";
import type { Hand } from "../../board";
import { nameOf } from "../room";
import { Refused, type LessonServer } from "../server";

/** Topic of the packets, as the server knows it. */
const topic = "preau.pointer";
/** How often the own place is sent while it changes, in milliseconds. */
const beat = 400;
/** How long to be quiet after it was too often, in milliseconds. */
const rest = 2_000;
/** How long a hand that does not move is seen, in milliseconds. */
const stay = 5_000;

interface Place {
  readonly x: number;
  readonly y: number;
}

export class Pointers {
  private readonly hands = new Map<string, Hand & { readonly until: number }>();
  private readonly calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  private sent: Place | undefined;
  private here: Place | undefined;
  private sending = 0;
  private leaving = 0;

  constructor(
    private readonly room: Room,
    private readonly server: LessonServer,
    /** The hands that are to be seen now. */
    private readonly changed: (hands: readonly Hand[]) => void,
  ) {
    room.on(RoomEvent.DataReceived, (payload, participant, _kind, of) => {
      // Only the server's: a participant's are not believed.
      if (of !== topic || participant !== undefined) return;
      try {
        this.take(JSON.parse(new TextDecoder().decode(payload)) as Place & { readonly person: string });
      } catch {
        // A hand that is not seen for a moment harms nobody.
      }
    });
    room.on(RoomEvent.ParticipantDisconnected, ({ identity }) => this.drop(identity));
  }

  /** The own hand has moved. */
  move(place: Place): void {
    this.here = place;
    // Nobody is there to see it.
    if (this.sending === 0 && this.room.remoteParticipants.size > 0) this.sendIn(0);
  }

  /** The board was put away, or somebody may no longer draw: who still may will move. */
  clear(): void {
    this.here = undefined;
    window.clearTimeout(this.sending);
    this.sending = 0;
    this.hands.clear();
    this.tell();
  }

  private sendIn(milliseconds: number): void {
    this.sending = window.setTimeout(() => void this.send(), milliseconds);
  }

  private async send(): Promise<void> {
    const place = this.here;
    if (!place || (place.x === this.sent?.x && place.y === this.sent.y)) {
      this.sending = 0;
      return;
    }
    this.sent = place;
    let pause = beat;
    try {
      await this.server.point(place);
    } catch (error) {
      // What was refused is sent once more when it is calmer, unless it is no longer allowed.
      pause = rest;
      if (error instanceof Refused && error.status === 429) this.sent = undefined;
    }
    if (this.here) this.sendIn(pause);
  }

  private take({ person, x, y }: Place & { readonly person: string }): void {
    // Those in the same room; who sits in another group is not called by name here.
    const one = this.room.remoteParticipants.get(person);
    if (!one || this.calm.matches || !Number.isFinite(x) || !Number.isFinite(y)) return;
    this.hands.set(person, { id: person, name: nameOf(one), x, y, until: performance.now() + stay });
    this.tell();
  }

  private drop(person: string): void {
    if (this.hands.delete(person)) this.tell();
  }

  private tell(): void {
    window.clearTimeout(this.leaving);
    const now = performance.now();
    for (const [id, { until }] of this.hands) if (until <= now) this.hands.delete(id);
    const hands = [...this.hands.values()];
    this.changed(hands);
    if (hands.length > 0) this.leaving = window.setTimeout(() => this.tell(), Math.min(...hands.map(({ until }) => until)) - now);
  }
}
