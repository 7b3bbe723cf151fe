// The way into the lesson and back into it: asks the server for a ticket, waits at a closed door,
// connects, and comes back by itself after every loss that is not a decision of somebody.
//
// Not here: what the page shows. This is a state machine with one observer; `Phase` is all that the
// rest of the page needs to know. livekit-client itself retries for about forty seconds with the
// ticket it has; after that this class asks for a new one, for as long as the page stays open. Where its
// attempts are swallowed instead of refused, it takes minutes: after one, the room is given up and entered anew.
import { DisconnectReason, RoomEvent, type Room } from "livekit-client";
import type { LivePage } from "./page";
import { LessonServer, spread, type Ticket } from "./server";

export type Phase =
  /** Asking the server for a way in. */
  | "asking"
  /** The lesson is not open; the page asks again by itself. */
  | "waiting"
  /** The lesson is open and its door locked; the teacher sees who waits. */
  | "lobby"
  /** The teacher may open the lesson. */
  | "ready"
  | "connecting"
  | "live"
  /** Was live, is trying to come back. */
  | "interrupted"
  /** Never got in yet: the server does not answer. */
  | "unreachable"
  | "left"
  | "removed"
  /** The same person joined from another tab or device. */
  | "elsewhere"
  | "ended"
  /** No such lesson for this person. */
  | "absent";

/** Phases that end only by an act of the person. */
const settled: ReadonlySet<Phase> = new Set(["ready", "left", "removed", "elsewhere", "ended", "absent"]);

/** How long a broken connection is left to mend, in milliseconds, while the server is there for whoever comes. */
const MENDING = 60_000;

export class Connection {
  phase: Phase = "asking";
  ticket: Ticket | undefined;

  /** Where a teacher wishes to be; 0: with the whole class. */
  private wish = 0;
  private timer = 0;
  /** Runs while the connection is broken. */
  private watch = 0;
  /** Grows with every attempt, so that the answer to an abandoned one is ignored. */
  private attempt = 0;
  private connecting = false;
  private leaving = false;
  /** Whether this page has been in the room since it last settled. */
  private wasLive = false;

  constructor(
    private readonly page: LivePage,
    private readonly server: LessonServer,
    readonly room: Room,
    private readonly changed: (phase: Phase, before: Phase) => void,
  ) {
    room
      .on(RoomEvent.SignalReconnecting, () => this.become("interrupted"))
      .on(RoomEvent.Reconnecting, () => this.become("interrupted"))
      .on(RoomEvent.Reconnected, () => this.become("live"))
      .on(RoomEvent.Disconnected, (reason) => this.disconnected(reason));
    const hasten = (): void => {
      if (document.visibilityState === "visible" && this.timer !== 0) void this.enter();
    };
    document.addEventListener("visibilitychange", hasten);
    window.addEventListener("online", hasten);
  }

  /** Begins, or begins again at once. */
  async enter(): Promise<void> {
    const attempt = this.begin();
    if (settled.has(this.phase)) {
      this.wasLive = false;
      this.become("asking");
    }
    const entry = await this.server.ticket(this.wish);
    if (attempt !== this.attempt) return;
    switch (entry.kind) {
      case "open":
        this.ticket = entry.ticket;
        if (entry.ticket.opened) await this.connect(entry.ticket, attempt);
        else this.become("ready");
        return;
      case "closed":
        if (this.page.role === "teacher") return this.become("ready");
        if (this.wasLive) return this.become("ended");
        this.become("waiting");
        return this.again(entry.again);
      case "lobby":
        // Once more after every question: a teacher who locks again begins with an empty lobby.
        void this.server.knock();
        this.become("lobby");
        return this.again(entry.again);
      case "unreachable":
        this.become(this.wasLive ? "interrupted" : "unreachable");
        return this.again(entry.again);
      case "absent":
        return this.become(this.wasLive ? "ended" : "absent");
      case "signedOut":
        // The server shows the sign-in page and leads back here.
        window.location.reload();
    }
  }

