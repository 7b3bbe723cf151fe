// The player of a recorded lesson. A recording is many files: what each person sent from each source, from one pause
// to the next. Each person's source is a lane with one element, whose file follows the time; the time itself is the
// script's, so that everything stays in step, and stands still while something that is due does not come.
import { views, type Change, type RoomView } from "./playback/room";
import { BoardScreen, PaperScreen, filled } from "./playback/shown";

interface Piece {
  readonly url: string;
  readonly shows: "microphone" | "camera" | "screen" | "sound";
  readonly person: string;
  readonly name: string;
  readonly leads: boolean;
  /** Milliseconds since the recording began. */
  readonly begins: number;
  readonly length: number;
}
interface Contents {
  readonly length: number;
  readonly tracks: readonly Piece[];
  readonly chat: readonly { readonly at: number; readonly name: string; readonly text: string }[];
  readonly hands: readonly { readonly at: number; readonly name: string; readonly up: boolean }[];
  readonly room: RoomView;
  readonly changes: readonly Change[];
  /** Whether there is a board to be fetched. */
  readonly board: boolean;
}

/** How often elements are brought in step, in milliseconds. */
const beat = 200;
/** Further apart than this, an element is set to its place, in seconds; up to that it plays a little faster or slower. */
const jump = 0.4;
const near = 0.06;
/** A file is fetched this long before it is due, in milliseconds. */
const ahead = 4_000;
/** What an arrow key moves by, in milliseconds. */
const step = 5_000;
/** The board is fetched this long before it is due, in milliseconds: it is more than a file. */
const earlier = 15_000;

class Lane {
  readonly element: HTMLMediaElement;
  readonly figure: HTMLElement | undefined;
  private current: Piece | undefined;

  constructor(
    private readonly pieces: readonly Piece[],
    label: string,
  ) {
    const first = pieces[0]!;
    const picture = first.shows === "camera" || first.shows === "screen";
    this.element = document.createElement(picture ? "video" : "audio");
    this.element.preload = "auto";
    if (this.element instanceof HTMLVideoElement) {
      this.element.playsInline = true;
      this.element.muted = true;
      this.element.setAttribute("aria-label", label);
      this.figure = document.createElement("figure");
      this.figure.className = first.shows;
      const caption = document.createElement("figcaption");
      caption.textContent = label;
      this.figure.append(this.element, caption);
      this.figure.hidden = true;
    }
  }

  /** The piece that is due at `at`, or that soon will be. */
  private due(at: number): Piece | undefined {
    return this.pieces.find((piece) => at < piece.begins + piece.length && at >= piece.begins - ahead);
  }

  /** Whether something of it is to be seen or heard at `at`. */
  isOn(at: number): boolean {
    const piece = this.due(at);
    return piece !== undefined && at >= piece.begins;
  }

  get name(): string {
    return this.pieces[0]!.name;
  }

  get leads(): boolean {
    return this.pieces[0]!.leads;
  }

  /** Whether it has what is due at `at`; what failed is not waited for. */
  isReady(at: number): boolean {
    return !this.isOn(at) || this.element.error !== null || (this.element.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA && !this.element.seeking) || this.element.ended;
  }

  /** Brings it to `at`; `rate` is how fast the time goes, 0 while it stands still. Whether it failed. */
  follow(at: number, rate: number): boolean {
    const piece = this.due(at);
    if (piece !== this.current) {
      this.current = piece;
      if (piece) this.element.src = piece.url;
      else this.element.removeAttribute("src");
      this.element.load();
    }
    const on = piece !== undefined && at >= piece.begins;
    if (this.figure) this.figure.hidden = !on;
    if (!piece) return false;
    const place = Math.max(0, at - piece.begins) / 1_000;
    const off = place - this.element.currentTime;
    if (Math.abs(off) > jump && this.element.readyState >= HTMLMediaElement.HAVE_METADATA && !this.element.seeking && !(this.element.ended && off > 0)) {
      this.element.currentTime = place;
    }
    if (on && rate > 0) {
      const nudge = Math.abs(off) > near && Math.abs(off) <= jump ? Math.sign(off) * 0.05 : 0;
      this.element.playbackRate = rate * (1 + nudge);
      if (this.element.paused && !this.element.ended) void this.element.play().catch(() => undefined);
    } else if (!this.element.paused) {
      this.element.pause();
    }
    return this.element.error !== null;
  }
}

