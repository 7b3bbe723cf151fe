// Private words between a pupil and the teachers. Nobody else's page ever gets them.
import { el } from "../dom";
import type { Notices } from "../notices";
import { hour, text } from "../texts";
import type { Acts } from "./acts";
import type { RoomState, View, Word } from "./state";
import type { Section, Tools } from "./tools";

/** Longest word, in characters; the server holds the same bound. */
const longest = 500;

export class Words {
  private readonly section: Section;
  private readonly list = el("div", { class: "words" });
  private known: number | undefined;
  private read = 0;
  private shown = "";
  private readonly threads = new Map<string, HTMLElement>();

  constructor(
    state: RoomState,
    private readonly tools: Tools,
    private readonly acts: Acts,
    private readonly notices: Notices,
    private readonly language: string,
    private readonly teacher: boolean,
    private readonly counted: () => void,
  ) {
    this.section = tools.section(teacher ? "words" : "word-to-teacher", () => this.refresh(state.view));
    if (teacher) {
      const box = el("input", { type: "checkbox", id: "words-open" });
      box.addEventListener("change", () => void acts.post("/words/switch", { open: box.checked }));
      this.section.body.append(el("p", { class: "tool-check" }, box, el("label", { for: box.id }, text("words-switch"))), this.list);
      state.follow((view) => (box.checked = view.words_open));
    } else {
      const form = this.writing("own", "/words", text("word-write"));
      const closed = el("p", { class: "tool-hint" }, text("words-closed"));
      this.section.body.append(el("p", { class: "tool-hint" }, text("word-hint")), this.list, form, closed);
      state.follow((view) => {
        form.hidden = !view.words_open;
        closed.hidden = view.words_open;
      });
    }
    state.follow((view) => this.refresh(view));
  }

  /** Words that nobody has looked at yet. */
  unread = 0;

  private refresh(view: View | undefined): void {
    if (!view) return;
    const words = Object.entries((this.teacher ? view.words : view.me?.words) ?? {}).sort(([one], [other]) => Number(one) - Number(other));
    const theirs = words.filter(([, word]) => (word.from === word.pupil) === this.teacher);
    const latest = Number(words[words.length - 1]?.[0] ?? 0);
    if (this.section.root.open && this.tools.isShown()) this.read = latest;
    // Words from before this page was opened are there to be read, not announced.
    if (this.known === undefined && !this.teacher) this.read = latest;
    this.unread = theirs.filter(([number]) => Number(number) > this.read).length;
    const fresh = theirs.filter(([number]) => Number(number) > Math.max(this.read, this.known ?? Infinity));
    this.known = latest;
    this.section.says(this.unread > 0 ? text("words-new", { count: this.unread }) : "", this.unread > 0);
    if (this.unread === 0) this.notices.clear("words");
    const last = fresh[fresh.length - 1]?.[1];
    if (last) this.notices.keep("words", text(this.teacher ? "word-came" : "word-answered", { name: last.name }), { label: text("read"), run: () => this.tools.open(this.section) });
    this.counted();
    const shown = words.map(([number]) => number).join();
    if (shown === this.shown) return;
    this.shown = shown;
    if (this.teacher) this.drawThreads(words);
    else this.list.replaceChildren(...words.map(([, word]) => this.line(word)));
  }

  /** One thread a pupil; a form in which somebody writes stays as it stands. */
  private drawThreads(words: readonly (readonly [string, Word])[]): void {
    for (const pupil of new Set(words.map(([, word]) => word.pupil))) {
      const own = words.filter(([, word]) => word.pupil === pupil).map(([, word]) => word);
      const name = own.find((word) => word.from === pupil)?.name ?? "";
      let thread = this.threads.get(pupil);
      if (!thread) {
        thread = el("section", { class: "thread", "aria-label": name }, el("div", { class: "thread-words" }), this.writing(pupil, `/participants/${pupil}/words`, text("word-reply", { name })));
        this.threads.set(pupil, thread);
      }
      thread.querySelector(".thread-words")?.replaceChildren(...own.map((word) => this.line(word)));
      if (!thread.isConnected) this.list.append(thread);
    }
  }

  private line(word: Word): HTMLElement {
    const moment = new Date(word.at);
    const mine = (word.from === word.pupil) !== this.teacher;
    return el(
      "p",
      { class: mine ? "message mine" : "message" },
      el("span", { class: "message-author" }, word.name),
      el("time", { datetime: moment.toISOString() }, hour(moment, this.language)),
      el("span", { class: "message-text" }, word.text),
    );
  }

  private writing(id: string, path: string, label: string): HTMLFormElement {
    const field = el("textarea", { id: `word-${id}`, rows: "2", maxlength: String(longest) });
    const form = el("form", { class: "chat-form" }, el("label", { for: field.id }, label), field, el("button", { type: "submit", class: "button" }, text("chat-send")));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const words = field.value.trim();
      if (words === "") return;
      void this.acts.post(path, { text: words }).then((sent) => {
        // Only now: what could not be sent must not be lost.
        if (sent && field.value.trim() === words) field.value = "";
      });
    });
    return form;
  }
}