  /** Goes to the room of another group, as the server sees it; pupils go where they sit whatever they wish. */
  async move(group: number): Promise<void> {
    // Whoever has left, or stands before the door, is not fetched.
    if (this.phase !== "live" && this.phase !== "interrupted") return;
    this.wish = group;
    await this.anew();
  }

  /** Leaves the room; the page stays. */
  async leave(): Promise<void> {
    this.begin();
    this.leaving = true;
    await this.room.disconnect();
    this.leaving = false;
    this.become("left");
  }

  /** Gives the room up and goes in again. */
  private async anew(): Promise<void> {
    const attempt = this.begin();
    this.become("interrupted");
    this.leaving = true;
    await this.room.disconnect();
    this.leaving = false;
    // Where somebody is moved again in the meantime, that one goes on.
    if (attempt === this.attempt) await this.enter();
  }

  /** The connection has been broken for long. If others could come in now, so can this page. */
  private async lookAfter(): Promise<void> {
    const attempt = this.attempt;
    const entry = navigator.onLine ? await this.server.ticket(this.wish) : undefined;
    if (this.phase !== "interrupted") return;
    this.guard();
    // An attempt that began meanwhile gets its time.
    if (entry !== undefined && entry.kind !== "unreachable" && attempt === this.attempt) await this.anew();
  }

  private guard(): void {
    window.clearTimeout(this.watch);
    this.watch = window.setTimeout(() => void this.lookAfter(), MENDING);
  }

  private async connect(ticket: Ticket, attempt: number): Promise<void> {
    this.become(this.wasLive ? "interrupted" : "connecting");
    this.connecting = true;
    try {
      await this.room.connect(ticket.url, ticket.token, { autoSubscribe: true, maxRetries: 1 });
    } catch {
      // Whatever went wrong, a fresh ticket is the way on: an old one may have run out.
      if (attempt === this.attempt && !settled.has(this.phase)) {
        this.become(this.wasLive ? "interrupted" : "unreachable");
        this.again(spread(4_000));
      }
      return;
    } finally {
      this.connecting = false;
    }
    if (attempt !== this.attempt) return;
    this.wasLive = true;
    this.become("live");
  }

  private disconnected(reason: DisconnectReason | undefined): void {
    switch (reason) {
      case DisconnectReason.PARTICIPANT_REMOVED:
        return void this.removed();
      case DisconnectReason.DUPLICATE_IDENTITY:
        return this.settle("elsewhere");
      case DisconnectReason.ROOM_DELETED:
      case DisconnectReason.ROOM_CLOSED:
        return this.settle("ended");
      default:
        // While connecting, the rejected promise tells the same. A browser that froze the page
        // disconnects it as if the person had asked: only our own `leave` is a decision.
        if (this.leaving || this.connecting || settled.has(this.phase)) return;
        this.become("interrupted");
        this.again(spread(1_500));
    }
  }

  /** Sent out, or no longer the one who holds the lesson; or they stand before the door that was locked meanwhile, or sit in another group now. */
  private async removed(): Promise<void> {
    const attempt = this.begin();
    this.become("interrupted");
    const before = this.ticket?.group;
    const entry = await this.server.ticket(this.wish);
    if (attempt !== this.attempt) return;
    // Who no longer holds the lesson, and may still visit it, needs the page of a visitor.
    if (entry.kind === "open" && entry.ticket.role !== this.page.role) return window.location.reload();
    const elsewhere = entry.kind === "open" && entry.ticket.group !== before;
    if (entry.kind === "lobby" || elsewhere) await this.enter();
    else this.settle("removed");
  }

  private settle(phase: Phase): void {
    this.begin();
    this.become(phase);
  }

  private begin(): number {
    window.clearTimeout(this.timer);
    this.timer = 0;
    return ++this.attempt;
  }

  private again(milliseconds: number): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.enter(), milliseconds);
  }

  private become(phase: Phase): void {
    const before = this.phase;
    if (phase === before) return;
    this.phase = phase;
    window.clearTimeout(this.watch);
    if (phase === "interrupted") this.guard();
    this.changed(phase, before);
  }
}
