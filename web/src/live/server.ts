// What the page asks of Préau's own server: the way into the room, and every act of the lesson.
// Nothing is decided here. The server may refuse anything, and the page then says so.
import type { LivePage } from "./page";

/** The answer of `live.json`: a way into the room for this person, valid for a short while. */
export interface Ticket {
  readonly url: string;
  readonly token: string;
  readonly room: string;
  readonly identity: string;
  readonly name: string;
  readonly role: string;
  readonly opened: boolean;
  readonly allowed: Allowed;
}

export interface Allowed {
  readonly microphone: boolean;
  readonly camera: boolean;
}

/** What came of asking for a ticket. `again` is when to ask next, in milliseconds. */
export type Entry =
  | { readonly kind: "open"; readonly ticket: Ticket }
  | { readonly kind: "closed"; readonly again: number }
  | { readonly kind: "absent" }
  | { readonly kind: "signedOut" }
  | { readonly kind: "unreachable"; readonly again: number };

/** A refusal of an act; `status` is the HTTP status, or 0 when no answer came. */
export class Refused extends Error {
  constructor(readonly status: number) {
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

export class LessonServer {
  constructor(private readonly page: LivePage) {}

  /** Asks for a way into the room. Never throws: every outcome is an `Entry`. */
  async ticket(): Promise<Entry> {
    let answer: Response;
    try {
      answer = await fetch(this.page.ticketUrl, { headers: { Accept: "application/json" }, cache: "no-store", redirect: "manual" });
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
    if (answer.status === 409) return { kind: "closed", again: pause(answer, 5_000) };
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

  /** Says what a pupil may publish; without an identity, what all pupils may. */
  permission(identity: string | undefined, allowed: Allowed): Promise<void> {
    return this.act(`${participant(identity)}/permission`, allowed);
  }

  /** Mutes a pupil; without an identity, all pupils. */
  mute(identity: string | undefined): Promise<void> {
    return this.act(`${participant(identity)}/mute`);
  }

  removal(identity: string): Promise<void> {
    return this.act(`${participant(identity)}/removal`);
  }

  message(words: string): Promise<void> {
    return this.act("/messages", { text: words });
  }

  /** The chat so far, oldest first. Throws `Refused`. */
  async messages(): Promise<ChatMessage[]> {
    const answer = await this.ask("/messages", { headers: { Accept: "application/json" }, cache: "no-store" });
    const body = (await answer.json()) as ChatMessage[] | { messages: ChatMessage[] };
    return Array.isArray(body) ? body : body.messages;
  }

  private async act(path: string, body: object = {}): Promise<void> {
    await this.ask(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRF-Token": this.page.csrf },
      body: JSON.stringify(body),
    });
  }

  private async ask(path: string, request: RequestInit): Promise<Response> {
    let answer: Response;
    try {
      answer = await fetch(this.page.base + path, request);
    } catch {
      throw new Refused(0);
    }
    if (!answer.ok) throw new Refused(answer.status);
    return answer;
  }
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
