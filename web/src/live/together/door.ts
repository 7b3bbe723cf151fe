// The teacher's door: locked or open, and who waits before it.
import { el, say } from "../dom";
import type { Notices } from "../notices";
import type { LessonServer } from "../server";
import { text } from "../texts";
import type { Acts } from "./acts";
import type { RoomState, View } from "./state";
import type { Section, Tools } from "./tools";

export class Door {
  private readonly section: Section;
  private readonly lock: HTMLButtonElement;
  private readonly meaning = el("p", { class: "tool-hint" });
  private readonly list = el("ul", { class: "lobby" });
  private readonly all: HTMLButtonElement;
  private readonly removed = el("div", { hidden: true });
  private shown = "";

  constructor(
    state: RoomState,
    private readonly tools: Tools,
    private readonly acts: Acts,
    private readonly notices: Notices,
    private readonly server: LessonServer,
  ) {
    this.section = tools.section("door", (open) => open && void this.drawRemovals());
    this.lock = el("button", { type: "button", class: "button", onclick: () => void acts.post("/lock", { locked: !state.view?.locked }) });
    this.all = el("button", { type: "button", class: "button", onclick: () => void acts.post("/admissions") }, text("let-all-in"));
    this.section.body.append(this.meaning, this.lock, this.list, this.all, this.removed);
    state.follow((view, before) => this.draw(view, before));
  }

  /** How many wait. */
  get waiting(): number {
    return this.list.childElementCount;
  }

  /** Who was sent out and why; asked for when somebody looks. */
  private async drawRemovals(): Promise<void> {
    const removals = await this.server.removals().catch(() => []);
    this.removed.hidden = removals.length === 0;
    this.removed.replaceChildren(
      el("h3", {}, text("removals")),
      el("ul", { class: "removals" }, ...removals.map(({ name, reason }) => el("li", {}, el("b", {}, name), reason === "" ? undefined : ` · ${reason}`))),
    );
  }

  private draw(view: View, before: View | undefined): void {
    say(this.lock, text(view.locked ? "unlock" : "lock"));
    say(this.meaning, text(view.locked ? "locked-hint" : "unlocked-hint"));
    const waiting = Object.entries(view.lobby ?? {}).sort(([, one], [, other]) => one.since - other.since);
    this.section.says(waiting.length > 0 ? text("lobby-count", { count: waiting.length }) : text(view.locked ? "locked" : "unlocked"), waiting.length > 0);
    this.all.hidden = waiting.length < 2;
    const shown = JSON.stringify(waiting);
    if (shown === this.shown) return;
    this.shown = shown;
    this.list.replaceChildren(
      ...waiting.map(([person, { name }]) =>
        el(
          "li",
          {},
          el("span", {}, name),
          el("button", { type: "button", class: "button", "aria-label": text("let-in-name", { name }), onclick: () => void this.acts.post("/admissions", { person }) }, text("let-in")),
        ),
      ),
    );
    const known = before?.lobby ?? {};
    const fresh = waiting.filter(([person]) => !(person in known)).map(([, { name }]) => name);
    if (waiting.length === 0) this.notices.clear("lobby");
    else if (fresh.length > 0) {
      const words = waiting.length === 1 ? text("lobby-one", { name: fresh[0] ?? "" }) : text("lobby-several", { names: waiting.map(([, { name }]) => name).join(", ") });
      this.notices.keep("lobby", words, { label: text("look"), run: () => this.tools.open(this.section) });
    }
  }
}
