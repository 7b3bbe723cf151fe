// What is written on a board, from the top to the bottom: for whoever listens, and where nothing can be drawn.
import type { Thing } from "./things";

export function wordsOn(things: readonly Thing[]): string[] {
  const placed = things.filter((thing) => thing.type === "text" && String(thing["originalText"]).trim() !== "");
  const lines = placed.sort((one, other) => Number(one["y"]) - Number(other["y"]) || Number(one["x"]) - Number(other["x"]));
  return lines.map((thing) => String(thing["originalText"]).trim());
}
