// The bar under the lesson: one's own microphone, camera, hand, the chat, settings, the way out;
// for the teacher also what concerns the whole class. Every button says in words what it will do,
// and one that may not be used now stays reachable and says why.
import type { Room } from "livekit-client";
import { confirmed, el, icon, say, type Icon } from "./dom";
import type { OwnDevices } from "./devices";
import type { Moderation } from "./moderation";
import type { Notices } from "./notices";
import type { LivePage } from "./page";
import { handRaised, mayPublish, type Source } from "./room";
import type { LessonServer } from "./server";
import { text } from "./texts";

/** What the bar asks of the lesson. */
export interface Wishes {
  readonly leave: () => void;
  readonly openSettings: () => void;
  readonly chatShown: (shown: boolean) => void;
}

interface Control {
  readonly button: HTMLButtonElement;
  readonly label: HTMLElement;
  drawn: Icon;
}

export class Controls {
  private readonly own = new Map<Source, Control>();
  private hand: Control | undefined;
  private screen: Control | undefined;
  private handBusy = false;
  private readonly chat: Control;
  private unread = 0;
  private followers: (() => void)[] = [];

  constructor(
    private readonly page: LivePage,
    private readonly room: Room,
    private readonly devices: OwnDevices,
    private readonly server: LessonServer,
    private readonly notices: Notices,
    private readonly wishes: Wishes,
    moderation: Moderation | undefined,
    /** Opens what the class does together. */
    together: HTMLButtonElement | undefined,
    /** Begins and ends the recording. */
    recording: HTMLButtonElement | undefined,
  ) {
    const place = page.controls;
    if (page.role !== "visitor") {
      for (const source of ["microphone", "camera"] as const) {
        const control = make(source, () => this.pressSource(source));
        this.own.set(source, control);
        place.append(control.button);
      }
    }
    if (page.role === "pupil") {
      this.hand = make("hand", () => void this.pressHand());
      place.append(this.hand.button);
    }
    if (page.role !== "visitor" && canShareScreen()) {
      this.screen = make("screen", () => void this.devices.share(!this.devices.isSharing()));
      this.screen.button.classList.add("screen-control");
      place.append(this.screen.button);
    }
    if (moderation) place.append(this.classMenu(moderation));
    if (together) place.append(together);
    if (recording) place.append(recording);
    this.chat = make("chat", () => this.showChat(this.page.root.dataset["chat"] !== "shown"));
    this.chat.button.setAttribute("aria-controls", page.chat.id);
    const settings = make("settings", wishes.openSettings);
    say(settings.label, text("settings"));
    const leave = make("leave", wishes.leave);
    say(leave.label, text("leave"));
    leave.button.classList.add("leave");
    place.append(this.chat.button, settings.button, leave.button);
    page.chat.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || this.page.root.dataset["chat"] !== "shown") return;
      this.showChat(false);
      this.chat.button.focus();
    });
    this.showChat(false);
    this.refresh();
  }

  /** Calls back whenever something of the bar may have changed. */
  follow(changed: () => void): void {
    this.followers.push(changed);
    changed();
  }

  /** Words and draws every button after the state of the room. */
  refresh(): void {
    for (const changed of this.followers) changed();
    for (const [source, control] of this.own) {
      const on = this.devices.isOn(source);
      const allowed = this.devices.isAllowed(source);
      say(control.label, text(`${source}-${on ? "close" : "open"}`));
      redraw(control, on ? source : `${source}Off`);
      control.button.classList.toggle("on", on);
      control.button.setAttribute("aria-disabled", String(!allowed || this.devices.isBusy(source)));
    }
    if (this.screen) {
      const sharing = this.devices.isSharing();
      // A pupil sees the button once the teacher allows it: most never need it.
      this.screen.button.hidden = !mayPublish(this.room.localParticipant, "screen");
      say(this.screen.label, text(sharing ? "screen-stop" : "screen-share"));
      this.screen.button.classList.toggle("on", sharing);
    }
    if (this.hand) {
      const raised = this.isHandRaised();
      say(this.hand.label, text(raised ? "hand-lower" : "hand-raise"));
      this.hand.button.classList.toggle("on", raised);
    }
    say(this.chat.label, this.unread > 0 ? text("chat-unread-count", { count: this.unread }) : text("chat"));
    this.chat.button.classList.toggle("unread", this.unread > 0);
  }

  /** Counts a message that came while the chat was closed. */
  messageArrived(): void {
    if (this.page.root.dataset["chat"] === "shown" || this.page.chat.checkVisibility?.()) return;
    this.unread += 1;
    this.refresh();
  }

  private showChat(shown: boolean): void {
    this.page.root.dataset["chat"] = shown ? "shown" : "hidden";
    this.chat.button.setAttribute("aria-expanded", String(shown));
    if (shown) this.unread = 0;
    this.refresh();
    this.wishes.chatShown(shown);
  }

  pressSource(source: Source): void {
    if (!this.devices.isAllowed(source)) {
      this.notices.pass(source, text(`${source}-not-allowed`));
      return;
    }
    void this.devices.set(source, !this.devices.isOn(source));
  }

  async pressHand(): Promise<void> {
    if (this.handBusy) return;
    this.handBusy = true;
    try {
      await this.server.hand(!this.isHandRaised());
      this.notices.clear("hand");
    } catch {
      this.notices.pass("hand", text("hand-failed"));
    } finally {
      this.handBusy = false;
    }
  }

  isHandRaised(): boolean {
    return handRaised(this.room.localParticipant) !== undefined;
  }

  private classMenu(moderation: Moderation): HTMLElement {
    const choice = (label: string, run: () => unknown, kind = ""): HTMLButtonElement =>
      el("button", { type: "button", class: kind, onclick: () => void run() }, label);
    const summary = el("summary", { class: "control" }, icon("hand"), el("span", {}, text("class-menu")));
    const menu = el(
      "details",
      { class: "class-menu" },
      summary,
      el(
        "div",
        { class: "class-menu-body" },
        choice(text("mute-all"), () => moderation.muteAll()),
        choice(text("allow-all-microphones"), () => moderation.allowAll({ microphone: true, camera: false, screen: false })),
        choice(text("allow-all"), () => moderation.allowAll({ microphone: true, camera: true, screen: false })),
        choice(text("allow-all-screens"), () => moderation.allowAll({ microphone: true, camera: true, screen: true })),
        choice(text("withdraw-all"), () => moderation.allowAll({ microphone: false, camera: false, screen: false })),
        choice(text("close-class"), () => this.closeClass(), "danger"),
      ),
    );
    menu.addEventListener("click", (event) => {
      if (!(event.target as Element).closest("button")) return;
      menu.open = false;
      summary.focus();
    });
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !menu.open) return;
      menu.open = false;
      summary.focus();
    });
    document.addEventListener("click", (event) => {
      if (menu.open && !menu.contains(event.target as Node)) menu.open = false;
    });
    return menu;
  }

  private async closeClass(): Promise<void> {
    if (!(await confirmed(text("close-class-question"), "close-class"))) return;
    try {
      await this.server.ending();
    } catch {
      this.notices.pass("moderation", text("act-refused"));
    }
  }
}

/** Phones have no screen to share with a page. */
function canShareScreen(): boolean {
  return typeof navigator.mediaDevices?.getDisplayMedia === "function";
}

function make(drawing: Icon, press: () => void): Control {
  const label = el("span");
  const button = el("button", { type: "button", class: "control", onclick: press }, icon(drawing), label);
  return { button, label, drawn: drawing };
}

function redraw(control: Control, drawing: Icon): void {
  if (control.drawn === drawing) return;
  control.drawn = drawing;
  control.button.querySelector("svg")?.replaceWith(icon(drawing));
}
