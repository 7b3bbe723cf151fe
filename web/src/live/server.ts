// What the page asks of Préau's own server: the way into the room, and every act of the lesson.
// Nothing is decided here. The server may refuse anything, and the page then says so.
import type { LivePage } from "./page";
import type { Standing } from "./recording";
import type { Drawn } from "../board/paper";
import type { Edit } from "./together/lines";
import type { RoomDocument } from "./together/state";

/** The answer of `live.json`: a way into the room for this person, valid for a short while. */
export interface Ticket {
  readonly url: string;
  readonly token: string;
  readonly room: string;
  /** The group whose room it opens; 0: the whole class. */
  readonly group: number;
  readonly identity: string;
  readonly name: string;
  readonly role: string;
  readonly opened: boolean;
  readonly allowed: Allowed;
}

export interface Allowed {
  readonly microphone: boolean;
  readonly camera: boolean;
  readonly screen: boolean;
}

/** What came of asking for a ticket. `again` is when to ask next, in milliseconds. */
export type Entry =
  | { readonly kind: "open"; readonly ticket: Ticket }
  | { readonly kind: "closed"; readonly again: number }
  /** Open, and locked: the teacher may let this person in. */
  | { readonly kind: "lobby"; readonly again: number }
  | { readonly kind: "absent" }
  | { readonly kind: "signedOut" }
  | { readonly kind: "unreachable"; readonly again: number };

/** A refusal of an act; `status` is the HTTP status, or 0 when no answer came. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    /** The server's name of the reason, where it gave one. */
    readonly reason?: string,
  ) {
    super(`refused with status ${status}`);
  }
}

/** A message of the lesson's chat as the server stored it. */
export interface ChatMessage {
  readonly id: string;
  /** Identity of the author. */
  readonly from: string;
  readonly name: string;
  readonly text: string;
  /** RFC 3339 moment. */
  readonly at: string;
}

/** The pupils of the lesson, and the groups that the school has of them. */
export interface Seating {
  readonly pupils: readonly { readonly id: string; readonly name: string }[];
  readonly groups: readonly { readonly name: string; readonly members: readonly string[] }[];
}

/** A raised hand, in whichever room of the lesson. */
export interface Raised {
  readonly identity: string;
  readonly name: string;
  /** RFC 3339 moment. */
  readonly since: string;
  /** 0: the room of the whole class. */
  readonly group: number;
}

/** A document that may be shown in the lesson. */
export interface Offer {
  readonly token: string;
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Whether it was given out with homework. */
  readonly homework: boolean;
}

/** What there is to show. */
export interface Offers {
  readonly documents: readonly Offer[];
  /** Bytes of the largest that may be added. */
  readonly largest: number;
  /** Whether another may be added. */
  readonly more: boolean;
}

/** Somebody who was sent out. */
export interface Removal {
  readonly name: string;
  /** The teacher's words; may be empty. */
  readonly reason: string;
}

export class LessonServer {
  constructor(private readonly page: LivePage) {}

  /** Asks for a way into the room; a teacher may wish for a group's. Never throws: every outcome is an `Entry`. */
  async ticket(group = 0): Promise<Entry> {
    let answer: Response;
    try {
      answer = await fetch(group > 0 ? `${this.page.ticketUrl}?group=${group}` : this.page.ticketUrl, { headers: { Accept: "application/json" }, cache: "no-store", redirect: "manual" });
    } catch {
      return { kind: "unreachable", again: spread(5_000) };
    }
    if (answer.ok) {
      try {
        const ticket = (await answer.json()) as Ticket;
        if (ticket.opened || this.page.role === "teacher") return { kind: "open", ticket };
      } catch {
        // An answer that is no JSON comes from something between us and the server.
        return { kind: "unreachable", again: spread(5_000) };
      }
      return { kind: "closed", again: pause(answer, 5_000) };
    }
    if (answer.status === 409) {
      const said = (await answer.json().catch(() => ({}))) as { readonly lobby?: boolean };
      return { kind: said.lobby === true ? "lobby" : "closed", again: pause(answer, 5_000) };
    }
    if (answer.status === 404 || answer.status === 403 || answer.status === 410) return { kind: "absent" };
    if (answer.status === 401 || answer.type === "opaqueredirect") return { kind: "signedOut" };
    return { kind: "unreachable", again: pause(answer, 10_000) };
  }

