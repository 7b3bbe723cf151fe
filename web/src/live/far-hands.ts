// Hands raised in the other rooms of the lesson: a teacher who visits one group, or is with the class, hears of them.
// The server tells them all at once, in packets without a sender; the page asks when it comes and when groups change.
import { RoomEvent, type Room } from "livekit-client";
import type { LessonServer, Raised } from "./server";

/** Topic of the packets, as the server knows it. */
const topic = "preau.hands";
/** As long as hands are up elsewhere, whether they still are is asked so often, in milliseconds. */
const again = 20_000;

export class FarHands {
  private all: readonly Raised[] = [];
  private timer = 0;

  constructor(
    room: Room,
    private readonly server: LessonServer,
    private readonly changed: () => void,
    /** The group whose room the page is in. */
    private readonly here: () => number,
  ) {
    room.on(RoomEvent.DataReceived, (payload, participant, _kind, of) => {
      if (of !== topic || participant !== undefined) return;
      try {
        this.take((JSON.parse(new TextDecoder().decode(payload)) as { readonly hands: readonly Raised[] }).hands);
      } catch {
        void this.ask();
      }
    });
  }

  /** The hands that are not in this room. */
  elsewhere(): readonly Raised[] {
    return this.all.filter(({ group }) => group !== this.here());
  }

  async ask(): Promise<void> {
    // What cannot be asked now is asked with the next connection, or heard with the next hand.
    await this.server.hands().then((hands) => this.take(hands), () => undefined);
  }

  private take(hands: readonly Raised[]): void {
    this.all = hands;
    window.clearTimeout(this.timer);
    if (this.elsewhere().length > 0) this.timer = window.setTimeout(() => void this.ask(), again);
    this.changed();
  }
}
