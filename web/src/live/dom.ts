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
  screen: "M4 5h16v11H4zM9 20h6M12 13V8M9.500 10l2.500-2.500l2.500 2.500",
  record: "M12 3.500a8.500 8.500 0 1 1 0 17a8.500 8.500 0 0 1 0-17zM12 9a3 3 0 1 1 0 6a3 3 0 0 1 0-6z",
  tools: "M4 5h7v6H4zM14 4l6 6M20 4l-6 6M4 15h7v5H4zM17 14.500a2.750 2.750 0 1 1 0 5.500a2.750 2.750 0 0 1 0-5.500z",
  yes: "M5 13l4.500 4.500L19 7",
  star: "M12 4l2.400 5.200l5.600.600l-4.200 3.800l1.200 5.600l-5-2.900l-5 2.900l1.200-5.600l-4.200-3.800l5.600-.600z",
  smile: "M12 3.500a8.500 8.500 0 1 1 0 17a8.500 8.500 0 0 1 0-17zM8.500 14a4 4 0 0 0 7 0M9 9.500v.500M15 9.500v.500",
  question: "M8.500 9a3.500 3.500 0 1 1 5 3.200c-1 .500-1.500 1.200-1.500 2.300M12 18.500v.300",
  slower: "M11 6l-6 6l6 6M19 6l-6 6l6 6",
  heart: "M12 20.500l-7.300-7.400a4.700 4.700 0 0 1 6.700-6.600l.600.600l.600-.600a4.700 4.700 0 0 1 6.700 6.600z",
  timer: "M12 7a7 7 0 1 1 0 14a7 7 0 0 1 0-14zM12 10v4l2.500 2M9.500 3h5M12 3v4",
  close: "M6 6l12 12M18 6L6 18",
  before: "M14.500 5l-7 7l7 7",
  after: "M9.500 5l7 7l-7 7",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
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

/** Asks for a few words before what cannot be taken back; resolves to the words, or to nothing when the answer is no. */
export function confirmedWith(question: string, label: string, yes: TextKey, longest: number): Promise<string | undefined> {
  const field = el("input", { id: "question-field", type: "text", maxlength: String(longest), autocomplete: "off" });
  const extra = el("p", { class: "question-field" }, el("label", { for: field.id }, label), field);
  return confirmed(question, yes, extra).then((said) => (said ? field.value.trim() : undefined));
}

/** Asks before what cannot be taken back; resolves to whether the person said yes. */
export function confirmed(question: string, yes: TextKey, extra?: HTMLElement): Promise<boolean> {
  return new Promise((resolve) => {
    const dialog = el(
      "dialog",
      { class: "question", "aria-labelledby": "question-words" },
      el("p", { id: "question-words" }, question),
      el(
        "form",
        { method: "dialog", class: "question-answers" },
        extra,
        // Enter in the field means yes: the first button of a form is what it presses.
        extra && el("button", { value: "yes", class: "heard", tabindex: "-1", "aria-hidden": "true" }),
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
