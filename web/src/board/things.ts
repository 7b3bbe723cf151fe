// What can lie on a board, field by field. A page does not believe what comes over the network: somebody may have
// changed theirs. Whatever is not as it should be is left out, and nothing passes that leads to another place.

/** Something drawn: Excalidraw's element, as far as a board keeps it. */
export interface Thing {
  readonly id: string;
  readonly type: string;
  readonly index: string | null;
  readonly version: number;
  readonly versionNonce: number;
  readonly [field: string]: unknown;
}

type Check = (value: unknown) => boolean;

const far = 1e6;
const number: Check = (value) => typeof value === "number" && Number.isFinite(value) && Math.abs(value) <= far;
const whole: Check = (value) => Number.isSafeInteger(value);
const flag: Check = (value) => typeof value === "boolean";
const words =
  (longest: number): Check =>
  (value) =>
    typeof value === "string" && value.length <= longest;
const among =
  (...choices: readonly unknown[]): Check =>
  (value) =>
    choices.includes(value);
const list =
  (most: number, each: Check): Check =>
  (value) =>
    Array.isArray(value) && value.length <= most && value.every(each);
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const fields =
  (checks: Readonly<Record<string, Check>>): Check =>
  (value) =>
    typeof value === "object" && value !== null && !Array.isArray(value) && Object.entries(checks).every(([name, check]) => check((value as Record<string, unknown>)[name]));
const point = list(2, number);
const points: Check = (value) => list(20_000, (one) => point(one) && (one as unknown[]).length === 2)(value);
const colour: Check = (value) => value === "transparent" || (typeof value === "string" && /^(#[0-9a-f]{3,8}|[a-z]{3,20})$/i.test(value));
const id = words(64);
const binding = orNull(fields({ elementId: id, focus: number, gap: number }));
const arrowhead = orNull(words(40));

const kinds = ["rectangle", "diamond", "ellipse", "arrow", "line", "freedraw", "text"];

/** What all things have. */
const common: Readonly<Record<string, Check>> = {
  id: (value) => id(value) && value !== "",
  type: among(...kinds),
  x: number,
  y: number,
  width: number,
  height: number,
  angle: number,
  strokeColor: colour,
  backgroundColor: colour,
  fillStyle: among("hachure", "cross-hatch", "solid", "zigzag"),
  strokeWidth: (value) => number(value) && (value as number) >= 0 && (value as number) <= 100,
  strokeStyle: among("solid", "dashed", "dotted"),
  roughness: (value) => number(value) && (value as number) >= 0 && (value as number) <= 10,
  opacity: (value) => number(value) && (value as number) >= 0 && (value as number) <= 100,
  roundness: orNull(fields({ type: among(1, 2, 3) })),
  seed: whole,
  version: whole,
  versionNonce: whole,
  index: orNull(words(100)),
  groupIds: list(20, id),
  boundElements: orNull(list(500, fields({ id, type: among("arrow", "text") }))),
  updated: whole,
  locked: flag,
};

const linear: Readonly<Record<string, Check>> = { points: (value) => points(value) && (value as unknown[]).length >= 1, startBinding: binding, endBinding: binding, startArrowhead: arrowhead, endArrowhead: arrowhead };
const ofKind: Readonly<Record<string, Readonly<Record<string, Check>>>> = {
  freedraw: { points: (value) => points(value) && (value as unknown[]).length >= 1, pressures: list(20_000, number), simulatePressure: flag },
  line: linear,
  // Arrows with corners are calculated anew on each page, and each would send what came of it: they are plain ones.
  arrow: linear,
  text: {
    text: words(5_000),
    originalText: words(5_000),
    fontSize: (value) => number(value) && (value as number) > 0 && (value as number) <= 1_000,
    fontFamily: whole,
    textAlign: among("left", "center", "right"),
    verticalAlign: among("top", "middle", "bottom"),
    containerId: orNull(id),
    lineHeight: (value) => number(value) && (value as number) > 0 && (value as number) <= 10,
    autoResize: flag,
  },
};

const checksOf = (type: unknown): Readonly<Record<string, Check>> => ({ ...common, ...ofKind[String(type)] });

/** Whether a board has things of this kind. */
export function isKnown({ type }: Thing): boolean {
  return kinds.includes(type);
}

/** Whether this can be drawn as it is. */
export function isSound(value: unknown): value is Thing {
  const type = (value as { readonly type?: unknown } | null)?.type;
  return fields(checksOf(type))(value);
}

/** What of it is drawn: the fields that are known, and nothing else. */
export function cleaned(thing: Thing): Thing {
  const kept: Record<string, unknown> = {};
  for (const field of Object.keys(checksOf(thing.type))) kept[field] = thing[field];
  return {
    ...(kept as unknown as Thing),
    frameId: null,
    link: null,
    isDeleted: false,
    ...(thing.type === "freedraw" || thing.type === "line" || thing.type === "arrow" ? { lastCommittedPoint: null } : {}),
    ...(thing.type === "arrow" ? { elbowed: false } : {}),
  };
}

/** The order in which things lie on one another; the same on every page. */
export function inOrder(one: Thing, other: Thing): number {
  const [first, second] = [one.index ?? "", other.index ?? ""];
  if (first !== second) return first < second ? -1 : 1;
  return one.id < other.id ? -1 : one.id > other.id ? 1 : 0;
}

/** What can be drawn of what lies on a board by ids, the lowest first. */
export function soundOf(values: Iterable<readonly [string, unknown]>): Thing[] {
  const things: Thing[] = [];
  for (const [id, value] of values) {
    const thing = { ...(value as Thing), id };
    if (isSound(thing)) things.push(cleaned(thing));
  }
  return things.sort(inOrder);
}
