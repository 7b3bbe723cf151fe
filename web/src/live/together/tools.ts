// The panel behind the one button "Outils": a few sections, one open at a time.
// Beside the lesson on a large window, in the chat's place; a sheet over the tiles on a phone. What the class
// sees stays in the lesson, so that a closed panel hides nothing from anybody.
import { el, icon, say } from "../dom";
import { text, type TextKey } from "../texts";

/** A part of the panel. */
export class Section {
  readonly root: HTMLDetailsElement;
  readonly body: HTMLElement;
  private readonly state: HTMLElement;

  constructor(title: TextKey, opened: (open: boolean) => void) {
    this.state = el("span", { class: "tool-state" });
    this.body = el("div", { class: "tool-body" });
    this.root = el("details", { class: "tool", name: "tools" }, el("summary", {}, el("span", {}, text(title)), this.state), this.body);
    this.root.addEventListener("toggle", () => opened(this.root.open));
  }

  /** A word on how it stands, beside its title. */
  says(words: string, urgent = false): void {
    say(this.state, words);
    this.state.classList.toggle("urgent", urgent);
  }
}

export class Tools {
  readonly button: HTMLButtonElement;
  private readonly label = el("span");
  private readonly sections: Section[] = [];
  private news = 0;

  constructor(
    private readonly root: HTMLElement,
    private readonly place: HTMLElement,
    private readonly title: TextKey,
  ) {
    const close = el("button", { type: "button", class: "tools-close", "aria-label": text("tools-close"), onclick: () => this.show(false) }, icon("close"));
    place.append(el("div", { class: "tools-head" }, el("h2", { tabindex: "-1" }, text(title)), close));
    this.button = el("button", { type: "button", class: "control", "aria-controls": place.id, onclick: () => this.show(!this.isShown()) }, icon("tools"), this.label);
    document.addEventListener("keydown", (event) => {
      // Whoever presses a button that then goes is nowhere; that counts as here. A dialog closes itself first.
      const here = event.target === document.body || place.contains(event.target as Node);
      if (event.key === "Escape" && here && this.isShown()) this.show(false);
    });
    this.show(false, false);
  }

  /** Adds a section; `opened` is called when it is unfolded or folded. */
  section(title: TextKey, opened: (open: boolean) => void = () => undefined): Section {
    const made: Section = new Section(title, (open) => {
      // Browsers that do not know exclusive details yet.
      if (open) for (const other of this.sections) if (other !== made) other.root.open = false;
      // What is at the foot of the panel unfolds into sight.
      if (open && this.isShown()) made.root.scrollIntoView({ block: "nearest" });
      opened(open);
    });
    this.sections.push(made);
    this.place.append(made.root);
    return made;
  }

  isShown(): boolean {
    return this.root.dataset["tools"] === "shown";
  }

  /** Shows the panel with this section open. */
  open(section: Section): void {
    this.show(true);
    section.root.open = true;
    section.root.querySelector<HTMLElement>("summary")?.focus();
  }

  /** How much waits in the panel, shown on the button while the panel is closed. */
  count(news: number): void {
    this.news = news;
    this.draw();
  }

  private show(shown: boolean, focus = true): void {
    this.root.dataset["tools"] = shown ? "shown" : "hidden";
    this.place.hidden = !shown;
    this.button.setAttribute("aria-expanded", String(shown));
    if (focus && shown) this.place.querySelector<HTMLElement>("h2")?.focus();
    if (focus && !shown) this.button.focus();
    this.draw();
  }

  private draw(): void {
    const news = this.isShown() ? 0 : this.news;
    say(this.label, news > 0 ? `${text(this.title)} (${news})` : text(this.title));
    this.button.classList.toggle("unread", news > 0);
  }
}
