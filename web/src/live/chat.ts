// The lesson's chat: what the server stored, plus what it passes on while the lesson runs.
//
// A message is believed only when the server sent it (a packet without a sender), never when a
// participant did: the server is what checked who may write. Packets can be missed while a
// connection is down, so the whole chat is read again after every connection.
import { RoomEvent, type Room } from "livekit-client";
import { el, icon } from "./dom";
import type { LivePage } from "./page";
import { chatTopic } from "./room";
import { Refused, type ChatMessage, type LessonServer } from "./server";
import { hour, text } from "./texts";

/** Longest message, in characters; the server holds the same bound. */
const longest = 1_000;

export class Chat {
  private readonly log: HTMLElement;
  private readonly field: HTMLTextAreaElement;
  private readonly trouble: HTMLElement;
  private readonly known = new Map<string, HTMLElement>();
  /** Taken out: a packet that comes late must not bring them back. */
  private readonly taken = new Set<string>();
  private sending = false;

  constructor(
    room: Room,
    place: HTMLElement,
    private readonly server: LessonServer,
    private readonly page: Pick<LivePage, "language" | "keepDays">,
    private readonly me: () => string | undefined,
    /** Called for every new message of somebody else. */
    private readonly arrived: () => void,
    /** For the teacher: takes a message out. */
    private readonly remove: ((id: string) => void) | undefined,
  ) {
    this.log = el("div", { class: "chat-log", role: "log", "aria-label": text("chat-messages"), tabindex: "0" });
    this.field = el("textarea", { id: "chat-field", rows: "2", maxlength: String(longest), autocomplete: "off", enterkeyhint: "send" });
    this.trouble = el("p", { class: "chat-trouble", role: "alert" });
    const form = el(
      "form",
      { class: "chat-form" },
      el("label", { for: "chat-field" }, text("chat-write")),
      this.field,
      el("button", { type: "submit", class: "button" }, text("chat-send")),
    );
    place.append(this.log, this.trouble, form, el("p", { class: "chat-kept" }, text("chat-kept", { days: this.page.keepDays })));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.send();
    });
    this.field.addEventListener("keydown", (event) => {
      // Enter sends, Shift+Enter makes a line; never in the middle of composing a character.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit();
    });
    room.on(RoomEvent.DataReceived, (payload, participant, _kind, topic) => {
      if (topic !== chatTopic || participant !== undefined) return;
      const message = parse(payload);
      if (message && "removed" in message) this.take(message.removed);
      else if (message) this.add(message);
    });
  }

  /** Reads what was said so far; missing messages are put in, known ones left alone. */
  async catchUp(): Promise<void> {
    try {
      const messages = await this.server.messages();
      for (const message of messages) this.add(message, true);
      // What the server no longer has was taken out while this page was away. Only the latest are told.
      const first = messages[0]?.at ?? "";
      const kept = new Set(messages.map(({ id }) => id));
      for (const [id, entry] of this.known) if (!kept.has(id) && (entry.dataset["at"] ?? "") >= first) this.take(id);
      this.trouble.textContent = "";
    } catch {
      this.trouble.textContent = text("chat-unread");
    }
  }

  focus(): void {
    this.field.focus();
  }

  private async send(): Promise<void> {
    const words = this.field.value.trim();
    if (words === "" || this.sending) return;
    this.sending = true;
    try {
      await this.server.message(words);
      // Only now: what could not be sent must not be lost.
      if (this.field.value.trim() === words) this.field.value = "";
      this.trouble.textContent = "";
      // The packet usually shows it at once; if it is lost, the author must not believe the message is.
      window.setTimeout(() => void this.catchUp(), 1_500);
    } catch (error) {
      const status = error instanceof Refused ? error.status : 0;
      this.trouble.textContent = text(status === 0 || status >= 500 ? "chat-unsent" : status === 429 ? "chat-too-fast" : "chat-refused");
    } finally {
      this.sending = false;
    }
  }

  private take(id: string): void {
    this.taken.add(id);
    const entry = this.known.get(id);
    this.known.delete(id);
    if (entry?.contains(document.activeElement)) this.log.focus();
    entry?.remove();
  }

  private add(message: ChatMessage, quiet = false): void {
    if (this.known.has(message.id) || this.taken.has(message.id)) return;
    const moment = new Date(message.at);
    const mine = message.from === this.me();
    const entry = el(
      "p",
      { class: mine ? "message mine" : "message", "data-at": message.at },
      el("span", { class: "message-author" }, message.name),
      el("time", { datetime: message.at }, hour(moment, this.page.language)),
      this.remove && el("button", { type: "button", class: "message-remove", "aria-label": text("message-remove", { name: message.name }), title: text("message-remove-short"), onclick: () => this.remove?.(message.id) }, icon("close")),
      el("span", { class: "message-text" }, message.text),
    );
    this.known.set(message.id, entry);
    const wasAtEnd = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 40;
    const later = [...this.log.children].reverse().find((one) => Date.parse((one as HTMLElement).dataset["at"] ?? "") <= moment.getTime());
    if (later) later.after(entry);
    else this.log.prepend(entry);
    // Follow the conversation, but never tear away somebody who reads further up.
    if (wasAtEnd || mine) this.log.scrollTop = this.log.scrollHeight;
    if (!quiet && !mine) this.arrived();
  }
}

function parse(payload: Uint8Array): ChatMessage | { readonly removed: string } | undefined {
  try {
    const message = JSON.parse(new TextDecoder().decode(payload)) as Partial<ChatMessage> & { readonly removed?: string };
    if (message.removed !== undefined) return { removed: String(message.removed) };
    const { id, from, name, text: words, at } = message;
    if (id === undefined || from === undefined || name === undefined || words === undefined || at === undefined) return undefined;
    return { id: String(id), from, name, text: words, at };
  } catch {
    return undefined;
  }
}
