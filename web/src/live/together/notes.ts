// The notes of the class: everybody reads them, the teacher writes them, pupils too when the teacher allows it.
//
// What is typed is sent a moment later, one request at a time. While one is on its way nothing of others is
// put in; when its event has come, what was typed meanwhile is put into what the server has then. The server
// does the same, so nobody's words are lost and nobody's text jumps.
import { el, say } from "../dom";
import type { Notices } from "../notices";
import { Refused, type LessonServer } from "../server";
import { text } from "../texts";
import type { Acts } from "./acts";
import { inOrder, keyed, moved, resolved, textOf, type Line } from "./lines";
import type { RoomState, View } from "./state";
import type { Tools } from "./tools";

/** How long after the last key what was typed is sent, in milliseconds. */
const breath = 600;

export class Notes {
  private readonly field: HTMLTextAreaElement;
  private readonly hint = el("p", { class: "tool-hint", role: "status" });
  /** What the text was made from: the server's lines, or what is on its way to it. */
  private base: Line[] = [];
  private timer = 0;
  /** The number that the event on its way has, once it is known. */
  private sent: "on-its-way" | number | undefined;

  constructor(
    private readonly state: RoomState,
    tools: Tools,
    acts: Acts,
    private readonly server: LessonServer,
    private readonly notices: Notices,
    teacher: boolean,
  ) {
    const section = tools.section("notes");
    this.field = el("textarea", { id: "notes-field", rows: "10", spellcheck: "true" });
    section.body.append(el("label", { for: this.field.id, class: "heard" }, text("notes-of-class")), this.field, this.hint);
    if (teacher) {
      const box = el("input", { type: "checkbox", id: "notes-open" });
      box.addEventListener("change", () => void acts.post("/notes/switch", { open: box.checked }));
      section.body.append(el("p", { class: "tool-check" }, box, el("label", { for: box.id }, text("notes-switch"))));
      state.follow((view) => (box.checked = view.notes_open));
    }
    this.field.addEventListener("input", () => this.sendSoon());
    state.follow((view) => {
      const writes = teacher || view.notes_open;
      this.field.readOnly = !writes;
      say(this.hint, teacher ? "" : text(writes ? "notes-write" : "notes-read"));
      this.follow(view);
    });
  }

  /** Takes in what the server has, with what is typed here put into it. */
  private follow(view: View): void {
    if (this.sent === "on-its-way" || (this.sent !== undefined && this.state.number < this.sent)) return;
    this.sent = undefined;
    const mine = keyed(this.base, this.field.value);
    const lines = inOrder(view.notes);
    this.base = lines;
    this.show(mine.lines, resolved(lines, mine.edits));
    if (mine.edits.length > 0) this.sendSoon();
  }

  /** Shows lines in place of others, and leaves the caret in the line and at the word where it was. */
  private show(before: readonly Line[], after: readonly Line[]): void {
    const [old, now] = [this.field.value, textOf(after)];
    if (old === now) return;
    const [from, to] = [this.place(before, after, this.field.selectionStart), this.place(before, after, this.field.selectionEnd)];
    const scroll = this.field.scrollTop;
    this.field.value = now;
    if (document.activeElement === this.field) this.field.setSelectionRange(from, to);
    this.field.scrollTop = scroll;
  }

  private place(before: readonly Line[], after: readonly Line[], caret: number): number {
    let column = caret;
    for (const line of before) {
      if (column > line.text.length) {
        column -= line.text.length + 1;
        continue;
      }
      const at = after.findIndex(({ key }) => key === line.key);
      const found = after[at];
      if (!found) break;
      return textOf(after.slice(0, at)).length + (at > 0 ? 1 : 0) + moved(column, line.text, found.text);
    }
    return Math.min(caret, textOf(after).length);
  }

  private sendSoon(): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.send(), breath);
  }

  private async send(): Promise<void> {
    // What is typed meanwhile goes with the next one.
    if (this.sent !== undefined) return;
    const { lines, edits } = keyed(this.base, this.field.value);
    if (edits.length === 0) return;
    const before = this.base;
    this.sent = "on-its-way";
    this.base = lines;
    let failed = false;
    try {
      this.sent = await this.server.notes(edits);
      this.notices.clear("notes");
    } catch (error) {
      failed = true;
      this.sent = undefined;
      this.base = before;
      const refused = error instanceof Refused && error.status === 409;
      this.notices.keep("notes", text(refused ? "notes-refused" : "notes-unsent"), { label: text("try-again"), run: () => void this.send() });
    }
    if (this.state.view) this.follow(this.state.view);
    // What failed goes again with the next key or when it is asked for, not by itself.
    if (failed) window.clearTimeout(this.timer);
  }
}