  opening(): Promise<void> {
    return this.act("/opening");
  }

  ending(): Promise<void> {
    return this.act("/ending");
  }

  hand(raised: boolean): Promise<void> {
    return this.act("/hand", { raised });
  }

  /** The raised hands of all the lesson's rooms. Throws `Refused`. */
  async hands(): Promise<readonly Raised[]> {
    const answer = await this.ask(`${this.page.base}/hands`, { headers: { Accept: "application/json" }, cache: "no-store" });
    return ((await answer.json()) as { readonly hands: readonly Raised[] }).hands;
  }

  /** Says what a pupil may publish; without an identity, what all pupils may. */
  permission(identity: string | undefined, allowed: Allowed): Promise<void> {
    return this.act(`${participant(identity)}/permission`, allowed);
  }

  /** Mutes a pupil; without an identity, all pupils. */
  mute(identity: string | undefined): Promise<void> {
    return this.act(`${participant(identity)}/mute`);
  }

  /** Sends a pupil out; the reason is kept with the lesson. */
  removal(identity: string, reason: string): Promise<void> {
    return this.act(`${participant(identity)}/removal`, { reason });
  }

  /** Those who were sent out, the first one first. Throws `Refused`. */
  async removals(): Promise<Removal[]> {
    const answer = await this.ask(`${this.page.base}/removals`, { headers: { Accept: "application/json" }, cache: "no-store" });
    return ((await answer.json()) as { readonly removals: Removal[] }).removals;
  }

  /** Takes a message out of the chat. */
  messageRemoval(id: string): Promise<void> {
    return this.act(`/messages/${encodeURIComponent(id)}/removal`);
  }

  /** The room as this person may see it; with a number, what has happened since. Throws `Refused`. */
  async room(after: number | undefined): Promise<RoomDocument> {
    const query = after === undefined ? "" : `?after=${after}`;
    const answer = await this.ask(`${this.page.roomBase}.json${query}`, { headers: { Accept: "application/json" }, cache: "no-store" });
    return (await answer.json()) as RoomDocument;
  }

  /** Does something in the room; returns the number of its event where the server says it, and else 0. Throws `Refused`. */
  async roomAct(path: string, body: object): Promise<number> {
    const answer = await this.send(this.page.roomBase + path, body);
    return answer.status === 204 ? 0 : ((await answer.json()) as { readonly number: number }).number;
  }

  /** Writes in the notes; returns the number of the event. Throws `Refused`. */
  async notes(edits: readonly Edit[]): Promise<number> {
    return this.roomAct("/notes", { edits });
  }

  /** How the recording of the lesson stands. Throws `Refused`. */
  async recording(): Promise<Standing> {
    const answer = await this.ask(`${this.page.recordingBase}.json`, { headers: { Accept: "application/json" }, cache: "no-store" });
    return (await answer.json()) as Standing;
  }

  /** Begins to record the lesson, or ends that. Throws `Refused`. */
  async record(on: boolean): Promise<void> {
    await this.send(`${this.page.recordingBase}/${on ? "beginning" : "ending"}`, {});
  }

  /** Whom there is to seat in groups. Throws `Refused`. */
  async seating(): Promise<Seating> {
    const answer = await this.ask(`${this.page.roomBase}/seating.json`, { headers: { Accept: "application/json" }, cache: "no-store" });
    return (await answer.json()) as Seating;
  }

  /** The documents that there are to show. Throws `Refused`. */
  async documents(): Promise<Offers> {
    const answer = await this.ask(`${this.page.roomBase}/documents.json`, { headers: { Accept: "application/json" }, cache: "no-store" });
    return (await answer.json()) as Offers;
  }

  /** Puts a document into the lesson. Throws `Refused`. */
  async addDocument(file: File): Promise<Offer> {
    const body = new FormData();
    body.append("file", file);
    const answer = await this.ask(`${this.page.roomBase}/documents`, { method: "POST", headers: { Accept: "application/json", "X-CSRF-Token": this.page.csrf }, body });
    return (await answer.json()) as Offer;
  }