function clock(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1_000);
  const two = (number: number): string => String(number).padStart(2, "0");
  const hours = Math.floor(seconds / 3_600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** A line of what happened, one after the other. */
interface Line {
  readonly at: number;
  readonly name: string;
  readonly text: string;
  readonly kind: "said" | "hand" | "turn";
}

/** What the class wrote, which hands it raised, what it was shown and asked, beside the pictures. */
class Beside {
  private readonly lines: { readonly at: number; readonly line: HTMLElement }[] = [];
  private drawn: RoomView | undefined;

  constructor(
    private readonly contents: Contents,
    private readonly room: ReturnType<typeof views>,
    private readonly words: DOMStringMap,
    private readonly place: (section: string) => HTMLElement,
    go: (at: number) => void,
  ) {
    const log = place("said").querySelector(".log")!;
    const raised = contents.hands.filter(({ up }) => up).map(({ at, name }): Line => ({ at, name, text: words["raised"] ?? "", kind: "hand" }));
    const said = contents.chat.map((message): Line => ({ ...message, kind: "said" }));
    const lines = [...said, ...raised, ...this.turns()].sort((a, b) => a.at - b.at);
    for (const message of lines) {
      const line = document.createElement("li");
      line.className = message.kind;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "button quiet keep";
      button.textContent = clock(message.at);
      button.addEventListener("click", () => go(message.at));
      const name = document.createElement("b");
      name.textContent = message.name;
      line.append(button, " ", name, " ", message.text);
      log.append(line);
      this.lines.push({ at: message.at, line });
    }
    place("said").hidden = lines.length === 0;
  }

  /** What came before the class: each page, and the board. */
  private turns(): Line[] {
    const lines: Line[] = [];
    let before: RoomView = {};
    for (const { at, view } of this.room) {
      const { document: shown, board } = view;
      if (board && !before.board) lines.push({ at, name: this.words["board"] ?? "", text: "", kind: "turn" });
      else if (shown && !board && (before.board || shown.token !== before.document?.token || shown.page !== before.document.page)) {
        lines.push({ at, name: shown.name, text: filled(this.words["page"], { page: shown.page, count: shown.pages }), kind: "turn" });
      }
      before = view;
    }
    return lines;
  }

  /** Shows how it stood at `at`, with the room as it was then. */
  follow(at: number, view: RoomView): void {
    for (const { at: when, line } of this.lines) line.classList.toggle("later", when > at);
    const up = new Set<string>();
    for (const hand of this.contents.hands.filter((one) => one.at <= at)) {
      if (hand.up) up.add(hand.name);
      else up.delete(hand.name);
    }
    const hands = this.place("hands");
    hands.hidden = up.size === 0;
    const names = filled(this.words["hands"] ?? "", { names: [...up].join(", ") });
    if (hands.textContent !== names) hands.textContent = names;
    if (view === this.drawn) return;
    this.drawn = view;
    const { polls = {}, notes = {} } = view;
    const written = Object.keys(notes).sort().map((key) => notes[key] ?? "");
    this.place("written").hidden = written.length === 0;
    this.place("written").querySelector(".notes")!.textContent = written.join("\n");
    const asked = Object.values(polls);
    this.place("asked").hidden = asked.length === 0;
    this.place("asked").querySelector(".polls")!.replaceChildren(...asked.map((poll) => this.poll(poll)));
  }

  private poll(poll: NonNullable<RoomView["polls"]>[string]): HTMLElement {
    const block = document.createElement("div");
    const question = document.createElement("p");
    question.textContent = poll.question;
    const list = document.createElement("ul");
    poll.choices.forEach((choice, place) => {
      const count = poll.counts?.[place];
      const line = document.createElement("li");
      line.textContent = count === undefined ? choice : `${choice} · ${filled(this.words["votes"] ?? "", { count: String(count) })}`;
      list.append(line);
    });
    block.append(question, list);
    return block;
  }
}

class Player {
  private at = 0;
  private playing = false;
  private last = performance.now();
  private readonly lanes: Lane[];
  private readonly room: ReturnType<typeof views>;
  private readonly beside: Beside;
  private readonly paper: PaperScreen;
  private readonly board: BoardScreen;
  private readonly play: HTMLButtonElement;
  private readonly seek: HTMLInputElement;
  private readonly rate: HTMLSelectElement;

  constructor(
    private readonly root: HTMLElement,
    private readonly contents: Contents,
  ) {
    const words = root.dataset;
    const by = new Map<string, Piece[]>();
    for (const piece of contents.tracks) {
      const key = `${piece.person} ${piece.shows}`;
      by.set(key, [...(by.get(key) ?? []), piece]);
    }
    // What the teacher shows comes first, and the screen before the camera.
    const order = ["screen", "camera", "microphone", "sound"];
    const lanes = [...by.values()].sort((a, b) => order.indexOf(a[0]!.shows) - order.indexOf(b[0]!.shows));
    this.lanes = lanes.map((pieces) => {
      const { shows, name } = pieces[0]!;
      return new Lane(pieces, `${(shows === "screen" ? words["screen"] : words["camera"]) ?? ""} · ${name}`);
    });
    const pictures = root.querySelector(".pictures")!;
    for (const { figure, element } of this.lanes) (figure ? pictures : root).append(figure ?? element);
    this.play = root.querySelector<HTMLButtonElement>(".play")!;
    this.seek = root.querySelector<HTMLInputElement>(".seek")!;
    this.rate = root.querySelector<HTMLSelectElement>(".rate")!;
    this.play.addEventListener("click", () => this.setPlaying(!this.playing));
    this.seek.addEventListener("input", () => this.go(Number(this.seek.value)));
    this.seek.addEventListener("keydown", (event) => {
      const by_ = { ArrowRight: step, ArrowUp: step, ArrowLeft: -step, ArrowDown: -step }[event.key];
      if (by_ === undefined) return;
      event.preventDefault();
      this.go(this.at + by_);
    });
    this.room = views(contents.room, contents.changes);
    const parts = JSON.parse(words["parts"] ?? "{}") as Readonly<Record<string, string>>;
    const base = location.pathname;
    this.paper = new PaperScreen(root.querySelector<HTMLElement>(".paper")!, parts, base, words);
    this.board = new BoardScreen(root.querySelector<HTMLElement>(".slate")!, parts, `${base}/board.json`, words);
    this.beside = new Beside(contents, this.room, words, (name) => document.querySelector<HTMLElement>(`.${name}`)!, (at) => this.go(at));
    root.hidden = false;
    this.tick();
    window.setInterval(() => this.tick(), beat);
    Object.defineProperty(window, "__playback", { value: Object.freeze({ at: () => this.at, playing: () => this.playing, board: () => this.board.lies() }) });
  }

  private setPlaying(playing: boolean): void {
    if (playing && this.at >= this.contents.length) this.at = 0;
    this.playing = playing;
    this.play.textContent = (playing ? this.root.dataset["pause"] : this.root.dataset["play"]) ?? "";
    this.last = performance.now();
    this.tick();
  }

  private go(at: number): void {
    this.at = Math.min(this.contents.length, Math.max(0, at));
    this.last = performance.now();
    this.tick();
  }

  private viewAt(at: number): RoomView {
    let [low, high] = [0, this.room.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.room[middle]!.at <= at) low = middle;
      else high = middle;
    }
    return this.room[low]!.view;
  }

  /** One thing is before the class: the board lies over the document. */
  private show(view: RoomView): void {
    const board = view.board !== undefined;
    const paper = board ? undefined : view.document;
    const beside = board || paper !== undefined;
    this.root.querySelector<HTMLElement>(".shown")!.hidden = !beside;
    this.root.querySelector<HTMLElement>(".seen")!.classList.toggle("beside", beside);
    this.paper.follow(paper);
    this.board.follow(board, this.at);
    if (this.contents.board && !board && this.viewAt(this.at + earlier).board) void this.board.fetch();
  }

  private tick(): void {
    const now = performance.now();
    const passed = now - this.last;
    this.last = now;
    const rate = Number(this.rate.value) || 1;
    const ready = this.lanes.every((lane) => lane.isReady(this.at));
    if (this.playing && ready) this.at = Math.min(this.contents.length, this.at + passed * rate);
    if (this.playing && this.at >= this.contents.length) this.setPlaying(false);
    let failed = false;
    for (const lane of this.lanes) failed = lane.follow(this.at, this.playing && ready ? rate : 0) || failed;
    this.root.querySelector<HTMLElement>(".nothing")!.hidden = this.lanes.some((lane) => lane.figure && !lane.figure.hidden);
    const state = this.root.querySelector(".state")!;
    const words = failed ? (this.root.dataset["failed"] ?? "") : "";
    if (state.textContent !== words) state.textContent = words;
    const view = this.viewAt(this.at);
    this.beside.follow(this.at, view);
    this.show(view);
    const where = filled(this.root.dataset["where"] ?? "", { at: clock(this.at), length: clock(this.contents.length) });
    this.root.querySelector(".time")!.textContent = `${clock(this.at)} / ${clock(this.contents.length)}`;
    if (document.activeElement !== this.seek || this.playing) this.seek.value = String(Math.round(this.at));
    this.seek.setAttribute("aria-valuetext", where);
    const heard = this.lanes.filter((lane) => !lane.figure && !lane.leads && lane.isOn(this.at)).map((lane) => lane.name);
    const speaking = this.root.querySelector<HTMLElement>(".speaking")!;
    speaking.hidden = heard.length === 0;
    speaking.textContent = heard.join(", ");
  }
}

const root = document.getElementById("player");
if (root) {
  fetch(root.dataset["contents"] ?? "", { headers: { Accept: "application/json" } })
    .then(async (answer) => {
      if (!answer.ok) throw new Error(String(answer.status));
      new Player(root, (await answer.json()) as Contents);
    })
    .catch(() => {
      root.hidden = false;
      root.querySelector(".state")!.textContent = root.dataset["failed"] ?? "";
    });
}
