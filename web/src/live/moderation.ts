// What a teacher may do to one pupil or to all: allow to speak or to be seen, mute, remove.
// Buttons only: every act is a request, and what is shown afterwards is what the server made of it.
import type { Participant, Room } from "livekit-client";
import { confirmed, confirmedWith, el, icon, say } from "./dom";
import type { Notices } from "./notices";
import { isPupil, mayPublish, nameOf, type Grant } from "./room";
import { Refused, type Allowed, type LessonServer } from "./server";
import { text } from "./texts";

/** Longest reason for sending somebody out, in characters; the server holds the same bound. */
const longestReason = 200;

function allowedOf(participant: Participant): Allowed {
  return { microphone: mayPublish(participant, "microphone"), camera: mayPublish(participant, "camera"), screen: mayPublish(participant, "screen") };
}

export class Moderation {
  private readonly menus = new Map<string, { participant: Participant; microphone: HTMLButtonElement; camera: HTMLButtonElement; screen: HTMLButtonElement; menu: HTMLDetailsElement; summary: HTMLElement }>();

  constructor(
    private readonly room: Room,
    private readonly server: LessonServer,
    private readonly notices: Notices,
  ) {
    // A menu closes as menus do: by Escape, giving the focus back, and by a press elsewhere.
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      for (const { menu, summary } of this.menus.values()) {
        if (!menu.open) continue;
        menu.open = false;
        summary.focus();
      }
    });
    document.addEventListener("click", (event) => {
      for (const { menu } of this.menus.values()) {
        if (menu.open && !menu.contains(event.target as Node)) menu.open = false;
      }
    });
  }

  /** The menu on a pupil's tile. */
  menuFor(participant: Participant): HTMLElement | undefined {
    if (participant.isLocal || !isPupil(participant)) return undefined;
    const identity = participant.identity;
    const name = nameOf(participant);
    const toggle = (source: Grant): HTMLButtonElement =>
      el("button", { type: "button", onclick: () => void this.toggle(participant, source) });
    const microphone = toggle("microphone");
    const camera = toggle("camera");
    const screen = toggle("screen");
    const summary = el("summary", { "aria-label": text("act-on", { name }) }, icon("more"));
    const menu = el(
      "details",
      { class: "tile-menu" },
      summary,
      el(
        "div",
        { class: "tile-menu-body" },
        microphone,
        camera,
        screen,
        el("button", { type: "button", onclick: () => void this.act(() => this.server.mute(identity)) }, text("mute")),
        el("button", { type: "button", class: "danger", onclick: () => void this.remove(participant) }, text("remove")),
      ),
    );
    // Whatever is chosen, the menu has done its work.
    menu.addEventListener("click", (event) => {
      if ((event.target as Element).closest("button")) {
        menu.open = false;
        summary.focus();
      }
    });
    // Near the foot of the window the menu opens upwards, clear of the bar.
    menu.addEventListener("toggle", () => menu.classList.toggle("upward", summary.getBoundingClientRect().top > window.innerHeight / 2));
    this.menus.set(identity, { participant, microphone, camera, screen, menu, summary });
    this.refreshOne(identity);
    return menu;
  }

  /** Words every menu after what the server says is allowed now. */
  refresh(): void {
    for (const identity of [...this.menus.keys()]) {
      const participant = this.room.remoteParticipants.get(identity);
      const entry = this.menus.get(identity);
      if (!participant || !entry) this.menus.delete(identity);
      else {
        entry.participant = participant;
        this.refreshOne(identity);
      }
    }
  }

  /** Lets one pupil speak, keeping what else is allowed. */
  giveFloor(participant: Participant): Promise<void> {
    return this.act(() => this.server.permission(participant.identity, { ...allowedOf(participant), microphone: true }));
  }

  allowAll(allowed: Allowed): Promise<void> {
    return this.act(() => this.server.permission(undefined, allowed));
  }

  muteAll(): Promise<void> {
    return this.act(async () => {
      await this.server.mute(undefined);
      this.notices.pass("moderation", text("all-muted"));
    });
  }

  async removeMessage(id: string): Promise<void> {
    if (await confirmed(text("message-remove-question"), "message-remove-short")) await this.act(() => this.server.messageRemoval(id));
  }

  private refreshOne(identity: string): void {
    const entry = this.menus.get(identity);
    if (!entry) return;
    say(entry.microphone, text(mayPublish(entry.participant, "microphone") ? "withdraw-microphone" : "allow-microphone"));
    say(entry.camera, text(mayPublish(entry.participant, "camera") ? "withdraw-camera" : "allow-camera"));
    say(entry.screen, text(mayPublish(entry.participant, "screen") ? "withdraw-screen" : "allow-screen"));
  }

  private toggle(participant: Participant, source: Grant): Promise<void> {
    // Reconnecting makes a new participant: ask the one that is in the room now.
    const now = this.room.remoteParticipants.get(participant.identity) ?? participant;
    const allowed = allowedOf(now);
    return this.act(() => this.server.permission(now.identity, { ...allowed, [source]: !allowed[source] }));
  }

  private async remove(participant: Participant): Promise<void> {
    const name = nameOf(participant);
    const reason = await confirmedWith(text("remove-question", { name }), text("remove-reason"), "remove", longestReason);
    if (reason === undefined) return;
    await this.act(async () => {
      await this.server.removal(participant.identity, reason);
      this.notices.pass("moderation", text("removed-one", { name }));
    });
  }

  private async act(request: () => Promise<void>): Promise<void> {
    try {
      await request();
    } catch (error) {
      this.notices.pass("moderation", text(error instanceof Refused && error.status === 0 ? "act-unreachable" : "act-refused"));
    }
  }
}
