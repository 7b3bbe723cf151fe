// Captions as they are read: the last lines over the bar, each replaced while it is still being said, and gone some
// seconds after it was. Who reads by ear or by hand gets whole sentences, a few seconds' worth at a time.
import { el, say } from "../dom";
import type { Segment } from "../../captions";

/** Lines before the eyes at once. */
const most = 3;
/** A line stays for so long after its last change, in milliseconds. */
const staying = 8_000;
/** What is read aloud comes at most this often, in milliseconds. */
const breath = 4_000;
/** Sentences kept for those who read them by ear or by hand. */
const remembered = 20;

interface Line {
  readonly root: HTMLElement;
  final: boolean;
  timer: number;
}

export class CaptionFace {
  private readonly lines = new Map<string, Line>();
  private readonly list = el("div", { class: "captions-lines", "aria-hidden": "true" });
  private readonly log = el("div", { class: "heard", role: "log", "aria-live": "polite" });
  private unread: string[] = [];
  private timer = 0;

  constructor(private readonly place: HTMLElement) {
    place.append(this.list, this.log);
    this.draw();
  }

  /** Shows what was said. */
  receive(segments: readonly Segment[]): void {
    for (const segment of segments) {
      const line = this.lines.get(segment.id) ?? this.begin(segment.id);
      // What came late of a line that was finished changes nothing.
      if (line.final) continue;
      say(line.root, segment.text);
      line.root.classList.toggle("interim", !segment.final);
      line.final = segment.final;
      window.clearTimeout(line.timer);
      line.timer = window.setTimeout(() => this.forget(segment.id), staying);
      if (segment.final) this.readSoon(segment.text);
    }
    this.draw();
  }

  /** Forgets everything at once. */
  clear(): void {
    for (const id of [...this.lines.keys()]) this.forget(id);
    this.unread = [];
    this.log.replaceChildren();
  }

  private begin(id: string): Line {
    const line: Line = { root: el("p"), final: false, timer: 0 };
    this.lines.set(id, line);
    this.list.append(line.root);
    for (const old of [...this.lines.keys()].slice(0, -most)) this.forget(old);
    return line;
  }

  private forget(id: string): void {
    const line = this.lines.get(id);
    window.clearTimeout(line?.timer);
    line?.root.remove();
    this.lines.delete(id);
    this.draw();
  }

  private readSoon(words: string): void {
    this.unread.push(words);
    if (this.timer !== 0) return;
    this.timer = window.setTimeout(() => {
      this.timer = 0;
      if (this.unread.length > 0) this.log.append(el("p", {}, this.unread.join(" ")));
      this.unread = [];
      while (this.log.childElementCount > remembered) this.log.firstElementChild?.remove();
    }, breath);
  }

  private draw(): void {
    this.place.classList.toggle("empty", this.lines.size === 0);
  }
}
