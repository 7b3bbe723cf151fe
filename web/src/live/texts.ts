// The sentences of the live page. They come from the server in `<script id="texts">`, translated
// and in the form of address of the person; none is written in the code.
//
// `TextKey` is derived from the French file, so that a key which does not exist does not compile.
import type french from "../../texts/live.fr.json";

export type TextKey = keyof typeof french;

let sentences: Partial<Record<string, string>> = {};

/** Reads the sentences from the document; throws an `Error` when they are absent or not JSON. */
export function readTexts(): void {
  const holder = document.getElementById("texts");
  if (!holder) throw new Error('live page: no <script type="application/json" id="texts">');
  sentences = JSON.parse(holder.textContent ?? "") as Record<string, string>;
}

/** The sentence for `key`, with `{name}` replaced; the key itself if the server sent none. */
export function text(key: TextKey, values: Record<string, string | number> = {}): string {
  return (sentences[key] ?? key).replace(/\{(\w+)\}/g, (hole, name: string) => String(values[name] ?? hole));
}

/** Hour and minute as people of that language write them: "8 h 05", "08:05". */
export function hour(moment: Date, language: string): string {
  const minutes = String(moment.getMinutes()).padStart(2, "0");
  return language === "fr"
    ? `${moment.getHours()}\u00a0h\u00a0${minutes}`
    : `${String(moment.getHours()).padStart(2, "0")}:${minutes}`;
}
