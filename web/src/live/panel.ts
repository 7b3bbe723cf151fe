// What stands in the middle while there is no lesson to show: waiting, ready to open, ended,
// removed. A heading, a sentence, at most two ways on. It takes the focus when the lesson gives way
// to it, so that a screen reader says what happened.
import { createAudioAnalyser, Track, type LocalAudioTrack, type LocalTrack } from "livekit-client";
import { el } from "./dom";
import { text } from "./texts";

export interface Way {
  readonly label: string;
  readonly go: string | (() => void);
  readonly primary?: boolean;
}

export class Panel {
  private readonly root: HTMLElement;
  private stopMeter: (() => void) | undefined;

  constructor(before: HTMLElement) {
    this.root = el("section", { class: "panel", hidden: true, "aria-labelledby": "panel-title" });
    before.before(this.root);
  }

  show(title: string, sentence: string, ways: readonly Way[], focus: boolean): void {
    this.clear();
    const heading = el("h2", { id: "panel-title", tabindex: "-1" }, title);
    this.root.append(
      heading,
      el("p", {}, sentence),
      el(
        "p",
        { class: "panel-ways" },
        ...ways.map(({ label, go, primary }) => {
          const kind = primary ? "button primary" : "button";
          return typeof go === "string" ? el("a", { class: kind, href: go }, label) : el("button", { type: "button", class: kind, onclick: go }, label);
        }),
      ),
    );
    this.root.hidden = false;
    if (focus) heading.focus();
  }

  /** Keeps the room that the preview will take, so that nothing moves when it comes. */
  expectPreview(): void {
    this.root.append(el("div", { class: "preview" }));
  }

  /** Shows the teacher's own picture and a bar that moves with the voice. */
  preview(tracks: readonly LocalTrack[]): void {
    const place = this.root.querySelector(".preview");
    this.stopMeter?.();
    this.stopMeter = undefined;
    const parts: HTMLElement[] = [];
    const camera = tracks.find((track) => track.source === Track.Source.Camera);
    if (camera) {
      const video = camera.attach() as HTMLVideoElement;
      video.classList.add("mirror");
      video.setAttribute("aria-label", text("own-picture"));
      parts.push(video);
    }
    const microphone = tracks.find((track) => track.source === Track.Source.Microphone);
    if (microphone) parts.push(this.meter(microphone as LocalAudioTrack));
    if (parts.length > 0) place?.replaceChildren(...parts);
    else place?.remove();
  }

  clear(): void {
    this.stopMeter?.();
    this.stopMeter = undefined;
    this.root.replaceChildren();
    this.root.hidden = true;
  }

  private meter(track: LocalAudioTrack): HTMLElement {
    const bar = el("meter", { min: "0", max: "1", id: "own-voice" });
    const { calculateVolume, cleanup } = createAudioAnalyser(track);
    const timer = window.setInterval(() => (bar.value = calculateVolume()), 120);
    this.stopMeter = () => {
      window.clearInterval(timer);
      void cleanup();
    };
    return el("p", { class: "voice" }, el("label", { for: bar.id }, text("own-voice")), bar);
  }
}
