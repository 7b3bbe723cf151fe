// What was before the class beside the teacher's picture: the page of a document, or the board. Both are drawn by the
// bundles of the live lesson, which are fetched when the first one is due; nothing can be changed here.
import type { Board } from "../board";
import { fontsOf, loadBoard, type Parts } from "../board/loading";
import { wordsOn } from "../board/words";
import type { Pages } from "../document";
import type { Shown } from "./room";
import { Trace, type Step } from "./trace";

/** The share of the window's height that a whole page may take. */
const tallest = 0.56;
/** A page narrower than this is hard to read, in CSS pixels. */
const readable = 520;

export function filled(sentence: string | undefined, values: Record<string, string | number>): string {
  return (sentence ?? "").replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}

function say(target: Element, words: string): void {
  if (target.textContent !== words) target.textContent = words;
}

/** The page of a document that was before the class. */
export class PaperScreen {
  private readonly view: HTMLElement;
  private readonly name: HTMLAnchorElement;
  private readonly place: HTMLElement;
  private shown: Shown | undefined;
  private opened: { readonly token: string; pages?: Pages } | undefined;
  private drawn = "";

  constructor(
    private readonly root: HTMLElement,
    private readonly parts: Parts,
    /** Where the recording is. */
    private readonly base: string,
    private readonly words: DOMStringMap,
  ) {
    this.view = root.querySelector<HTMLElement>(".document-view")!;
    this.name = root.querySelector("a")!;
    this.place = root.querySelector<HTMLElement>(".document-place")!;
    new ResizeObserver(() => void this.paint()).observe(root);
  }

  follow(shown: Shown | undefined): void {
    if (shown === this.shown) return;
    this.shown = shown;
    this.root.hidden = !shown;
    if (!shown) return;
    say(this.name, shown.name);
    say(this.place, filled(this.words["page"], { page: shown.page, count: shown.pages }));
    this.view.setAttribute("aria-label", `${shown.name}, ${this.place.textContent}`);
    if (shown.token !== this.opened?.token) {
      this.name.href = `${this.base}/documents/${encodeURIComponent(shown.token)}`;
      void this.load(shown.token, this.name.href);
    }
    void this.paint();
  }

  private async load(token: string, address: string): Promise<void> {
    this.opened?.pages?.close();
    const mine: { readonly token: string; pages?: Pages } = (this.opened = { token });
    this.drawn = "";
    this.tell("documentComes");
    try {
      const answer = await fetch(address);
      if (mine !== this.opened) return;
      if (answer.status === 404) return this.tell("documentGone");
      if (!answer.ok) throw new Error(String(answer.status));
      const [bytes, bundle] = await Promise.all([answer.arrayBuffer(), import(this.parts["document.js"] ?? "") as Promise<typeof import("../document")>]);
      const pages = await bundle.open(bytes, { worker: this.parts["document-worker.js"] ?? "", files: this.parts });
      if (mine !== this.opened) return pages.close();
      mine.pages = pages;
      void this.paint();
    } catch {
      if (mine === this.opened) this.tell("documentFailed");
    }
  }

  private tell(key: string): void {
    const line = document.createElement("p");
    line.textContent = this.words[key] ?? "";
    this.view.replaceChildren(line);
  }

  private async paint(): Promise<void> {
    const [shown, pages, place] = [this.shown, this.opened?.pages, this.view.clientWidth];
    if (!shown || !pages || place === 0 || this.opened?.token !== shown.token) return;
    const number = Math.min(shown.page, pages.count);
    const natural = await pages.size(number);
    const whole = Math.min(place, (window.innerHeight * tallest * natural.width) / natural.height);
    const width = Math.floor(Math.max(whole, Math.min(place, readable)));
    const wish = `${shown.token} ${number} ${width}`;
    if (wish === this.drawn || pages !== this.opened?.pages || shown !== this.shown) return;
    this.drawn = wish;
    try {
      const page = await pages.draw(number, width);
      if (!page || wish !== this.drawn) return;
      this.view.replaceChildren(page.root);
      this.view.scrollTo(0, 0);
    } catch {
      if (wish === this.drawn) this.tell("documentFailed");
    }
  }
}

/** The board that was before the class. */
export class BoardScreen {
  private readonly surface: HTMLElement;
  private readonly count: HTMLElement;
  private readonly texts: HTMLElement;
  private readonly said: HTMLElement;
  private bundle: typeof import("../board") | undefined;
  private trace: Trace | undefined;
  private until = Infinity;
  private board: Board | undefined;
  /** Asked for, and what for when it did not come. */
  private asked = false;
  private opening = false;
  private drawn: ReadonlyMap<string, unknown> | undefined;

  constructor(
    private readonly root: HTMLElement,
    private readonly parts: Parts,
    private readonly address: string,
    private readonly words: DOMStringMap,
  ) {
    this.surface = root.querySelector<HTMLElement>(".board-surface")!;
    this.count = root.querySelector<HTMLElement>("summary")!;
    this.texts = root.querySelector<HTMLElement>("ul")!;
    this.said = root.querySelector<HTMLElement>(".board-words")!;
    root.querySelector("button")!.addEventListener("click", () => this.board?.fit());
  }

  /** Fetches what it is drawn with, and what there is to draw; once. */
  async fetch(): Promise<void> {
    if (this.asked) return;
    this.asked = true;
    say(this.said, this.words["boardComes"] ?? "");
    try {
      const [answer, bundle] = await Promise.all([fetch(this.address, { headers: { Accept: "application/json" } }), loadBoard(this.parts)]);
      if (!answer.ok) throw new Error(String(answer.status));
      const { steps, until } = (await answer.json()) as { readonly steps: readonly Step[]; readonly until?: number };
      this.until = until ?? Infinity;
      this.trace = new Trace(steps);
      this.bundle = bundle;
    } catch {
      say(this.said, this.words["boardFailed"] ?? "");
      // Whoever comes back to it later has perhaps a connection again.
      window.setTimeout(() => (this.asked = false), 10_000);
    }
  }

  /** Shows it as it was at `at`, when it was before the class. */
  follow(open: boolean, at: number): void {
    this.root.hidden = !open;
    if (!open) return;
    void this.fetch();
    if (!this.bundle || !this.trace) return;
    say(this.said, at >= this.until ? (this.words["boardUntil"] ?? "") : "");
    if (!this.board) {
      void this.open(this.bundle);
      return;
    }
    const lies = this.trace.at(at);
    if (lies === this.drawn) return;
    const first = this.drawn === undefined;
    this.drawn = lies;
    const things = this.bundle.soundOf(lies);
    this.board.show(things, first);
    const lines = wordsOn(things);
    say(this.count, filled(this.words["boardTexts"], { count: lines.length }));
    this.count.parentElement!.hidden = lines.length === 0;
    this.texts.replaceChildren(
      ...lines.map((words) => {
        const line = document.createElement("li");
        line.textContent = words;
        return line;
      }),
    );
  }

  private async open(bundle: typeof import("../board")): Promise<void> {
    if (this.opening) return;
    this.opening = true;
    this.board = await bundle.open(this.surface, {
      language: document.documentElement.lang.slice(0, 2),
      menu: this.words["boardHelp"] ?? "",
      fonts: fontsOf(this.parts),
      drawn: () => undefined,
      left: () => this.root.querySelector("button")!.focus(),
    });
  }

  /** What lies on it now, by ids with their versions; for whoever tests it. */
  lies(): string[] {
    return [...(this.drawn ?? [])].map(([id, thing]) => `${id} ${String((thing as { readonly version?: unknown }).version)}`).sort();
  }
}
