// The copy of the day on this device: where it lies, how long it is good, what of it is still to come. Shared
// by the page of the day, which puts it there, the service worker, which shows it when the platform does not
// answer, and the waiting page.
//
// The server writes the copy (a whole page without script, form or token) and names it twice: `preau-day` is
// whose it is, `preau-kept` when it was written, in milliseconds since the Unix epoch. In it, whatever has a
// `data-day` (2026-11-23) is over once that day is.

const SHELF = "preau-day";
/** Where the copy is to be had, and its name on the shelf. */
export const PLACE = "/today/kept";
/** Two weeks, in milliseconds: an older day helps nobody. */
const LIFE = 14 * 86_400_000;

/** Age of a copy in milliseconds; not a number without one. */
export const age = (copy?: Response): number => Date.now() - Number(copy?.headers.get("preau-kept") ?? NaN);

/** The copy, if there is one that is still good; an old one is thrown away. */
export async function kept(): Promise<Response | undefined> {
  if (!("caches" in globalThis)) return undefined;
  const copy = await caches.match(PLACE, { cacheName: SHELF });
  if (!copy || age(copy) < LIFE) return copy;
  await forget();
  return undefined;
}

export async function keep(copy: Response): Promise<void> {
  await (await caches.open(SHELF)).put(PLACE, copy);
}

export const forget = (): Promise<boolean> => caches.delete(SHELF);

/** The text of a copy without the days that are over. */
export async function coming(copy: Response): Promise<string> {
  const now = new Date();
  const today = new Date(now.getTime() - now.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
  const dated = /<(div|li)\b[^>]*data-day="([\d-]+)".*?<\/\1>/gs;
  return (await copy.text()).replace(dated, (whole, _, day: string) => (day < today ? "" : whole));
}
