// The board's document: one Yjs map of drawn things by their ids, numbered updates from the server, and what was drawn
// here on its way there.
//
// One update is on its way at a time; what is drawn meanwhile goes with the next. What the server has acknowledged is
// kept there. When it refuses (the right was taken back, the board was wiped, this page missed something) the document
// is made anew from the server's, so that nothing is shown that the others do not see.
import * as Y from "yjs";
import { cleaned, inOrder, isSound, type Thing } from "./things";

/** What the server has: everything, or the updates that were missing. Base64. */
export interface Drawn {
  readonly sheet: number;
  readonly number: number;
  readonly whole?: string;
  readonly updates?: readonly string[];
}

/** A packet: an update, or only that there is one. */
export interface Step {
  readonly sheet: number;
  readonly number: number;
  readonly update?: string;
}

/** The ways to the server. Both throw what says why not. */
export interface Ways {
  read(known: { readonly sheet: number; readonly number: number } | undefined): Promise<Drawn>;
  /** The number that the update got. */
  send(sheet: number, update: string): Promise<number>;
  /** What to do when sending failed: try again after so many milliseconds, or begin anew. */
  failed(error: unknown): number | "anew";
  /** Whether what was drawn here is still on its way. */
  waiting(waiting: boolean): void;
}

/** How often what is drawn is sent, in milliseconds. */
const beat = 300;
/** How long a packet out of its order waits for the one before, in milliseconds. */
const patience = 500;
/** How soon the server is asked again when it did not answer, in milliseconds. */
const again = 4_000;
/** Bytes that go in one request; the server takes twice as many. */
const load = 64 * 1_024;

export class Paper {
  private doc = new Y.Doc();
  private sheet = -1;
  private number = 0;
  private readonly early = new Map<number, Step>();
  /** Drawn here and not yet in the document. */
  private readonly fresh = new Map<string, Thing | undefined>();
  /** In the document and not yet on its way. */
  private queue: Uint8Array[] = [];
  private sending = false;
  private asking = false;
  private askAgain = false;
  private asked = 0;
  private timer = 0;
  private closed = false;
  /** Counts the documents, so that an answer for an old one is not taken for the new one's. */
  private life = 0;

  constructor(
    private readonly ways: Ways,
    /** What is drawn has changed, or is another document altogether. */
    private readonly changed: (whole: boolean) => void,
  ) {}

  /** What is drawn, the lowest first. */
  things(): Thing[] {
    const things: Thing[] = [];
    for (const [id, value] of this.doc.getMap("elements")) {
      if (this.fresh.has(id)) continue;
      const thing = { ...(value as Thing), id };
      if (isSound(thing)) things.push(cleaned(thing));
    }
    // What is drawn here this moment is newer than what the document has.
    for (const thing of this.fresh.values()) if (thing) things.push(thing);
    return things.sort(inOrder);
  }

  /** Takes what was drawn here. */
  draw(changes: ReadonlyMap<string, Thing | undefined>): void {
    for (const [id, thing] of changes) this.fresh.set(id, thing && cleaned(thing));
    this.ways.waiting(true);
    this.sendIn(beat);
  }

  /** Takes a packet of the server. */
  receive(step: Step): void {
    if (this.sheet < 0 || this.asking || step.sheet !== this.sheet || (step.number > this.number && step.update === undefined)) {
      void this.ask();
      return;
    }
    if (step.number <= this.number) return;
    this.early.set(step.number, step);
    const updates: Uint8Array[] = [];
    for (let next = this.early.get(this.number + 1); next?.update !== undefined; next = this.early.get(this.number + 1)) {
      this.early.delete(next.number);
      this.number = next.number;
      updates.push(bytesOf(next.update));
    }
    if (updates.length > 0) this.merge(updates);
    if (this.early.size > 0) this.askIn(patience);
  }

