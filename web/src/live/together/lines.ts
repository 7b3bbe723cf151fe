// Lines of text that two people may write at once, as the server keeps them: each with a key that says where it
// stands. The same rules as the server's, so that what a page shows before the answer is what the answer says.

/** A line and its place, by the order of texts. */
export interface Line {
  readonly key: string;
  readonly text: string;
}

/** What is wanted of one line; without `becomes` it is taken away. */
export interface Edit {
  readonly key: string;
  readonly was?: string;
  readonly becomes?: string;
}

const digits = "0123456789abcdefghijklmnopqrstuvwxyz";

/** The lines of a view, in their order. */
export function inOrder(lines: Readonly<Record<string, string>>): Line[] {
  return Object.entries(lines)
    .map(([key, text]) => ({ key, text }))
    .sort((one, other) => (one.key < other.key ? -1 : 1));
}

/** The text of these lines. */
export function textOf(lines: readonly Line[]): string {
  return lines.map(({ text }) => text).join("\n");
}

/** A key between two others; without the second, after the first. Two pages hardly ever make the same. */
export function between(before: string, after: string | undefined): string {
  let key = "";
  let bound = after;
  for (let place = 0; ; place++) {
    const low = place < before.length ? digits.indexOf(before.charAt(place)) : 0;
    const high = bound === undefined ? digits.length : digits.indexOf(bound.charAt(place));
    if (high - low > 1) {
      // At the end one after the other, in between in the middle: keys stay short either way.
      const middle = after === undefined ? low + 1 : (low + high) >> 1;
      return key + digits.charAt(middle) + digits.charAt(1 + Math.floor(Math.random() * (digits.length - 1)));
    }
    key += digits.charAt(low);
    if (high > low) bound = undefined;
  }
}

/** The one stretch in which two rows differ: from where, how much of the first, how much of the second. */
function stretch<T>(from: ArrayLike<T>, to: ArrayLike<T>): { readonly start: number; readonly end: number; readonly until: number } {
  let start = 0;
  while (start < from.length && start < to.length && from[start] === to[start]) start++;
  let tail = 0;
  while (tail < from.length - start && tail < to.length - start && from[from.length - 1 - tail] === to[to.length - 1 - tail]) tail++;
  return { start, end: from.length - tail, until: to.length - tail };
}

/** `text` as lines with keys, after the lines it was made from; and what that wants of the server. */
export function keyed(lines: readonly Line[], text: string): { readonly lines: Line[]; readonly edits: Edit[] } {
  if (text === textOf(lines)) return { lines: [...lines], edits: [] };
  // Nothing written is no line, not an empty one.
  const now = text === "" ? [] : text.split("\n");
  const { start, end, until } = stretch(
    lines.map((line) => line.text),
    now,
  );
  const result = lines.slice(0, start);
  const edits: Edit[] = [];
  for (let place = start; place < Math.max(end, until); place++) {
    const old = place < end ? lines[place] : undefined;
    const fresh = place < until ? now[place] : undefined;
    if (old && fresh !== undefined) {
      result.push({ key: old.key, text: fresh });
      if (old.text !== fresh) edits.push({ key: old.key, was: old.text, becomes: fresh });
    } else if (old) {
      edits.push({ key: old.key, was: old.text });
    } else if (fresh !== undefined) {
      const key = between(result[result.length - 1]?.key ?? "", lines[end]?.key);
      result.push({ key, text: fresh });
      edits.push({ key, becomes: fresh });
    }
  }
  result.push(...lines.slice(end));
  return { lines: result, edits };
}

/** The lines with these edits put in, as the server does it. */
export function resolved(lines: readonly Line[], edits: readonly Edit[]): Line[] {
  const found = new Map(lines.map(({ key, text }) => [key, text]));
  for (const { key, was, becomes } of edits) {
    const is = found.get(key);
    if (becomes === undefined) {
      if (is === undefined || is === was) found.delete(key);
    } else if (is === undefined) found.set(key, becomes);
    else if (was === undefined) found.set(key, is === becomes ? is : `${is} ${becomes}`);
    else found.set(key, merged(was, becomes, is));
  }
  return inOrder(Object.fromEntries(found));
}

/** `is` with the change from `was` to `becomes` put in. */
function merged(was: string, becomes: string, is: string): string {
  if (was === is) return becomes;
  // By characters, so that none is cut in half.
  const [before, mine, theirs] = [[...was], [...becomes], [...is]] as [string[], string[], string[]];
  const change = (to: string[]): { start: number; end: number; text: string } => {
    const { start, end, until } = stretch(before, to);
    return { start, end, text: to.slice(start, until).join("") };
  };
  const [own, other] = [change(mine), change(theirs)];
  if (own.start === other.start && own.end === other.end && own.text === other.text) return is;
  const [first, second] = own.end <= other.start && own.start < other.start ? [own, other] : [other, own];
  const kept = first.end <= second.start ? before.slice(first.end, second.start).join("") : "";
  return before.slice(0, Math.min(first.start, second.start)).join("") + first.text + kept + second.text + before.slice(Math.max(first.end, second.end)).join("");
}

/** Where a place in one text lies in another that was made from it. */
export function moved(place: number, from: string, to: string): number {
  const { start, end } = stretch(from, to);
  if (place <= start) return place;
  return place >= end ? place + to.length - from.length : Math.min(place, to.length);
}
