// Questions to the class: a pupil answers on a card under the picture; the teacher asks, watches the counts and
// shows them from the panel. The newest question is the one that counts.
import type { Room } from "livekit-client";
import { el, say } from "../dom";
import { everybody, isPupil, nameOf } from "../room";
import { text } from "../texts";
import type { Acts } from "./acts";
import type { Poll, RoomState, View } from "./state";
import type { Section, Tools } from "./tools";

/** Longest question and answer, in characters; the server holds the same bounds. */
const longest = { question: 300, choice: 120 };
const [fewest, most] = [2, 6];

function newest(view: View): [string, Poll] | undefined {
  return Object.entries(view.polls).sort(([one], [other]) => Number(other) - Number(one))[0];
}

function choicesOf(poll: Poll): readonly string[] {
  return poll.choices.length > 0 ? poll.choices : [text("yes"), text("no")];
}

/** How often each answer was chosen, as bars with numbers beside them. */
function results(poll: Poll): HTMLElement {
  const counts = poll.counts ?? [];
  const sum = Math.max(1, ...(poll.several ? counts : [counts.reduce((total, count) => total + count, 0)]));
  return el(
    "ul",
    { class: "results" },
    ...choicesOf(poll).map((choice, place) => {
      const count = counts[place] ?? 0;
      const right = poll.right?.includes(place) ?? false;
      const row = el(
        "li",
        { class: right ? "result right" : "result" },
        el("span", { class: "result-choice" }, choice, right ? ` · ${text("right-answer")}` : undefined),
        el("span", { class: "result-count" }, String(count)),
        el("span", { class: "result-bar", "aria-hidden": "true" }),
      );
      row.style.setProperty("--share", String(count / sum));
      return row;
    }),
  );
}

/** The card that pupils and visitors see. */
export class PollCard {
  private shown = "";
  private asked = "";
  private sending = Promise.resolve(true);
  private readonly news = el("p", { class: "heard", role: "status" });

  constructor(
    state: RoomState,
    private readonly place: HTMLElement,
    private readonly acts: Acts,
    private readonly answers: boolean,
  ) {
    place.after(this.news);
    state.follow((view) => this.draw(view));
  }

  private draw(view: View): void {
    const found = newest(view);
    const visible = found && (found[1].open || found[1].shown) ? found : undefined;
    this.place.hidden = visible === undefined;
    if (!visible) {
      this.asked = this.shown = "";
      this.place.replaceChildren();
      return;
    }
    const [id, poll] = visible;
    const own = view.me?.answers[id] ?? [];
    // A form in which somebody chooses stays as it stands; only what changed is drawn anew.
    const asked = `${id} ${poll.open}`;
    if (this.asked !== asked) {
      if (this.asked.split(" ")[0] !== id) say(this.news, text("poll-news", { question: poll.question }));
      this.asked = asked;
      this.shown = "";
      this.place.replaceChildren(poll.open && this.answers ? this.form(id, poll) : el("h2", {}, poll.question || text("poll")));
      this.place.append(el("div", { class: "poll-below" }));
    }
    const shown = JSON.stringify([own, poll.counts, poll.right]);
    if (this.shown === shown) return;
    this.shown = shown;
    this.place.querySelectorAll("input").forEach((input) => (input.checked = own.includes(Number(input.value))));
    const below = this.place.querySelector(".poll-below");
    const state = !this.answers ? "" : !poll.open ? text("poll-closed") : own.length > 0 ? text("poll-answered") : "";
    const chosen = !poll.open && own.length > 0 ? text("poll-own", { answer: own.map((place) => choicesOf(poll)[place] ?? "").join(", ") }) : "";
    below?.replaceChildren(...[state, chosen].filter((words) => words !== "").map((words) => el("p", { class: "tool-hint" }, words)), ...(poll.counts ? [results(poll)] : []));
  }

  private form(id: string, poll: Poll): HTMLElement {
    const inputs = choicesOf(poll).map((choice, place) => {
      const input = el("input", { type: poll.several ? "checkbox" : "radio", name: "poll", value: String(place) });
      return { input, label: el("label", { class: "poll-choice" }, input, el("span", {}, choice)) };
    });
    const form = el("fieldset", { class: "poll-form" }, el("legend", {}, poll.question || text("poll")), ...inputs.map(({ label }) => label));
    if (poll.several) form.append(el("p", { class: "tool-hint" }, text("poll-several")));
    form.addEventListener("change", () => {
      const choices = inputs.filter(({ input }) => input.checked).map(({ input }) => Number(input.value));
      // One after the other, so that the last choice is the one that stands. Nothing chosen is no answer.
      if (choices.length > 0) this.sending = this.sending.then(() => this.acts.post(`/polls/${id}/answer`, { choices }));
    });
    return form;
  }
}

/** The teacher's side. */
export class PollDesk {
  private readonly section: Section;
  private readonly running = el("div", { class: "poll-running" });
  private readonly form: HTMLFormElement;
  private shown = "";

