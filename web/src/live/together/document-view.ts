// The document that everybody sees. The teacher turns its pages for all; everybody else may look back on their
// own, is told where the teacher is, and goes back there with one press. Its text stands unseen over the picture of
// the page, for whoever listens to it.
import { el, heard, icon, say } from "../dom";
import type { Notices } from "../notices";
import type { LivePage } from "../page";
import type { LessonServer } from "../server";
import { text } from "../texts";
import type { Acts } from "./acts";
import { openPaper, type Pages } from "./paper";
import type { RoomState, Shown, View } from "./state";

/** Steps of the zoom; 1 is the whole page in its place. */
const zooms = [1, 1.25, 1.5, 2, 3, 4] as const;
/** The share of the window's height that a whole page may take. */
const tallest = 0.72;
/** A page narrower than this is hard to read, in CSS pixels. */
const readable = 520;
/** How long the window has to keep its size before the page is drawn anew, in milliseconds. */
const settling = 150;

export class DocumentView {
  private readonly title = el("h2");
  private readonly apart = el("a", { class: "button quiet", target: "_blank", rel: "noopener" }, text("document-open-apart"));
  private readonly view = el("div", { class: "document-view", tabindex: "0", role: "group" });
  private readonly where = el("span", { class: "document-place", role: "status" });
  private readonly level = el("span", { class: "document-level", role: "status" });
  private readonly away = el("div", { class: "document-away" });
  private readonly awayWords = el("p", { role: "status" });
  private readonly buttons: { readonly before: HTMLButtonElement; readonly after: HTMLButtonElement; readonly smaller: HTMLButtonElement; readonly larger: HTMLButtonElement };

  private shown: Shown | undefined;
  private pages: Pages | undefined;
  private loading: AbortController | undefined;
  /** The page before this person's eyes. */
  private current = 1;
  /** Whether it goes with the teacher's. */
  private follows = true;
  private zoom = 0;
  private drawn = "";
  private timer = 0;
  /** The page that the teacher's next request is for, while one is on its way. */
  private wanted: number | undefined;
  private turning = false;
  /** The event that the last turn became: what is told before it is older than what this page shows. */
  private turned = 0;

  constructor(
    private readonly page: LivePage,
    private readonly state: RoomState,
    private readonly acts: Acts,
    private readonly server: LessonServer,
    private readonly notices: Notices,
  ) {
    const turn = (drawing: "before" | "after", step: number): HTMLButtonElement =>
      el("button", { type: "button", class: "document-turn", "aria-label": text(`page-${drawing}`), onclick: () => this.turnTo(this.current + step) }, icon(drawing));
    const size = (words: "zoom-in" | "zoom-out", step: number): HTMLButtonElement =>
      el("button", { type: "button", class: "document-turn", "aria-label": text(words), onclick: () => this.zoomTo(this.zoom + step) }, icon(words === "zoom-in" ? "plus" : "minus"));
    this.buttons = { before: turn("before", -1), after: turn("after", 1), smaller: size("zoom-out", -1), larger: size("zoom-in", 1) };
    const close = el("button", { type: "button", class: "button", onclick: () => void this.acts.post("/document/end") }, text("document-close"));
    this.away.append(this.awayWords, el("button", { type: "button", class: "button", onclick: () => this.goBack() }, text("page-back")));
    this.away.hidden = true;
    page.document.append(
      el("div", { class: "document-head" }, this.title, this.apart, this.teaches() ? close : undefined),
      // Above the page, so that turning it is at hand however long it is.
      el("div", { class: "document-bar" }, this.buttons.before, this.where, this.buttons.after, this.buttons.smaller, this.level, this.buttons.larger),
      this.away,
      this.view,
    );
    page.document.addEventListener("keydown", (event) => this.press(event));
    let width = 0;
    new ResizeObserver(() => {
      const now = this.page.document.clientWidth;
      if (now === 0 || Math.abs(now - width) < 2) return;
      width = now;
      this.drawSoon();
    }).observe(page.document);
    state.follow((view) => this.follow(view));
  }

  private teaches(): boolean {
    return this.page.role === "teacher";
  }

  /** Small children have no buttons to turn pages with: they see the teacher's. */
  private simple(): boolean {
    return this.page.root.dataset["simple"] === "on";
  }

  private follow(view: View): void {
    // One thing is before the class: the board lies over the document.
    const next = view.board ? undefined : view.document;
    const before = this.shown;
    this.shown = next;
    this.page.root.dataset["document"] = next || view.board ? "shown" : "none";
    this.page.document.hidden = next === undefined;
    if (!next) {
      if (before) this.putAway(!view.board);
      return;
    }
    if (next.token !== before?.token) {
      this.putAway(false);
      this.current = next.page;
      this.follows = true;
      say(this.title, next.name);
      this.apart.href = this.server.documentAddress(next.token);
      this.apart.setAttribute("aria-label", text("document-open-apart-name", { name: next.name }));
      if (!this.teaches()) this.notices.pass("document", text("document-news", { name: next.name }));
      void this.load(next);
    } else if (this.simple()) {
      this.current = next.page;
      this.follows = true;
    } else if (this.follows && this.wanted === undefined && this.state.number >= this.turned) this.current = next.page;
    this.draw();
  }

  private putAway(told = true): void {
    this.loading?.abort();
    this.loading = undefined;
    this.pages?.close();
    this.pages = undefined;
    this.drawn = "";
    this.zoom = 0;
    this.view.replaceChildren();
    if (told && !this.teaches()) this.notices.pass("document", text("document-gone"));
  }

