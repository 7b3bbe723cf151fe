// The day's page follows the day: what shows at 7:55 differs from 8:05, without a reload.
//
// The server says everything: where the fragment is (`data-fragment` on `<main id="today">`), when
// it will differ by itself (`data-next-change`, RFC 3339), how often to look in between
// (`data-poll`, seconds), and, if it offers one, a stream of events (`data-events`). The fragment is
// the same `<main>`, rendered by the server; it replaces the old one unless somebody is writing in it.
//
// Not here: the time of anything, or any text. Without this script the page is right when loaded.
let main = document.getElementById("today");
let tag = "";
let timer = 0;
let running = false;

/** A class opens 28 such pages in the same minute: none of them asks in step with another. */
const spread = (milliseconds: number): number => milliseconds * (0.7 + 0.6 * Math.random());

function plan(): void {
  clearTimeout(timer);
  if (!main || document.hidden) return;
  const poll = spread(1_000 * (Number(main.dataset["poll"]) || 60));
  // A second at least after the change, so that the server's clock has surely passed it.
  const change = Date.parse(main.dataset["nextChange"] ?? "") - Date.now() + 1_000 + Math.random() * 4_000;
  timer = window.setTimeout(look, change > 0 && change < poll ? change : poll);
}

async function look(): Promise<void> {
  const url = main?.dataset["fragment"];
  if (!url || running) return;
  running = true;
  try {
    const answer = await fetch(url, { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store", redirect: "manual" });
    // Signed out meanwhile: the page itself leads to the sign-in.
    if (answer.type === "opaqueredirect" || answer.status === 401) location.reload();
    else if (answer.ok) {
      tag = answer.headers.get("ETag") ?? "";
      swap(await answer.text());
    }
  } catch {
    // No connection: the page still shows the last known day, and asks again.
  }
  running = false;
  plan();
}

function swap(html: string): void {
  const next = new DOMParser().parseFromString(html, "text/html").getElementById("today");
  const held = document.activeElement;
  const writing = held instanceof HTMLInputElement || held instanceof HTMLTextAreaElement || held instanceof HTMLSelectElement;
  if (!main || !next || next.outerHTML === main.outerHTML || (writing && main.contains(held))) return;
  const within = held && main.contains(held) ? selector(held) : "";
  const open = [...main.querySelectorAll("details[open][id]")].map((one) => one.id);
  main.replaceWith(next);
  main = next;
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  if (within) main.querySelector<HTMLElement>(within)?.focus({ preventScroll: true });
}

/** The held element again in the new fragment: by its id, else by where its link leads. */
function selector(held: Element): string {
  if (held.id) return `#${CSS.escape(held.id)}`;
  const href = held.getAttribute("href");
  return href ? `a[href="${CSS.escape(href)}"]` : "";
}

if (main) {
  const events = main.dataset["events"];
  if (events) new EventSource(events).onmessage = () => setTimeout(look, Math.random() * 2_000);
  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : look()));
  plan();
}
export {};
