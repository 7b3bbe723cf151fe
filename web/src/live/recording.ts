// That the lesson is recorded, for everybody to see from the first moment to the last; for the teacher the button
// that begins and ends it. Whether it is recorded, the media server itself tells, also to who comes later or back;
// what of it is recorded, and who may record, Préau tells. On a LiveKit server its recorder begins seconds late, and only
// when there is something to record: until then the teacher reads that it is starting. A group is a room of its own, which is never
// recorded: whoever sits in one while the lesson is recorded reads that.
import { RoomEvent, type Room } from "livekit-client";
import { confirmed, el, icon, say } from "./dom";
import type { Notices } from "./notices";
import type { LivePage } from "./page";
import { Refused, type LessonServer } from "./server";
import { text } from "./texts";

/** Topic of the packet that tells the groups that the lesson's recording began or ended, as the server knows it. */
const topic = "preau.recording";

/** How the recording stands, as `recording.json` says. */
export interface Standing {
  readonly on: boolean;
  readonly voices: boolean;
  readonly may: boolean;
  readonly not?: "off" | "engine";
  /** What is said in the first seconds may be missing. */
  readonly late?: boolean;
  /** Something of the recording that runs is missing, and is tried again. */
  readonly trouble?: boolean;
  readonly ended?: "teacher" | "lesson" | "length" | "space" | "setting" | "restart" | "failure";
}

/** Endings that the teacher did not choose and should hear of. */
const worthSaying = ["length", "space", "setting", "failure"] as const;

/** Reasons of the server that the teacher can do something about. */
const refusals = ["recording-no-space", "recording-too-many", "recording-nobody", "recording-off", "recording-egress"] as const;

export class Recording {
  readonly button: HTMLButtonElement | undefined;
  private readonly label = el("span");
  private standing: Standing | undefined;
  private busy = false;
  private asked = 0;
  /** What was said of it last. */
  private told = "";

  constructor(
    private readonly page: LivePage,
    private readonly room: Room,
    private readonly server: LessonServer,
    private readonly notices: Notices,
    /** The group whose room the page is in; 0: with the class. */
    private readonly here: () => number,
  ) {
    if (page.role === "teacher") {
      this.button = el("button", { type: "button", class: "control record", onclick: () => void this.press() }, icon("record"), this.label);
      this.button.hidden = true;
    }
    room.on(RoomEvent.RecordingStatusChanged, () => void this.ask());
    room.on(RoomEvent.DataReceived, (_payload, participant, _kind, of) => {
      if (of === topic && participant === undefined) void this.ask();
    });
  }

  /** The page is in the room, or in it again. */
  arrived(): void {
    void this.ask();
  }

  /** Whether the class is recorded while this page sits in a group, which is not. */
  private get apart(): boolean {
    return this.here() > 0 && !this.room.isRecording && (this.standing?.on ?? false);
  }

  /** Whether a recording has been begun, as its teacher knows, and nothing is recorded yet, or just now. */
  private get starting(): boolean {
    return this.button !== undefined && (this.standing?.late ?? false) && (this.standing?.on ?? false) && !this.room.isRecording && !this.apart;
  }

  private async ask(): Promise<void> {
    const number = (this.asked += 1);
    const { on: was = false, trouble = false } = this.standing ?? {};
    this.draw();
    // Of a lesson that is not recorded only its teacher needs to know more.
    if (!this.room.isRecording && this.page.role !== "teacher" && this.here() === 0) return this.tell();
    const standing = await this.server.recording().catch(() => undefined);
    if (number !== this.asked) return;
    if (standing) this.standing = standing;
    this.draw();
    this.tell();
    if (!standing) return;
    if (this.button && standing.trouble && !trouble) this.notices.keep("recording", text("recording-trouble"), "dismiss");
    const why = worthSaying.find((one) => one === standing.ended);
    if (this.button && was && !standing.on && why) this.notices.keep("recording", text(`recording-ended-${why}`), "dismiss");
  }

  /** Says it to everybody, also to those who do not see the sign. */
  private tell(): void {
    const sign = this.room.isRecording || this.apart || this.starting ? (this.page.recording.textContent ?? "") : "";
    // Said once, when it begins; the sign stays short.
    const words = this.room.isRecording ? this.withLate(sign) : sign;
    if (words === this.told) return;
    this.told = words;
    if (words) this.notices.pass("recorded", words);
    else if (!this.button) this.notices.pass("recorded", text("recording-over"));
    else this.notices.clear("recorded");
  }

  private draw(): void {
    const { apart, starting } = this;
    const on = this.room.isRecording || apart || starting;
    this.page.recording.hidden = !on;
    this.page.recording.classList.toggle("apart", apart);
    say(this.page.recording, on ? this.words() : "");
    if (!this.button) return;
    this.button.hidden = !this.standing || this.standing.not === "off";
    this.button.setAttribute("aria-disabled", String(this.busy || !this.standing?.may));
    this.button.classList.toggle("on", on);
    say(this.label, text(on ? "recording-end" : "recording-begin"));
  }

  private words(): string {
    if (this.apart) return text("recording-not-groups");
    if (this.starting) return text("recording-starting");
    // While it is not known what is recorded, the sign says the most there can be.
    const voices = this.standing?.voices ?? true;
    return text(voices ? "recording-on-voices" : "recording-on");
  }

  private withLate(words: string): string {
    return this.standing?.late ? `${words} ${text("recording-late")}` : words;
  }

  private async press(): Promise<void> {
    if (this.busy || !this.standing) return;
    if (!this.standing.may) {
      this.notices.pass("recording", text("recording-not-here"));
      return;
    }
    const on = this.room.isRecording || this.apart || this.starting;
    const question = this.withLate(text(this.standing.voices ? "recording-question-voices" : "recording-question"));
    if (!on && !(await confirmed(question, "recording-begin"))) return;
    this.busy = true;
    this.draw();
    try {
      await this.server.record(!on);
      this.notices.clear("recording");
      if (on) this.notices.pass("recording", text("recording-kept"));
    } catch (error) {
      const reason = refusals.find((one) => error instanceof Refused && error.reason === one);
      this.notices.keep("recording", text(reason ?? "recording-failed"), "dismiss");
    } finally {
      this.busy = false;
      await this.ask();
    }
  }
}
