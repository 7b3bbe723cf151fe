// The teacher's side of the board: showing it, and who of the class may draw.
import type { Room } from "livekit-client";
import { el } from "../dom";
import { everybody, isPupil, nameOf } from "../room";
import { text } from "../texts";
import type { Acts } from "./acts";
import type { RoomState, View } from "./state";
import type { Section, Tools } from "./tools";

export class BoardDesk {
  private readonly section: Section;
  private readonly button = el("button", { type: "button", class: "button", id: "board-switch", onclick: () => void this.acts.post("/board/switch", { open: !this.state.view?.board }) });
  private readonly all = el("input", { type: "checkbox", id: "board-all" });
  private readonly some = el("ul", { class: "board-pupils" });
  private readonly rights = el("div", { class: "board-rights" });

  constructor(
    private readonly state: RoomState,
    tools: Tools,
    private readonly acts: Acts,
    private readonly room: Room,
  ) {
    this.section = tools.section("board", () => this.refresh());
    this.all.addEventListener("change", () => void this.lend(this.all));
    this.rights.append(el("p", { class: "tool-check" }, this.all, el("label", { for: this.all.id }, text("board-all"))), el("p", { class: "tool-hint", id: "board-some" }, text("board-some")), this.some);
    this.some.setAttribute("aria-labelledby", "board-some");
    this.section.body.append(this.button, el("p", { class: "tool-hint" }, text("board-hint")), this.rights);
    state.follow((view) => this.draw(view));
  }

  /** Somebody came or left. */
  refresh(): void {
    if (this.state.view) this.draw(this.state.view);
  }

  private async lend(box: HTMLInputElement, person?: string): Promise<void> {
    const done = await this.acts.post("/board/loan", { ...(person === undefined ? {} : { person }), may: box.checked });
    if (!done) this.refresh();
  }

  private draw({ board }: View): void {
    this.section.says(board ? text("board-shown") : "");
    this.button.textContent = text(board ? "board-close" : "board-open");
    // Rights are given when there is a board to draw on.
    this.rights.hidden = !board;
    if (!board) return;
    this.all.checked = board.all;
    const pupils = everybody(this.room).filter(isPupil).sort((one, other) => nameOf(one).localeCompare(nameOf(other)));
    const focused = document.activeElement?.id;
    this.some.replaceChildren(
      ...(pupils.length > 0 ? [] : [el("li", { class: "tool-hint" }, text("board-nobody"))]),
      ...pupils.map((pupil) => {
        const box = el("input", { type: "checkbox", id: `board-for-${pupil.identity}` });
        box.checked = board.all !== (board.except?.[pupil.identity] ?? false);
        box.addEventListener("change", () => void this.lend(box, pupil.identity));
        return el("li", { class: "tool-check" }, box, el("label", { for: box.id }, nameOf(pupil)));
      }),
    );
    if (focused?.startsWith("board-for-")) document.getElementById(focused)?.focus();
  }
}
