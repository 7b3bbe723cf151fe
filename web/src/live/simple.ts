// The live lesson for small children: the teacher's picture, and a few large buttons with a drawing and one word.
//
// It is the same lesson: buttons press what the bar under the lesson has, and what the teacher has not allowed is not
// there at all. What is left for the grown-up beside stands folded away.
import { el, icon, say, type Icon } from "./dom";
import type { LivePage } from "./page";
import type { Source } from "./room";
import { text, type TextKey } from "./texts";

/** What the buttons press. */
export interface Presses {
  readonly hand: () => void;
  readonly heart: () => Promise<boolean>;
  readonly source: (source: Source) => void;
  readonly settings: () => void;
  readonly leave: () => void;
}

/** How things stand. */
export interface Standing {
  readonly raised: boolean;
  /** Whether the child may open it, and whether it is open. */
  readonly source: (source: Source) => { readonly allowed: boolean; readonly on: boolean };
}

/** How long a heart stays lit, in milliseconds. */
const lit = 2_000;

export class SimpleView {
  private readonly hand: HTMLButtonElement;
  private readonly heart: HTMLButtonElement;
  private readonly sources: ReadonlyMap<Source, HTMLButtonElement>;
  private readonly sent = el("span", { class: "heard", role: "status" });
  private timer = 0;

  constructor(
    private readonly page: LivePage,
    presses: Presses,
  ) {
    const button = (drawing: Icon, word: TextKey, press: () => void): HTMLButtonElement => el("button", { type: "button", class: "simple-button", onclick: press }, icon(drawing), el("span", {}, text(word)));
    this.hand = button("hand", "simple-hand", presses.hand);
    this.sources = new Map(
      (["microphone", "camera"] as const).map((source) => [source, button(source, `simple-${source}`, () => presses.source(source))]),
    );
    this.heart = button("heart", "simple-heart", () => void presses.heart().then((done) => done && this.light()));
    this.heart.classList.add("heart");
    const adult = el(
      "details",
      { class: "simple-adult" },
      el("summary", {}, text("simple-adult")),
      el("div", {}, el("button", { type: "button", class: "button", onclick: presses.settings }, text("settings")), el("button", { type: "button", class: "button", onclick: presses.leave }, text("leave"))),
    );
    page.simple.append(el("div", { class: "simple-buttons" }, this.hand, ...this.sources.values(), this.heart), adult, this.sent);
  }

  /** Whether the page looks like this now. */
  show(simple: boolean): void {
    this.page.root.dataset["simple"] = simple ? "on" : "off";
  }

  refresh({ raised, source }: Standing): void {
    const stand = (button: HTMLButtonElement, on: boolean): void => {
      button.setAttribute("aria-pressed", String(on));
      button.classList.toggle("on", on);
    };
    stand(this.hand, raised);
    for (const [one, button] of this.sources) {
      const { allowed, on } = source(one);
      button.hidden = !allowed;
      stand(button, on);
    }
  }

  private light(): void {
    this.heart.classList.add("on");
    say(this.sent, text("simple-sent"));
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      this.heart.classList.remove("on");
      say(this.sent, "");
    }, lit);
  }
}
