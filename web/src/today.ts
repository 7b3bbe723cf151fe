// The day's page follows the day: what shows at 7:55 differs from 8:05, without a reload.
//
// The server says everything: where the fragment is (`data-fragment` on `<main id="today">`), when
// it will differ by itself (`data-next-change`, RFC 3339), how often to look in between
// (`data-poll`, seconds), and, if it offers one, a stream of events (`data-events`). The fragment is
// the same `<main>`, rendered by the server; it replaces the old one unless somebody is writing in it.
//
// On a device that its owner has called their own, `data-owner` says in whose name a copy of the day is kept,
// for the service worker and the waiting page; `data-keep-after` (seconds) says that now is a time to fetch
// one. The copy of anybody else is thrown away.
//
// Not here: the time of anything, or any text. Without this script the page is right when loaded.
import { PLACE, age, forget, keep, kept } from "./kept";

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
  planCopy();
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  if (within) main.querySelector<HTMLElement>(within)?.focus({ preventScroll: true });
}

/** The held element again in the new fragment: by its id, else by where its link leads. */
function selector(held: Element): string {
  if (held.id) return `#${CSS.escape(held.id)}`;
  const href = held.getAttribute("href");
  return href ? `a[href="${CSS.escape(href)}"]` : "";
}

/** A copy is fetched anew after an hour, in milliseconds. */
const FRESH = 3_600_000;
let copying = 0;

function planCopy(): void {
  const { owner, keepAfter } = main?.dataset ?? {};
  if (!keepAfter) clearTimeout(copying);
  if (!owner || !keepAfter) copying = 0;
  else copying ||= window.setTimeout(() => void copy(owner).catch(() => undefined).then(() => (copying = 0)), spread(1_000 * Number(keepAfter)));
}

async function copy(owner: string): Promise<void> {
  const old = await kept();
  if (age(old) < FRESH || !("serviceWorker" in navigator)) return;
  // `all`: the worker comes from the browser's cache for as long as the server allows.
  await navigator.serviceWorker.register("/worker.js", { updateViaCache: "all" });
  const answer = await fetch(PLACE, { redirect: "error" });
  if (!answer.ok || answer.headers.get("preau-day") !== owner) return;
  const headers = new Headers();
  for (const name of ["content-type", "content-security-policy", "preau-day", "preau-kept"]) headers.set(name, answer.headers.get(name) ?? "");
  await keep(new Response(await answer.text(), { headers }));
}

/** The copy of somebody else, or of a device that is nobody's own any more. */
async function tidy(): Promise<void> {
  const old = await kept();
  if (old && old.headers.get("preau-day") !== main?.dataset["owner"]) await forget();
}

if (main) {
  void tidy().catch(() => undefined).then(planCopy);
  const events = main.dataset["events"];
  if (events) new EventSource(events).onmessage = () => setTimeout(look, Math.random() * 2_000);
  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : look()));
  plan();
}
