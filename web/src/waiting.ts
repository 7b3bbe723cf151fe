// The waiting page gets in by itself: it asks `/now` at the pace the server sets and loads the page
// again once the place in the queue has come. Without this script the page refreshes itself.
//
// On `<main id="waiting">`: `data-lane`, `data-rank` (16 hexadecimal digits, as in the ticket) and
// `data-interval` (seconds). `/now` answers `{lanes: {LANE: {mark, ahead}}, poll}`: the watermark in
// the same digits, people ahead, seconds until the next question. A rank at or below the mark is in.
interface Now {
  lanes?: Record<string, { mark?: string; ahead?: number }>;
  poll?: number;
}

const main = document.getElementById("waiting");
const began = Date.now();
let timer = 0;

function plan(seconds: number): void {
  clearTimeout(timer);
  // 30 % either way, so that a school behind one line does not ask in step.
  if (!document.hidden) timer = window.setTimeout(ask, seconds * (700 + 600 * Math.random()));
}

async function ask(): Promise<void> {
  if (!main) return;
  const { lane = "", rank, interval } = main.dataset;
  let pause = Number(interval) || 15;
  try {
    const now = (await (await fetch("/now")).json()) as Now;
    const mine = now.lanes?.[lane];
    // Every two minutes the page itself, for the honest estimate that only the server words.
    if (!rank || (mine?.mark && rank <= mine.mark) || Date.now() - began > 120_000) return location.reload();
    const ahead = document.getElementById("ahead");
    if (ahead && mine?.ahead !== undefined) ahead.textContent = String(mine.ahead);
    pause = now.poll ?? pause;
  } catch {
    // The gate does not answer: the place is in the ticket and waits as long as we do.
  }
  plan(pause);
}

if (main) {
  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : ask()));
  plan(Number(main.dataset["interval"]) || 15);
}
export {};
