// The board before the class. What draws it is fetched with the first board; the document stays in step while the board
// is open, and is let go when it is put away. What is written on it stands in a list below, for whoever listens and
// for browsers that cannot show it.
import { RoomEvent, type Room } from "livekit-client";
import type { Board, Paper, Thing } from "../../board";
import { fontsOf, loadBoard } from "../../board/loading";
import type { Step } from "../../board/paper";
import { wordsOn } from "../../board/words";
import { confirmed, el, heard, say } from "../dom";
import type { Notices } from "../notices";
import type { LivePage } from "../page";
import { Refused, type LessonServer } from "../server";
import { text } from "../texts";
import type { Acts } from "./acts";
import { Pointers } from "./pointers";
import type { RoomState, View } from "./state";

/** Topic of the packets, as the server knows it. */
const topic = "preau.board";
/** How often what others draw is shown, in milliseconds: a weak phone has other things to do as well. */
const beat = 100;
/** How soon a drawing that could not be sent goes again, in milliseconds. */
const again = 2_000;
/** One board from its being opened to its being put away. */
interface Opened {
  paper?: Paper;
  board?: Board;
}

export class BoardView {
  private readonly title = el("h2", { tabindex: "-1" }, text("board"));
  private readonly surface = el("div", { class: "board-surface" });
  private readonly words = el("p", { class: "board-words", role: "status" });
  private readonly count = el("summary");
  private readonly texts = el("ul");
  private readonly fit = el("button", { type: "button", class: "button quiet", onclick: () => this.opened?.board?.fit() }, text("board-fit"));

  private readonly pointers: Pointers;
  private opened: Opened | undefined;
  private lent: boolean | undefined;
  private timer = 0;
  private whole = false;

  constructor(
    private readonly page: LivePage,
    room: Room,
    state: RoomState,
    acts: Acts,
    private readonly server: LessonServer,
    private readonly notices: Notices,
  ) {
    const teacher = page.role === "teacher";
    const wipe = async (): Promise<void> => {
      if (await confirmed(text("board-wipe-question"), "board-wipe")) await acts.post("/board/wiping");
    };
    const hint = heard(text("board-leave"));
    hint.id = "board-leave";
    page.board.append(
      el(
        "div",
        { class: "board-head" },
        this.title,
        this.fit,
        teacher ? el("button", { type: "button", class: "button quiet", onclick: () => void wipe() }, text("board-wipe")) : undefined,
        teacher ? el("button", { type: "button", class: "button", onclick: () => void acts.post("/board/switch", { open: false }) }, text("board-close")) : undefined,
      ),
      hint,
      this.words,
      el("div", { class: "board-view", role: "group", "aria-label": text("board-surface"), "aria-describedby": hint.id }, this.surface),
      el("details", { class: "board-texts" }, this.count, this.texts),
    );
    room.on(RoomEvent.DataReceived, (payload, participant, _kind, of) => {
      // Only the server's: a participant's are not believed.
      if (of !== topic || participant !== undefined || !this.opened?.paper) return;
      try {
        this.opened.paper.receive(JSON.parse(new TextDecoder().decode(payload)) as Step);
      } catch {
        void this.opened.paper.ask();
      }
    });
    this.pointers = new Pointers(room, server, (hands) => this.opened?.board?.point(hands));
    state.follow((view, before) => this.follow(view, before));
  }

  /** A connection stands: what was missed is asked for. */
  arrived(): void {
    void this.opened?.paper?.ask();
  }

  private follow(view: View, before: View | undefined): void {
    const teacher = this.page.role === "teacher";
    this.page.board.hidden = !view.board;
    if (!view.board) {
      if (this.opened && !teacher) this.notices.pass("board", text("board-gone"));
      this.putAway();
      return;
    }
    const may = teacher || (this.page.role === "pupil" && view.board.all !== (view.me?.apart ?? false));
    if (!this.opened) {
      if (!teacher) this.notices.pass("board", text(may ? "board-lent" : "board-news"));
      void this.open();
    } else if (before && may !== this.lent) this.notices.pass("board", text(may ? "board-lent" : "board-taken"));
    this.lent = may;
    this.opened?.board?.lend(may);
    if (before?.board && JSON.stringify(before.board) !== JSON.stringify(view.board)) this.pointers.clear();
  }

  private async open(): Promise<void> {
    const mine: Opened = (this.opened = {});
    say(this.words, text("board-comes"));
    this.drawTexts([]);
    try {
      const parts = this.page.parts;
      const bundle = await loadBoard(parts);
      if (mine !== this.opened) return;
      const paper = new bundle.Paper(
        {
          read: (known) => this.server.board(known),
          send: (sheet, update) => this.server.draw(sheet, update),
          failed: (error) => this.failed(error),
          waiting: (waiting) => !waiting && this.notices.clear("board-sending"),
        },
        (whole) => this.showSoon(mine, whole),
      );
      mine.paper = paper;
      void paper.ask();
      const board = await bundle.open(this.surface, {
        language: this.page.language,
        menu: text("board-help"),
        fonts: fontsOf(parts),
        drawn: (changes) => paper.draw(changes),
        pointed: (place) => this.pointers.move(place),
        left: () => {
          this.count.focus();
          // The page of small children has no list.
          if (document.activeElement !== this.count) this.title.focus();
        },
      });
      if (mine !== this.opened) return board.close();
      mine.board = board;
      board.lend(this.lent ?? false);
      say(this.words, "");
      this.showSoon(mine, true);
    } catch {
      if (mine !== this.opened) return;
      // The list of texts goes on where only the drawing failed.
      if (mine.paper) say(this.words, text("board-broken"));
      else this.words.replaceChildren(text("board-failed"), " ", el("button", { type: "button", class: "button", onclick: () => void this.open() }, text("try-again")));
    }
  }

  private putAway(): void {
    const { paper, board } = this.opened ?? {};
    this.opened = undefined;
    this.lent = undefined;
    window.clearTimeout(this.timer);
    this.timer = 0;
    this.pointers.clear();
    paper?.close();
    board?.close();
    this.notices.clear("board-sending");
  }

  private showSoon(mine: Opened, whole: boolean): void {
    this.whole ||= whole;
    if (this.timer !== 0) return;
    this.timer = window.setTimeout(() => {
      this.timer = 0;
      if (mine !== this.opened || !mine.paper) return;
      const things = mine.paper.things();
      this.drawTexts(things);
      if (!mine.board) return;
      mine.board.show(things, this.whole);
      this.whole = false;
    }, beat);
  }

  /** What is written, from the top to the bottom. */
  private drawTexts(things: readonly Thing[]): void {
    const lines = wordsOn(things);
    say(this.count, text("board-texts", { count: lines.length }));
    const shown = [...this.texts.children].map((line) => line.textContent);
    const wished = lines.length > 0 ? lines : [text("board-no-texts")];
    if (shown.length === wished.length && shown.every((line, place) => line === wished[place])) return;
    this.texts.replaceChildren(...wished.map((line) => el("li", {}, line)));
  }

  private failed(error: unknown): number | "anew" {
    const { status, reason } = error instanceof Refused ? error : { status: 0, reason: undefined };
    if (status === 429 || status === 503 || status === 0 || status >= 500) {
      if (status !== 429) this.notices.keep("board-sending", text("board-unsent"));
      return again;
    }
    if (reason !== "room-board-behind") this.notices.pass("board", text(reason === "room-board-full" ? "board-full" : "board-refused"));
    return "anew";
  }
}
