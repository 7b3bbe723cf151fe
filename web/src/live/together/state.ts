// The room as the server shows it to this person: a snapshot, and the numbered changes after it.
//
// A change is a merge patch (RFC 7396) and comes as a packet without a sender; one of a participant is not
// believed. Packets are applied in the order of their numbers. When one is missing the page waits a moment
// for it and then asks, and it asks after every new connection, so that what is shown is what the server has.
import { RoomEvent, type Room } from "livekit-client";
import type { LessonServer } from "../server";

/** Topic of the packets, as the server knows it. */
const topic = "preau.room";
/** How long a packet out of its order waits for the one before, in milliseconds. */
const patience = 500;
/** How soon the page asks again when the server did not answer, in milliseconds. */
const again = 4_000;

export interface Timer {
  /** Milliseconds it was set for. */
  readonly length: number;
  /** The server's moment at which it ends, in milliseconds since 1970 … */
  readonly ends_at?: number;
  /** … or what is left while it stands still, in milliseconds. */
  readonly left?: number;
}

export interface Poll {
  readonly question: string;
  /** None: yes and no. */
  readonly choices: readonly string[];
  readonly several: boolean;
  readonly open: boolean;
  readonly shown: boolean;
  readonly counts?: readonly number[];
  readonly right?: readonly number[];
  /** Who has answered, for teachers. */
  readonly answered?: Readonly<Record<string, boolean>>;
}

export interface Word {
  readonly pupil: string;
  readonly from: string;
  readonly name: string;
  readonly text: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** A document that everybody sees, and the teacher's page in it. */
export interface Shown {
  readonly token: string;
  readonly name: string;
  readonly pages: number;
  /** From 1. */
  readonly page: number;
}

export interface View {
  readonly locked: boolean;
  readonly words_open: boolean;
  readonly timer?: Timer;
  readonly polls: Readonly<Record<string, Poll>>;
  readonly notes_open: boolean;
  /** Lines by their keys, which stand in the order of texts. */
  readonly notes: Readonly<Record<string, string>>;
  readonly groups?: {
    readonly list: Readonly<Record<string, { readonly name: string; readonly members?: Readonly<Record<string, boolean>> }>>;
    readonly told?: { readonly text: string; readonly at: number };
  };
  readonly document?: Shown;
  /** The board while it is before everybody: whether pupils may draw, and for teachers who is an exception. */
  readonly board?: { readonly all: boolean; readonly except?: Readonly<Record<string, boolean>> };
  /** Whether pupils' pages are the simple ones, where a teacher has chosen. */
  readonly simple?: boolean;
  /** For teachers: who waits before the door. */
  readonly lobby?: Readonly<Record<string, { readonly name: string; readonly since: number }>>;
  /** For teachers: all private words. */
  readonly words?: Readonly<Record<string, Word>>;
  /** For pupils: what is theirs alone. */
  readonly me?: { readonly answers: Readonly<Record<string, readonly number[]>>; readonly words: Readonly<Record<string, Word>>; readonly group: number; readonly apart?: boolean };
}

interface Step {
  readonly number: number;
  readonly at: number;
  readonly patch: object;
}

/** What `room.json` answers. */
export interface RoomDocument {
  readonly number: number;
  readonly now: number;
  readonly view?: View;
  readonly events?: readonly Step[];
}

export class RoomState {
  view: View | undefined;

  /** Of the last event that is in `view`. */
  number = 0;

  /** Milliseconds by which the server's clock is ahead of this one. */
  private ahead = 0;
  private early = new Map<number, Step>();
  private timer = 0;
  private asking = false;
  private readonly followers: ((view: View, before: View | undefined) => void)[] = [];
  private readonly listeners: ((view: View) => void)[] = [];

  constructor(
    room: Room,
    private readonly server: LessonServer,
  ) {
    room.on(RoomEvent.DataReceived, (payload, participant, _kind, of) => {
      if (of !== topic || participant !== undefined) return;
      try {
        this.receive(JSON.parse(new TextDecoder().decode(payload)) as Step);
      } catch {
        this.askIn(0);
      }
    });
  }

  /** Calls back after every change, and at once when there is a view. */
  follow(changed: (view: View, before: View | undefined) => void): void {
    this.followers.push(changed);
    if (this.view) changed(this.view, undefined);
  }

  /** Calls back whenever the server has answered how the room stands, also where nothing has changed. */
  answered(answered: (view: View) => void): void {
    this.listeners.push(answered);
  }

  /** The server's clock, in milliseconds since 1970. */
  now(): number {
    return Date.now() + this.ahead;
  }

  /** Asks for the room anew: after a connection, or when something is missing. */
  async ask(): Promise<void> {
    if (this.asking) return this.askIn(patience);
    this.asking = true;
    window.clearTimeout(this.timer);
    this.timer = 0;
    const sent = Date.now();
    try {
      const document = await this.server.room(this.view && this.number);
      // Half the way there and back, as if both halves were alike.
      this.ahead = document.now - (sent + Date.now()) / 2;
      if (document.view) this.take(document.number, document.view);
      else for (const step of document.events ?? []) this.receive(step);
      if (this.view) for (const answered of this.listeners) answered(this.view);
    } catch {
      this.askIn(again);
    } finally {
      this.asking = false;
    }
  }

  private askIn(milliseconds: number): void {
    if (this.timer === 0) this.timer = window.setTimeout(() => void this.ask(), milliseconds);
  }

  private receive(step: Step): void {
    if (!this.view || step.number <= this.number) return;
    this.early.set(step.number, step);
    let view = this.view as object;
    let number = this.number;
    for (let next = this.early.get(number + 1); next; next = this.early.get(number + 1)) {
      this.early.delete(next.number);
      view = merge(view, next.patch) as object;
      number = next.number;
    }
    if (number > this.number) this.take(number, view as View);
    if (this.early.size > 0) this.askIn(patience);
  }

  private take(number: number, view: View): void {
    const before = this.view;
    this.number = number;
    this.view = view;
    for (const early of this.early.keys()) if (early <= number) this.early.delete(early);
    for (const changed of this.followers) changed(view, before);
  }
}

/** RFC 7396, section 2, without changing what is given. */
function merge(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const merged: Record<string, unknown> = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = merge(merged[key], value);
  }
  return merged;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
