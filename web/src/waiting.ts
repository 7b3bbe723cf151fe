// The waiting page gets in by itself: it asks `/now` at the pace the server sets and loads the page
// again once the place in the queue has come. Without this script the page refreshes itself.
//
// On `<main id="waiting">`: `data-lane` (its name), `data-rank` (the rank as the gate writes it) and
// `data-interval` (seconds); `data-back` when the page answers a form, which must not be sent again:
// the path to go on to. `/now` gives, per lane in the order below, the watermark `w` (a rank
// whose text is not greater may come in), and `m`, the number of the message shown to all.
interface Now {
  w: string[];
  m: number;
}

const lanes = ["teacher", "lesson", "known", "unknown"];
const main = document.getElementById("waiting");
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
    // Every two minutes, or for a new message, the page itself: only the server words an estimate.
    if (!rank || (mark !== undefined && rank <= mark) || now.m !== message || Date.now() - began > 120_000) return back ? location.replace(back) : location.reload();
  } catch {
    // The gate does not answer: the place is in the ticket and waits as long as we do.
  }
  plan();
}

if (main) {
  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : ask()));
  plan();
}
export {};
