// The operator's console renews its figures without being loaded again: nothing jumps, a table that was
// scrolled stays so. Every part that changes carries `data-live`; `data-every` on `<main>` says how often,
// in seconds. Without this script the page loads itself again. Pages on which orders are written stand still.
const main = document.querySelector("main");
const every = Number(main?.dataset["every"]);
const parts = (page: ParentNode): HTMLElement[] => [...page.querySelectorAll<HTMLElement>("[data-live]")];

async function renew(): Promise<void> {
  if (document.hidden) return;
  const answer = await fetch(location.pathname, { cache: "no-store" });
  if (!answer.ok) return;
  const old = parts(document);
  const fresh = parts(new DOMParser().parseFromString(await answer.text(), "text/html"));
  // A house more or less: another page.
  if (old.length !== fresh.length) return location.reload();
  old.forEach((part, at) => {
    const next = fresh[at]!;
    if (part.innerHTML !== next.innerHTML) part.replaceChildren(...next.childNodes);
  });
}

// A console that does not answer shows its last figures, and asks again.
if (every) setInterval(() => void renew().catch(() => undefined), 1_000 * every);
export {};
