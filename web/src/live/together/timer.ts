// The timer: everybody sees it in the head of the lesson, the teacher sets it in the panel. The server says when
// it ends; the page counts, by the server's clock.
import { el, heard, icon, say } from "../dom";
import type { Notices } from "../notices";
import { text } from "../texts";
import type { Acts } from "./acts";
import type { RoomState, Timer, View } from "./state";
import type { Section, Tools } from "./tools";

/** Lengths that one press is enough for, in minutes. */
const usual = [1, 2, 5, 10, 15] as const;
/** A timer that has run out is shown for so long, in milliseconds. */
const lingering = 60_000;

export class TimerFace {
  private readonly digits = el("span", { class: "timer-digits" });
  private readonly wait = heard("");
  private timer: Timer | undefined;
  private section: Section | undefined;
  private told: number | undefined;

  constructor(
    private readonly state: RoomState,
    private readonly place: HTMLElement,
    private readonly notices: Notices,
    private readonly ended: () => void,
  ) {
    place.setAttribute("role", "timer");
    place.append(icon("timer"), heard(text("timer")), this.digits, this.wait);
    state.follow((view) => this.follow(view));
    window.setInterval(() => this.draw(), 250);
  }

  /** The teacher's side. */
  steer(tools: Tools, acts: Acts): void {
    const section = (this.section = tools.section("timer"));
    const start = (minutes: number): void => void acts.post("/timer", { seconds: Math.round(minutes * 60) });
    const presets = usual.map((minutes) => el("button", { type: "button", class: "choice", onclick: () => start(minutes) }, text("minutes", { count: minutes })));
    const own = el("input", { id: "timer-minutes", type: "number", min: "1", max: "240", value: "20", inputmode: "numeric" });
    const form = el("form", { class: "tool-row" }, el("label", { for: own.id }, text("timer-own")), own, el("button", { type: "submit", class: "button" }, text("timer-start")));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      start(own.valueAsNumber);
    });
    const pause = el("button", { type: "button", class: "button", onclick: () => void acts.post("/timer/pause", { paused: this.timer?.ends_at !== undefined }) });
    const end = el("button", { type: "button", class: "button", onclick: () => void acts.post("/timer/end") }, text("timer-end"));
    const running = el("div", { class: "tool-row" }, pause, end);
    section.body.append(el("div", { class: "choices", role: "group", "aria-label": text("timer-length") }, ...presets), form, running);
    this.state.follow((view) => {
      running.hidden = view.timer === undefined;
      say(pause, text(view.timer?.ends_at === undefined ? "timer-resume" : "timer-pause"));
    });
  }

  private follow(view: View): void {
    const fresh = view.timer?.ends_at;
    // A timer that had run out before this page came has been told to those who were there.
    if (fresh !== undefined && fresh !== this.timer?.ends_at) this.told = fresh <= this.state.now() ? fresh : undefined;
    this.timer = view.timer;
    this.draw();
  }

  private draw(): void {
    const timer = this.timer;
    const left = timer && (timer.left ?? (timer.ends_at ?? 0) - this.state.now());
    const gone = left !== undefined && left <= 0;
    this.place.hidden = left === undefined || left < -lingering;
    if (left === undefined) {
      this.section?.says("");
      return;
    }
    const words = clock(Math.max(0, left));
    say(this.digits, words);
    say(this.wait, timer?.left === undefined ? "" : text("timer-paused"));
    this.section?.says(words);
    this.place.classList.toggle("paused", timer?.left !== undefined);
    this.place.classList.toggle("over", gone);
    if (gone && timer?.ends_at !== undefined && this.told !== timer.ends_at) {
      this.told = timer.ends_at;
      this.notices.pass("timer", text("timer-over"));
      this.ended();
    }
  }
}

/** "4:05", from an hour on "1:04:05"; a second that has begun counts as whole. */
function clock(milliseconds: number): string {
  const seconds = Math.ceil(milliseconds / 1_000);
  const two = (value: number): string => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}
