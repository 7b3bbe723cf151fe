// The teacher's switch for the page of small children. A school of that kind has it on from the start.
import { el } from "../dom";
import { text } from "../texts";
import type { Acts } from "./acts";
import type { RoomState } from "./state";
import type { Tools } from "./tools";

export function simpleSwitch(state: RoomState, tools: Tools, acts: Acts, primary: boolean): void {
  const section = tools.section("simple");
  const box = el("input", { type: "checkbox", id: "simple-on", "aria-describedby": "simple-hint" });
  box.addEventListener("change", () => void acts.post("/simplicity", { simple: box.checked }).then((done) => done || (box.checked = !box.checked)));
  section.body.append(el("p", { class: "tool-check" }, box, el("label", { for: box.id }, text("simple-switch"))), el("p", { class: "tool-hint", id: "simple-hint" }, text("simple-hint")));
  state.follow((view) => {
    box.checked = view.simple ?? primary;
    section.says(box.checked ? text("simple-on") : "");
  });
}
