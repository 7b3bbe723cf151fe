// How a board came about, step by step. What lies on it at some time depends on that time alone, and not on the way there:
// whoever jumps back and forth finds the same.

/** A change of the board: things by their ids, null where one was rubbed out. */
export interface Step {
  /** Milliseconds since the recording began. */
  readonly at: number;
  /** The board is empty before this. */
  readonly clean?: boolean;
  readonly things: Readonly<Record<string, unknown>>;
}

export class Trace {
  /** How many steps are in `things`. */
  private passed = 0;
  private things = new Map<string, unknown>();

  /** `steps` in their order. */
  constructor(private readonly steps: readonly Step[]) {}

  /** What lies on the board at that time, by ids; the same map as long as nothing changes. */
  at(time: number): ReadonlyMap<string, unknown> {
    const count = this.countAt(time);
    if (count === this.passed) return this.things;
    // On from where it is, or from the last time that the board was empty.
    let from = count;
    while (from > 0 && from !== this.passed && !this.steps[from - 1]?.clean) from--;
    const things = from > 0 && from === this.passed ? new Map(this.things) : new Map<string, unknown>();
    for (const step of this.steps.slice(Math.max(0, from === this.passed ? from : from - 1), count)) {
      if (step.clean) things.clear();
      for (const [id, thing] of Object.entries(step.things)) {
        if (thing === null) things.delete(id);
        else things.set(id, thing);
      }
    }
    this.things = things;
    this.passed = count;
    return things;
  }

  /** How many steps are over by then. */
  private countAt(time: number): number {
    let [low, high] = [0, this.steps.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.steps[middle]?.at ?? Infinity) <= time) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