  private async load(shown: Shown): Promise<void> {
    const mine = (this.loading = new AbortController());
    const words = el("p", {}, text("document-comes", { percent: 0 }));
    this.view.replaceChildren(words);
    try {
      const bytes = await this.server.document(shown.token, (share) => say(words, text("document-comes", { percent: Math.round(share * 100) })), mine.signal);
      if (mine.signal.aborted) return;
      say(words, text("document-drawn", { page: this.current }));
      const pages = await openPaper(this.page, bytes);
      if (mine.signal.aborted) return pages.close();
      this.pages = pages;
      this.draw();
    } catch (error) {
      if (mine.signal.aborted) return;
      const lost = error instanceof Error && "status" in error;
      this.view.replaceChildren(
        el("p", {}, text(lost ? "document-lost" : "document-failed"), " ", lost ? el("button", { type: "button", class: "button", onclick: () => void this.load(shown) }, text("try-again")) : undefined),
      );
    }
  }

  /** Words, buttons and, where it changed, the picture. */
  private draw(): void {
    const shown = this.shown;
    if (!shown) return;
    say(this.where, text("page-of", { page: this.current, count: shown.pages }));
    say(this.level, text("zoom-level", { percent: Math.round((zooms[this.zoom] ?? 1) * 100) }));
    this.view.setAttribute("aria-label", text("document-view", { name: shown.name, page: this.current, count: shown.pages }));
    const dim = (button: HTMLButtonElement, end: boolean): void => button.setAttribute("aria-disabled", String(end));
    dim(this.buttons.before, this.current <= 1);
    dim(this.buttons.after, this.current >= shown.pages);
    dim(this.buttons.smaller, this.zoom === 0);
    dim(this.buttons.larger, this.zoom === zooms.length - 1);
    const away = !this.teaches() && !this.follows && this.current !== shown.page;
    this.away.hidden = !away;
    say(this.awayWords, away ? text("page-away", { page: shown.page }) : "");
    void this.paint(shown);
  }

  private drawSoon(): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.draw(), settling);
  }

  private async paint(shown: Shown): Promise<void> {
    const pages = this.pages;
    const place = this.view.clientWidth;
    if (!pages || place === 0) return;
    // A server that was told of more pages than there are shows the last.
    const number = Math.min(this.current, pages.count);
    const natural = await pages.size(number);
    const whole = Math.min(place, (window.innerHeight * tallest * natural.width) / natural.height);
    // To be read is worth more than to be seen whole.
    const width = Math.floor(Math.max(whole, Math.min(place, readable)) * (zooms[this.zoom] ?? 1));
    const wish = `${shown.token} ${number} ${width}`;
    if (wish === this.drawn || pages !== this.pages) return;
    const turned = !this.drawn.startsWith(`${shown.token} ${number} `);
    this.drawn = wish;
    // As high as the whole page, with the border around it.
    const height = Math.ceil((Math.max(whole, Math.min(place, readable)) * natural.height) / natural.width) + 2;
    this.view.style.maxHeight = `${Math.max(Math.floor(window.innerHeight * tallest), height)}px`;
    try {
      const drawn = await pages.draw(number, width);
      if (!drawn || wish !== this.drawn) return;
      this.view.replaceChildren(drawn.root, ...(drawn.hasText ? [] : [heard(text("page-picture"))]));
      if (turned) this.view.scrollTo(0, 0);
    } catch {
      if (wish !== this.drawn) return;
      this.drawn = "";
      this.view.replaceChildren(el("p", {}, text("document-failed")));
    }
  }

  private turnTo(page: number): void {
    const shown = this.shown;
    if (!shown || page < 1 || page > shown.pages || page === this.current) return;
    this.current = page;
    if (this.teaches()) void this.turnForAll(page);
    else this.follows = page === shown.page;
    this.draw();
  }

  /** One request at a time, and only the last page that was wished for. */
  private async turnForAll(page: number): Promise<void> {
    this.wanted = page;
    if (this.turning) return;
    this.turning = true;
    let done = true;
    while (done && this.wanted !== undefined) {
      const sent: number = this.wanted;
      const number = await this.acts.numbered("/document/page", { page: sent });
      done = number !== undefined;
      this.turned = number ?? 0;
      if (this.wanted === sent) this.wanted = undefined;
    }
    this.turning = false;
    this.wanted = undefined;
    // What the class sees is what the teacher sees, once it has been told.
    if (this.shown && this.state.number >= this.turned) {
      this.current = this.shown.page;
      this.draw();
    }
  }

  private goBack(): void {
    if (!this.shown) return;
    this.follows = true;
    this.current = this.shown.page;
    this.draw();
    // The button has gone.
    this.view.focus();
  }

  private zoomTo(zoom: number): void {
    if (zooms[zoom] === undefined) return;
    this.zoom = zoom;
    this.draw();
  }

  private press(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey || !this.shown || this.simple()) return;
    const wide = this.view.scrollWidth > this.view.clientWidth + 1;
    const turns: Readonly<Record<string, number | undefined>> = {
      PageDown: this.current + 1,
      PageUp: this.current - 1,
      Home: 1,
      End: this.shown.pages,
      // In a page wider than its place the arrows move the page.
      ...(wide ? {} : { ArrowRight: this.current + 1, ArrowLeft: this.current - 1 }),
    };
    const step = event.key === "+" ? 1 : event.key === "-" ? -1 : 0;
    const page = turns[event.key];
    if (page !== undefined) this.turnTo(page);
    else if (step !== 0) this.zoomTo(this.zoom + step);
    else return;
    event.preventDefault();
  }
}
