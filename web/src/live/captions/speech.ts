// The browser's own recognition of speech (Web Speech API), made to last as long as a lesson: it is started again
// when it ends by itself, and given up when it ends at once again and again.
//
// What it hears it may send to the browser's vendor. Where the browser has the language on the device, that is asked
// for, and `onDevice` says so.
import type { Segment } from "../../captions";

interface Recognition extends EventTarget {
  continuous: boolean;
  interimResults: boolean;
  lang: string;
  processLocally?: boolean;
  start(): void;
  abort(): void;
}

interface RecognitionMaker {
  new (): Recognition;
  available?(wish: { readonly langs: readonly string[]; readonly processLocally: boolean }): Promise<string>;
}

interface Heard extends Event {
  readonly resultIndex: number;
  readonly results: ArrayLike<ArrayLike<{ readonly transcript: string }> & { readonly isFinal: boolean }>;
}

/** Why recognition was given up. */
export type SpeechFault = "forbidden" | "failed";

/** A pause before it is started again, in milliseconds. */
const pause = 300;
/** So many ends without a word between them are a failure. */
const mostEnds = 20;
/** Longest piece that is passed on, in characters. */
const longest = 500;

function maker(): RecognitionMaker | undefined {
  const place = window as unknown as Record<string, RecognitionMaker | undefined>;
  return place["SpeechRecognition"] ?? place["webkitSpeechRecognition"];
}

/** Whether this browser recognises speech at all. */
export function hearsSpeech(): boolean {
  return maker() !== undefined;
}

/** Whether it does so without sending the sound anywhere. */
export async function onDevice(language: string): Promise<boolean> {
  try {
    return (await maker()?.available?.({ langs: [language], processLocally: true })) === "available";
  } catch {
    return false;
  }
}

export class Speech {
  private recognition: Recognition | undefined;
  private run = 0;
  private ends = 0;
  private timer = 0;
  /** Parts of names of segments, so that two lessons' or two pages' never meet. */
  private readonly name = Math.random().toString(36).slice(2, 10);

  constructor(
    private readonly language: string,
    private readonly local: () => boolean,
    private readonly heard: (segments: readonly Segment[]) => void,
    private readonly failed: (fault: SpeechFault) => void,
  ) {}

  /** Listens, if it does not already. */
  start(): void {
    if (this.recognition) return;
    const Made = maker();
    if (!Made) return this.failed("failed");
    const recognition = (this.recognition = new Made());
    const run = ++this.run;
    recognition.continuous = true;
    recognition.interimResults = true;
    recognition.lang = this.language;
    if (this.local()) recognition.processLocally = true;
    recognition.addEventListener("result", (event) => {
      this.ends = 0;
      const { results, resultIndex } = event as Heard;
      const segments: Segment[] = [];
      for (let place = resultIndex; place < results.length; place++) {
        const result = results[place];
        const words = result?.[0]?.transcript.trim().slice(0, longest);
        if (result && words) segments.push({ id: `${this.name}-${run}-${place}`, text: words, final: result.isFinal });
      }
      if (segments.length > 0 && recognition === this.recognition) this.heard(segments);
    });
    recognition.addEventListener("error", (event) => {
      const reason = (event as Event & { readonly error?: string }).error;
      if (recognition !== this.recognition) return;
      if (reason === "not-allowed" || reason === "service-not-allowed") this.giveUp("forbidden");
      else if (reason === "language-not-supported") this.giveUp("failed");
    });
    recognition.addEventListener("end", () => {
      if (recognition !== this.recognition) return;
      this.recognition = undefined;
      if (++this.ends > mostEnds) return this.giveUp("failed");
      this.timer = window.setTimeout(() => this.start(), pause);
    });
    try {
      recognition.start();
    } catch {
      this.giveUp("failed");
    }
  }

  stop(): void {
    window.clearTimeout(this.timer);
    const recognition = this.recognition;
    this.recognition = undefined;
    this.ends = 0;
    recognition?.abort();
  }

  private giveUp(fault: SpeechFault): void {
    this.stop();
    this.failed(fault);
  }
}