  constructor(
    private readonly state: RoomState,
    tools: Tools,
    private readonly acts: Acts,
    private readonly room: Room,
  ) {
    this.section = tools.section("poll");
    this.form = this.askForm();
    this.section.body.append(this.running, this.form);
    state.follow(() => this.refresh());
  }

  /** Draws anew; also when somebody comes or leaves, because of who has not answered. */
  refresh(): void {
    const view = this.state.view;
    const found = view && newest(view);
    this.form.hidden = found?.[1].open ?? false;
    if (!found) {
      this.section.says("");
      this.running.replaceChildren();
      return;
    }
    const [id, poll] = found;
    const answered = poll.answered ?? {};
    const pupils = everybody(this.room).filter(isPupil);
    const missing = pupils.filter((pupil) => !(pupil.identity in answered)).map(nameOf);
    const count = Object.keys(answered).length;
    const shown = JSON.stringify([id, poll, missing]);
    if (shown === this.shown) return;
    this.shown = shown;
    this.section.says(poll.open ? text("poll-count", { count }) : "");
    const act = (words: string, path: string, body: object = {}): HTMLElement =>
      el("button", { type: "button", class: "button", onclick: () => void this.acts.post(`/polls/${id}${path}`, body) }, words);
    const buttons = [
      poll.open ? act(text("poll-close"), "/closure") : undefined,
      act(text(poll.shown ? "poll-hide" : "poll-show"), "/results", { shown: !poll.shown }),
    ];
    const focused = [...this.running.querySelectorAll("button")].findIndex((button) => button === document.activeElement);
    this.running.replaceChildren(
      el("h3", {}, poll.question || text("poll")),
      results(poll),
      poll.open ? el("p", { class: "tool-hint" }, missing.length === 0 ? text("poll-all-answered") : text("poll-missing", { names: missing.join(", ") })) : el("p", { class: "tool-hint" }, text("poll-closed")),
      el("div", { class: "tool-row" }, ...buttons),
    );
    // Whoever pressed a button keeps the focus on it, or on what stands in its place.
    if (focused >= 0) {
      const now = this.running.querySelectorAll("button");
      now[Math.min(focused, now.length - 1)]?.focus();
    }
  }

  private askForm(): HTMLFormElement {
    const question = el("textarea", { id: "poll-question", rows: "2", maxlength: String(longest.question) });
    const list = el("div", { class: "poll-choices" });
    const more = el("button", { type: "button", class: "button quiet", onclick: () => add().focus() }, text("poll-more"));
    const add = (): HTMLInputElement => {
      const place = list.childElementCount + 1;
      const field = el("input", { type: "text", maxlength: String(longest.choice), "aria-label": text("poll-choice", { place }), autocomplete: "off" });
      const right = el("label", { class: "poll-right" }, el("input", { type: "checkbox", "aria-label": text("poll-right-place", { place }) }), el("span", { "aria-hidden": "true" }, text("poll-right")));
      list.append(el("div", { class: "poll-line" }, field, right));
      more.hidden = list.childElementCount >= most;
      return field;
    };
    for (let place = 0; place < fewest; place++) add();
    const several = el("input", { type: "checkbox", id: "poll-many" });
    const custom = el("div", { class: "poll-custom", hidden: true }, list, more, el("p", { class: "tool-check" }, several, el("label", { for: several.id }, text("poll-allow-several"))));
    const kind = (value: string, label: string, checked: boolean): HTMLElement => {
      const input = el("input", { type: "radio", name: "poll-kind", value, checked });
      input.addEventListener("change", () => (custom.hidden = value !== "choices"));
      return el("label", { class: "poll-kind" }, input, el("span", {}, label));
    };
    const form = el(
      "form",
      { class: "poll-ask" },
      el("label", { for: question.id }, text("poll-question")),
      question,
      el("fieldset", { class: "poll-kinds" }, el("legend", {}, text("poll-kind")), kind("yes-no", text("poll-yes-no"), true), kind("choices", text("poll-custom"), false)),
      custom,
      el("button", { type: "submit", class: "button" }, text("poll-ask")),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const lines = custom.hidden ? [] : [...list.children].map((line) => line.querySelectorAll("input")).filter(([field]) => (field?.value.trim() ?? "") !== "");
      const right = lines.flatMap(([, box], place) => (box?.checked ? [place] : []));
      const asked = { question: question.value, choices: lines.map(([field]) => field?.value ?? ""), several: !custom.hidden && several.checked, right };
      void this.acts.post("/polls", asked).then((done) => {
        if (!done) return;
        form.reset();
        custom.hidden = true;
        list.replaceChildren();
        for (let place = 0; place < fewest; place++) add();
        // The form has gone; what it made stands above it.
        this.section.root.querySelector<HTMLElement>("summary")?.focus();
      });
    });
    return form;
  }
}