  /** The board: what has been drawn since a number of a sheet, or everything. Throws `Refused`. */
  async board(known: { readonly sheet: number; readonly number: number } | undefined): Promise<Drawn> {
    const query = known ? `?after=${known.number}&sheet=${known.sheet}` : "";
    const answer = await this.ask(`${this.page.roomBase}/board.json${query}`, { headers: { Accept: "application/json" }, cache: "no-store" });
    return (await answer.json()) as Drawn;
  }

  /** Draws on a sheet of the board; returns the number of the update. Throws `Refused`. */
  async draw(sheet: number, update: string): Promise<number> {
    const answer = await this.send(`${this.page.roomBase}/board`, { sheet, update });
    return ((await answer.json()) as { readonly number: number }).number;
  }

  /** Says where the own hand is over the board. Throws `Refused`. */
  async point(place: { readonly x: number; readonly y: number }): Promise<void> {
    await this.send(`${this.page.roomBase}/board/pointer`, place);
  }

  /** Where a document's bytes are. */
  documentAddress(token: string): string {
    return `${this.page.roomBase}/documents/${encodeURIComponent(token)}`;
  }

  /** A document's bytes; `told` hears the share that has come, from 0 to 1. Throws `Refused`. */
  async document(token: string, told: (share: number) => void, signal: AbortSignal): Promise<ArrayBuffer> {
    const answer = await this.ask(this.documentAddress(token), { signal });
    const whole = Number(answer.headers.get("Content-Length"));
    const reader = answer.body?.getReader();
    if (!reader || !(whole > 0)) return answer.arrayBuffer();
    const bytes: Uint8Array[] = [];
    let come = 0;
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      bytes.push(piece.value);
      come += piece.value.length;
      told(Math.min(1, come / whole));
    }
    return new Blob(bytes as BlobPart[]).arrayBuffer();
  }

  /** Says that this person stands before the locked door. Never throws: the page asks again anyway. */
  async knock(): Promise<void> {
    await this.roomAct("/lobby", {}).catch(() => undefined);
  }

  message(words: string): Promise<void> {
    return this.act("/messages", { text: words });
  }

  /** The chat so far, oldest first. Throws `Refused`. */
  async messages(): Promise<ChatMessage[]> {
    const answer = await this.ask(`${this.page.base}/messages`, { headers: { Accept: "application/json" }, cache: "no-store" });
    const body = (await answer.json()) as ChatMessage[] | { messages: ChatMessage[] };
    return Array.isArray(body) ? body : body.messages;
  }

  private async act(path: string, body: object = {}): Promise<void> {
    await this.send(this.page.base + path, body);
  }

  private send(address: string, body: object): Promise<Response> {
    return this.ask(address, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRF-Token": this.page.csrf },
      body: JSON.stringify(body),
    });
  }

  private async ask(address: string, request: RequestInit): Promise<Response> {
    let answer: Response;
    try {
      answer = await fetch(address, request);
    } catch {
      throw new Refused(0);
    }
    if (!answer.ok) throw new Refused(answer.status, await reasonOf(answer));
    return answer;
  }
}

async function reasonOf(answer: Response): Promise<string | undefined> {
  if (!answer.headers.get("Content-Type")?.includes("json")) return undefined;
  return ((await answer.json().catch(() => ({}))) as { readonly error?: string }).error;
}

function participant(identity: string | undefined): string {
  return identity === undefined ? "" : `/participants/${encodeURIComponent(identity)}`;
}

/** A time between 70 % and 130 % of `milliseconds`: a whole class must not ask in step. */
export function spread(milliseconds: number): number {
  return milliseconds * (0.7 + 0.6 * Math.random());
}

/** The server's own `Retry-After` (seconds) where it gave one, spread, and never below a second. */
function pause(answer: Response, otherwise: number): number {
  const seconds = Number(answer.headers.get("Retry-After"));
  return Math.max(1_000, spread(seconds > 0 ? seconds * 1_000 : otherwise));
}
