// The live page as the server rendered it: where the script finds its places and who is looking.
//
// This is the whole contract with `lesson/live.html`; nothing else in this folder reads a data
// attribute. A page that breaks the contract is refused at once, with the name of what is missing,
// because a half-wired classroom is worse than a plain error.

/** Who is looking, as the server decided; it shapes the interface and grants nothing. */
export type Role = "teacher" | "pupil" | "visitor";

export interface LivePage {
  readonly root: HTMLElement;
  readonly notices: HTMLElement;
  readonly stage: HTMLElement;
  readonly pupils: HTMLElement;
  readonly hands: HTMLElement;
  readonly chat: HTMLElement;
  readonly controls: HTMLElement;
  /** The few large buttons of the page for small children. */
  readonly simple: HTMLElement;
  /** What the class does together: the timer in the head, the question, the signs, the panel of tools. */
  readonly timer: HTMLElement;
  /** Which group this page is in. */
  readonly group: HTMLElement;
  /** The sign that the lesson is recorded. */
  readonly recording: HTMLElement;
  readonly poll: HTMLElement;
  /** What is said, in writing. */
  readonly captions: HTMLElement;
  /** A document that everybody sees. */
  readonly document: HTMLElement;
  /** The board that the class draws on. */
  readonly board: HTMLElement;
  readonly signs: HTMLElement;
  readonly tools: HTMLElement;
  /** The lesson's identifier, only to keep its settings apart from another lesson's. */
  readonly lesson: string;
  /** Path under which every live resource of this lesson lies, without a final slash. */
  readonly base: string;
  /** The same for what the class does together. */
  readonly roomBase: string;
  /** The same for its recording. */
  readonly recordingBase: string;
  /** Where a connection is asked for: `GET` answers a `Ticket`. */
  readonly ticketUrl: string;
  readonly role: Role;
  /** Sent back in `X-CSRF-Token` with everything that changes something. */
  readonly csrf: string;
  /** Where "leave" leads; the day's page unless the server says otherwise. */
  readonly home: string;
  /** Planned beginning and end in milliseconds since 1970, when the server gave them. */
  readonly planned: { readonly starts: number; readonly ends: number } | undefined;
  /** Where what is loaded only when it is used lies, by name; JSON in the page. */
  readonly parts: Readonly<Record<string, string>>;
  /** For how many days what is written is kept with the lesson. */
  readonly keepDays: string;
  /** How captions travel where the platform allows them: in packets of their own, or as streams of text. */
  readonly captionsAs: "packets" | "streams" | undefined;
  /** Whether the school is one for small children: pupils' pages are simple unless a teacher says otherwise. */
  readonly primary: boolean;
  /** Two-letter language of the page. */
  readonly language: string;
}

/** Reads the contract from the document; throws an `Error` naming what is missing. */
export function readPage(): LivePage {
  const root = element("live");
  const ticketUrl = attribute(root, "liveUrl");
  const role = attribute(root, "role");
  if (role !== "teacher" && role !== "pupil" && role !== "visitor") {
    throw new Error(`live page: data-role is "${role}", expected teacher, pupil or visitor`);
  }
  const starts = Date.parse(root.dataset["starts"] ?? "");
  const ends = Date.parse(root.dataset["ends"] ?? "");
  return {
    root,
    notices: element("notices"),
    stage: element("stage"),
    pupils: element("pupils"),
    hands: element("hands"),
    chat: element("chat"),
    controls: element("controls"),
    simple: element("simple"),
    timer: element("timer"),
    group: element("group"),
    recording: element("recording"),
    poll: element("poll"),
    captions: element("captions"),
    document: element("document"),
    board: element("board"),
    signs: element("signs"),
    tools: element("tools"),
    lesson: attribute(root, "lesson"),
    base: ticketUrl.replace(/\.json$/, ""),
    roomBase: ticketUrl.replace(/\/live\.json$/, "/room"),
    recordingBase: ticketUrl.replace(/\/live\.json$/, "/recording"),
    ticketUrl,
    role,
    csrf: attribute(root, "csrf"),
    home: root.dataset["home"] ?? "/today",
    planned: ends > starts ? { starts, ends } : undefined,
    parts: JSON.parse(attribute(root, "parts")) as Record<string, string>,
    keepDays: attribute(root, "keepDays"),
    captionsAs: root.dataset["captionsAs"] as "packets" | "streams" | undefined,
    primary: root.dataset["primary"] !== undefined,
    language: document.documentElement.lang.slice(0, 2) || "fr",
  };
}

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`live page: no element with id "${id}"`);
  return found;
}

function attribute(root: HTMLElement, name: string): string {
  const value = root.dataset[name];
  if (!value) throw new Error(`live page: #live lacks the data attribute for "${name}"`);
  return value;
}
