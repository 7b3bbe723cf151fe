// Building elements by hand: one function for elements, one for the few icons, one for the question
// "are you sure". Text is only ever set as text, never as markup, so that a name or a chat message
// cannot become an element.
import { text, type TextKey } from "./texts";

type Child = Node | string | undefined;

/** An element with properties (`class` and attributes by name, `on…` handlers) and children. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Record<string, string | boolean | ((event: Event) => void)> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false) made.setAttribute(name, value);
  }
  for (const child of children) if (child !== undefined) made.append(child);
  return made;
}

/** Drawn on a 24-unit square with round strokes; see `.icon` in live.css. */
const drawings = {
  microphone: "M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3zM6 11a6 6 0 0 0 12 0M12 17v4",
  microphoneOff: "M9 9v2a3 3 0 0 0 5 2M15 10V6a3 3 0 0 0-6-.5M6 11a6 6 0 0 0 9.500 5M18 11v1M12 17v4M4 4l16 16",
  camera: "M4 7h10a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V8a1 1 0 0 1 1-1zM15 11l6-3v8l-6-3",
  cameraOff: "M9 7h5a1 1 0 0 1 1 1v4l6-4v8M15 16a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V8a1 1 0 0 1 1-1M4 4l16 16",
  hand: "M8 13V6a1.500 1.500 0 0 1 3 0v5V4.500a1.500 1.500 0 0 1 3 0V11V6a1.500 1.500 0 0 1 3 0v9a6 6 0 0 1-6 6c-3 0-4.500-2-6-5l-1.500-3a1.400 1.400 0 0 1 2.500-1z",
  chat: "M4 5h16v11H10l-4 4v-4H4z",
  settings: "M4 7h9M17 7h3M15 5v4M4 12h3M11 12h9M9 10v4M4 17h11M19 17h1M17 15v4",
  leave: "M14 4h5v16h-5M4 12h10M10 8l4 4-4 4",
  more: "M6 12h.01M12 12h.01M18 12h.01",
} as const;

export type Icon = keyof typeof drawings;

/** An icon that says nothing to a screen reader: the words beside it do. */
export function icon(name: Icon): SVGSVGElement {
  const space = "http://www.w3.org/2000/svg";
  const picture = document.createElementNS(space, "svg");
  picture.setAttribute("viewBox", "0 0 24 24");
  picture.setAttribute("class", "icon");
  picture.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", drawings[name]);
  picture.append(path);
  return picture;
}

/** Words for the ear only. */
export function heard(words: string): HTMLElement {
  return el("span", { class: "heard" }, words);
}

/** Sets the text of an element only when it differs, so that live regions do not repeat it. */
export function say(target: Element, words: string): void {
  if (target.textContent !== words) target.textContent = words;
}

/** Asks before what cannot be taken back; resolves to whether the person said yes. */
export function confirmed(question: string, yes: TextKey): Promise<boolean> {
  return new Promise((resolve) => {
    const dialog = el(
      "dialog",
      { class: "question", "aria-labelledby": "question-words" },
      el("p", { id: "question-words" }, question),
      el(
        "form",
        { method: "dialog", class: "question-answers" },
        el("button", { value: "no", class: "button" }, text("cancel")),
        el("button", { value: "yes", class: "button danger" }, text(yes)),
      ),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    // The browser keeps the focus inside, gives it back afterwards and closes on Escape.
    dialog.showModal();
  });
}
