// The waiting page gets in by itself: it asks `/now` at the pace the server sets and loads the page
// again once the place in the queue has come. Without this script the page refreshes itself.
//
// On `<main id="waiting">`: `data-lane` (its name), `data-rank` (the rank as the gate writes it) and
// `data-interval` (seconds); `data-back` when the page answers a form, which must not be sent again:
// the path to go on to. `/now` gives, per lane in the order below, the watermark `w` (a rank
// whose text is not greater may come in), and `m`, the number of the message shown to all.
//
// On a device that has kept a copy of the day, the copy is there to be read meanwhile, on this page: whoever
// went to another one would no longer be waiting.
//
// When strangers crowd in, `data-challenge` asks for a proof of work: a worker looks for it while the page
// waits, and leaves it in the cookie `data-cookie` for the next request.
import { coming, kept } from "./kept";

interface Now {
  w: string[];
  m: number;
}

const lanes = ["teacher", "lesson", "known", "unknown"];
const main = document.getElementById("waiting");
const code = document.querySelector<HTMLInputElement>("#code");
const began = Date.now();
let timer = 0;
let message: number | undefined;

function plan(): void {
  const seconds = Number(main?.dataset["interval"]) || 15;
  clearTimeout(timer);
  // 30 % either way, so that a school behind one line does not ask in step.
  if (!document.hidden) timer = window.setTimeout(ask, seconds * (700 + 600 * Math.random()));
}

async function ask(): Promise<void> {
  if (!main) return;
  const { lane = "", rank, back } = main.dataset;
  try {
    const now = (await (await fetch("/now")).json()) as Now;
    const mark = now.w[lanes.indexOf(lane)];
    message ??= now.m;
    // Every two minutes, or for a new message, the page itself: only the server words an estimate. That may wait
    // for somebody who types a code; the turn that has come may not.
    const stale = now.m !== message || Date.now() - began > 120_000;
    if (!rank || (mark !== undefined && rank <= mark) || (stale && !code?.value)) return back ? location.replace(back) : location.reload();
  } catch {
    // The gate does not answer: the place is in the ticket and waits as long as we do.
  }
  plan();
}

// Runs in a worker, alone: it may use nothing from outside. The challenge is base64url of 24 bytes (version,
// bits, second in four, two empty, sixteen to hash); SHA-256 (FIPS 180-4) of those sixteen and a nonce of eight
// must begin with so many zero bits. Answers with base64url of version, bits, second, 0, nonce.
function work(): void {
  onmessage = ({ data }: MessageEvent<string>): void => {
    const raw = Uint8Array.from(atob(data.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
    const bits = raw[1] ?? 0;
    const k = new Int32Array(64);
    const s = new Int32Array(8);
    // The constants are the fractions of cube and square roots of the first primes.
    for (let n = 2, at = 0; at < 64; n++) {
      let prime = true;
      for (let d = 2; d * d <= n; d++) if (n % d === 0) prime = false;
      if (!prime) continue;
      const part = (x: number): number => ((x - Math.floor(x)) * 4294967296) | 0;
      if (at < 8) s[at] = part(Math.sqrt(n));
      k[at++] = part(Math.cbrt(n));
    }
    const w = new Int32Array(64);
    const view = new DataView(raw.buffer);
    const turn = (x: number, n: number): number => (x >>> n) | (x << (32 - n));
    for (let high = 0; ; high++) {
      for (let low = 0; low < 4294967296; low++) {
        for (let i = 0; i < 4; i++) w[i] = view.getInt32(8 + 4 * i);
        w[4] = high;
        w[5] = low;
        w[6] = 0x80000000 | 0;
        for (let i = 7; i < 15; i++) w[i] = 0;
        w[15] = 192;
        for (let i = 16; i < 64; i++) {
          const p = w[i - 15]!;
          const q = w[i - 2]!;
          w[i] = (w[i - 16]! + w[i - 7]! + (turn(p, 7) ^ turn(p, 18) ^ (p >>> 3)) + (turn(q, 17) ^ turn(q, 19) ^ (q >>> 10))) | 0;
        }
        let a = s[0]!, b = s[1]!, c = s[2]!, d = s[3]!, e = s[4]!, f = s[5]!, g = s[6]!, h = s[7]!;
        for (let i = 0; i < 64; i++) {
          const t = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + k[i]! + w[i]!) | 0;
          const u = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
          h = g; g = f; f = e; e = (d + t) | 0; d = c; c = b; b = a; a = (t + u) | 0;
        }
        if (Math.clz32(a + s[0]!) >= bits) {
          const proof = new DataView(new ArrayBuffer(15));
          for (let i = 0; i < 6; i++) proof.setUint8(i, raw[i]!);
          proof.setUint32(7, high);
          proof.setUint32(11, low);
          const text = btoa(String.fromCharCode(...new Uint8Array(proof.buffer)));
          return postMessage(text.replace(/\+/g, "-").replace(/\//g, "_"));
        }
      }
    }
  };
}

function pay(challenge: string, cookie: string): void {
  const worker = new Worker(URL.createObjectURL(new Blob([`(${work})()`], { type: "text/javascript" })));
  worker.onmessage = ({ data }: MessageEvent<string>) => {
    document.cookie = `${cookie}=${data}; Path=/; Max-Age=600; SameSite=Lax${location.protocol === "https:" ? "; Secure" : ""}`;
    const back = main?.dataset["back"];
    if (back) location.replace(back);
    else location.reload();
  };
  worker.postMessage(challenge);
}

async function offerDay(): Promise<void> {
  const copy = await kept();
  if (!copy) return;
  const day = new DOMParser().parseFromString(await coming(copy), "text/html");
  const [content, style] = [day.getElementById("kept"), day.getElementById("kept-style")];
  if (!content || !style) return;
  const box = document.createElement("details");
  const head = document.createElement("summary");
  const saved = document.createElement("small");
  const { offer = "", saved: when = "" } = content.dataset;
  box.className = "mine";
  saved.append(when);
  head.append(offer, saved);
  box.append(head, content);
  // The page is loaded again from time to time: what was open stays open.
  box.open = sessionStorage.getItem("day") === "open";
  box.ontoggle = () => sessionStorage.setItem("day", box.open ? "open" : "");
  document.head.append(style);
  document.querySelector("main > div")?.append(box);
}
void offerDay().catch(() => undefined);

// The page that says that the service does not answer: it stays as it is, for the day may be read on it, until
// there is something else to show: the service, or the queue. For a service that only fails, now and then anew.
async function retry(): Promise<void> {
  if (document.hidden) return;
  const here = location.pathname + location.search;
  const answer = await fetch(here, { method: "HEAD", cache: "no-store" }).catch(() => undefined);
  if ((answer && (answer.status < 500 || answer.headers.has("retry-after"))) || Date.now() - began > 120_000) location.replace(here);
}
const out = document.getElementById("out");
if (out) setInterval(() => void retry(), 1_000 * Number(out.dataset["interval"]));

if (main) {
  const { challenge, cookie } = main.dataset;
  document.getElementById("by-hand")?.removeAttribute("hidden");
  if (challenge && cookie) pay(challenge, cookie);
  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : ask()));
  plan();
}