  /** Asks for what is missing: at the beginning, after a new connection. */
  async ask(): Promise<void> {
    if (this.closed) return;
    if (this.asking) {
      this.askAgain = true;
      return;
    }
    this.asking = true;
    window.clearTimeout(this.asked);
    this.asked = 0;
    const life = this.life;
    try {
      const drawn = await this.ways.read(this.sheet < 0 ? undefined : { sheet: this.sheet, number: this.number });
      if (this.closed || life !== this.life) return;
      if (drawn.sheet !== this.sheet) {
        // A new sheet: what was drawn on the old one is gone.
        this.begin();
        this.sheet = drawn.sheet;
        this.number = drawn.number;
        if (drawn.whole !== undefined) Y.applyUpdate(this.doc, bytesOf(drawn.whole), "server");
        this.changed(true);
        return;
      }
      this.number = Math.max(this.number, drawn.number);
      this.merge(drawn.whole === undefined ? (drawn.updates ?? []).map(bytesOf) : [bytesOf(drawn.whole)]);
    } catch {
      this.askIn(again);
    } finally {
      this.asking = false;
      for (const number of this.early.keys()) if (number <= this.number) this.early.delete(number);
      if (this.askAgain && !this.closed) {
        this.askAgain = false;
        void this.ask();
      }
    }
  }

  close(): void {
    this.closed = true;
    this.begin();
    window.clearTimeout(this.asked);
  }

  private begin(): void {
    this.life++;
    this.sheet = -1;
    this.number = 0;
    this.doc.destroy();
    this.doc = new Y.Doc();
    this.early.clear();
    this.fresh.clear();
    this.queue = [];
    window.clearTimeout(this.timer);
    this.timer = 0;
    this.ways.waiting(false);
  }

  private merge(updates: readonly Uint8Array[]): void {
    if (updates.length === 0) return;
    this.doc.transact(() => {
      for (const update of updates) Y.applyUpdate(this.doc, update, "server");
    }, "server");
    this.changed(false);
  }

  private askIn(milliseconds: number): void {
    if (this.asked === 0 && !this.closed) {
      this.asked = window.setTimeout(() => {
        this.asked = 0;
        void this.ask();
      }, milliseconds);
    }
  }

  private sendIn(milliseconds: number): void {
    if (this.timer === 0 && !this.closed) {
      this.timer = window.setTimeout(() => {
        this.timer = 0;
        void this.send();
      }, milliseconds);
    }
  }

  /** Puts what was drawn into the document, in updates that are small enough to be sent. */
  private settle(): void {
    const map = this.doc.getMap("elements");
    const taken = (update: Uint8Array, origin: unknown): void => {
      if (origin === "here") this.queue.push(update);
    };
    this.doc.on("update", taken);
    for (const [id, thing] of this.fresh) {
      this.doc.transact(() => {
        if (thing) map.set(id, thing);
        else map.delete(id);
      }, "here");
    }
    this.doc.off("update", taken);
    this.fresh.clear();
  }

  private async send(): Promise<void> {
    if (this.sending || this.sheet < 0 || this.closed) return;
    this.sending = true;
    const life = this.life;
    try {
      this.settle();
      while (this.queue.length > 0 && life === this.life) {
        let [size, count] = [0, 0];
        while (count < this.queue.length && (count === 0 || size + (this.queue[count]?.length ?? 0) <= load)) size += this.queue[count++]?.length ?? 0;
        const update = Y.mergeUpdates(this.queue.slice(0, count));
        let pause: number | "anew" | undefined;
        try {
          const number = await this.ways.send(this.sheet, base64Of(update));
          if (life !== this.life) break;
          this.queue.splice(0, count);
          // Told to everybody, to this page too; its own it need not wait for.
          if (number === this.number + 1) this.number = number;
        } catch (error) {
          if (life !== this.life) break;
          pause = this.ways.failed(error);
        }
        if (pause === "anew") {
          this.begin();
          void this.ask();
          break;
        }
        if (pause !== undefined) {
          this.sendIn(pause);
          return;
        }
      }
    } finally {
      this.sending = false;
      const left = this.queue.length > 0 || this.fresh.size > 0;
      this.ways.waiting(left);
      if (left) this.sendIn(beat);
    }
  }
}

function bytesOf(text: string): Uint8Array {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let place = 0; place < raw.length; place++) bytes[place] = raw.charCodeAt(place);
  return bytes;
}

function base64Of(bytes: Uint8Array): string {
  let raw = "";
  for (let place = 0; place < bytes.length; place += 8_192) raw += String.fromCharCode(...bytes.subarray(place, place + 8_192));
  return btoa(raw);
}
