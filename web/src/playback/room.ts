// What the class saw of its room: as it stood at the beginning, and merge patches. At some time it is the same, whichever
// way one came there.

interface Poll {
  readonly question: string;
  readonly choices: readonly string[];
  readonly counts?: readonly number[];
}
/** A document before the class, and the page that it was open at. */
export interface Shown {
  readonly token: string;
  readonly name: string;
  readonly pages: number;
  readonly page: number;
}
export interface RoomView {
  readonly polls?: Record<string, Poll>;
  readonly notes?: Record<string, string>;
  readonly document?: Shown;
  readonly board?: object;
}
export interface Change {
  readonly at: number;
  readonly patch: unknown;
}

/** Applies a merge patch (RFC 7396). */
function merged(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const made: Record<string, unknown> = typeof target === "object" && target !== null && !Array.isArray(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete made[key];
    else made[key] = merged(made[key], value);
  }
  return made;
}

/** The room at every change, the beginning first. */
export function views(beginning: RoomView, changes: readonly Change[]): { readonly at: number; readonly view: RoomView }[] {
  let view = beginning;
  return [{ at: 0, view }, ...changes.map(({ at, patch }) => ({ at, view: (view = merged(view, patch) as RoomView) }))];
}
