// The service worker: shows the kept copy of the day when the platform does not answer, and forgets it when
// the device is no longer its owner's. It is registered only on a device that its owner has called their own.
//
// It answers for two addresses, the front door and the day, and only for a page somebody opens; every other
// request goes its way without it. As long as the platform answers, its answer is what is shown, whatever it
// is; nothing is fetched here that was not asked for. Invariant: a copy is shown only if the last word of the
// server about this device was that its owner is signed in.
import { coming, forget, kept } from "./kept";

/** What of the worker's own world is used here (the Service Workers standard); the rest of `web` lives in pages. */
interface Leaving extends Event {
  waitUntil(done: Promise<unknown>): void;
}
interface Asking extends Leaving {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}
interface Installing extends Leaving {
  addRoutes?(rules: { condition: { requestMode: string }; source: "network" }[]): Promise<void>;
}
interface World {
  skipWaiting(): Promise<void>;
  readonly registration: { unregister(): Promise<boolean> };
  addEventListener(name: "install", heard: (event: Installing) => void): void;
  addEventListener(name: "fetch", heard: (event: Asking) => void): void;
}

const world = self as unknown as World;
/** Milliseconds without an answer after which the copy is shown: a machine that is off does not even refuse. */
const PATIENCE = 12_000;
/** Where sessions begin and end, in forms. Whose the next one is, the next page of the day will say. */
const DOORS = ["/sign-in", "/sign-out", "/sign-out-everywhere", "/activation"];

world.addEventListener("install", (event) => {
  event.waitUntil(world.skipWaiting());
  // Where browsers can be told so, this worker is not even started for what is no page.
  const rules = ["same-origin", "no-cors", "cors"].map((requestMode) => ({ condition: { requestMode }, source: "network" as const }));
  event.waitUntil(Promise.resolve(event.addRoutes?.(rules)).catch(() => undefined));
});

world.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.mode !== "navigate") return;
  const { pathname } = new URL(request.url);
  if (request.method !== "GET") {
    if (DOORS.includes(pathname)) event.waitUntil(forget());
  } else if (pathname === "/" || pathname === "/today") event.respondWith(day(event));
});

async function day(event: Asking): Promise<Response> {
  const asked = fetch(event.request);
  const late = new Promise<undefined>((resolve) => setTimeout(resolve, PATIENCE));
  const answer = await Promise.race([asked.catch(() => undefined), late]);
  if (answer) {
    event.waitUntil(heed(answer));
    return answer;
  }
  const copy = await kept();
  return copy ? new Response(await coming(copy), { headers: copy.headers }) : asked;
}

/** What an answer says about the copy. The waiting page, and whatever went wrong, says nothing. */
async function heed(answer: Response): Promise<void> {
  const owner = answer.headers.get("preau-day");
  // The only place that these two addresses lead elsewhere is the sign-in page.
  const nobody = owner === "none" || answer.type === "opaqueredirect";
  if (nobody || (owner && owner !== (await kept())?.headers.get("preau-day"))) await forget();
  if (nobody) await world.registration.unregister();
}
