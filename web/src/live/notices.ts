// Short sentences over the lesson, which they never push aside: what happened, what it means, what to do. One place, announced
// politely to screen readers. A notice has a subject; a new one on the same subject replaces the old.
import { el } from "./dom";
import { text } from "./texts";

export interface NoticeAction {
  readonly label: string;
  readonly run: () => void;
}

export class Notices {
  private readonly shown = new Map<string, HTMLElement>();
  private readonly timers = new Map<string, number>();

  constructor(private readonly place: HTMLElement) {
    place.setAttribute("aria-live", "polite");
    place.setAttribute("role", "status");
  }

  /** Shows a notice that stays until `clear`; with an action, or to be dismissed. */
  keep(subject: string, words: string, action?: NoticeAction | "dismiss"): void {
    this.show(subject, words, action);
  }

  /** Shows a notice that leaves by itself; only for what needs no answer. */
  pass(subject: string, words: string): void {
    this.show(subject, words);
    this.timers.set(subject, window.setTimeout(() => this.clear(subject), 10_000));
  }

  clear(subject: string): void {
    window.clearTimeout(this.timers.get(subject));
    this.timers.delete(subject);
    this.shown.get(subject)?.remove();
    this.shown.delete(subject);
  }

  private show(subject: string, words: string, action?: NoticeAction | "dismiss"): void {
    const before = this.shown.get(subject);
    if (before && before.dataset["words"] === words) return;
    this.clear(subject);
    const answers = action && [
      action === "dismiss" ? undefined : el("button", { type: "button", class: "button", onclick: () => action.run() }, action.label),
      el("button", { type: "button", class: "button quiet", onclick: () => this.clear(subject) }, text("dismiss")),
    ];
    const notice = el("p", { class: "live-notice", "data-words": words }, el("span", {}, words), ...(answers ?? []));
    this.shown.set(subject, notice);
    this.place.append(notice);
  }
}
