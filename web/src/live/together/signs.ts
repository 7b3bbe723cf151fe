// Reactions: a few signs that last some seconds. They stand on the tile of whoever gave them and, counted, at the
// foot of the picture; nothing of them is kept anywhere.
import { RoomEvent, type Room } from "livekit-client";
import { el, heard, icon, type Icon } from "../dom";
import { text, type TextKey } from "../texts";
import type { Acts } from "./acts";
import type { Tools } from "./tools";

/** Topic of the packets, as the server knows it. */
const topic = "preau.reaction";
/** How long a sign lasts, in milliseconds. */
const lasting = 6_000;

/** The signs that the server takes, with what stands for them: drawn, because not every computer has the characters. */
const signs: Readonly<Record<string, Sign>> = {
  yes: { face: "yes", label: "sign-yes" },
  no: { face: "close", label: "sign-no" },
  clap: { face: "star", label: "sign-clap" },
  laugh: { face: "smile", label: "sign-laugh" },
  lost: { face: "question", label: "sign-lost" },
  slower: { face: "slower", label: "sign-slower" },
  heart: { face: "heart", label: "sign-heart" },
};

/** A sign as others see it. */
export interface Sign {
  readonly face: Icon;
  readonly label: TextKey;
}

export class Signs {
  private readonly given = new Map<string, Map<string, number>>();

  constructor(
    room: Room,
    private readonly place: HTMLElement,
    private readonly onTile: (identity: string, sign: Sign | undefined) => void,
    teacher: boolean,
  ) {
    // The teacher hears what the class gives to understand; pupils would only be distracted.
    if (teacher) place.setAttribute("role", "status");
    else place.setAttribute("aria-hidden", "true");
    room.on(RoomEvent.DataReceived, (payload, participant, _kind, of) => {
      if (of !== topic || participant !== undefined) return;
      try {
        const { from, sign } = JSON.parse(new TextDecoder().decode(payload)) as { from: string; sign: string };
        if (sign in signs) this.show(from, sign);
      } catch {
        // Not one of ours.
      }
    });
  }

  /** The pupil's buttons. */
  offer(tools: Tools, acts: Acts): void {
    const section = tools.section("signs");
    section.root.open = true;
    section.body.append(
      el(
        "div",
        { class: "signs-choice" },
        // The heart is a small child's.
        ...Object.entries(signs).filter(([sign]) => sign !== "heart").map(([sign, { face, label }]) =>
          el("button", { type: "button", class: "sign", onclick: () => void acts.post("/reactions", { sign }) }, icon(face), el("span", {}, text(label))),
        ),
      ),
    );
  }

  private show(from: string, sign: string): void {
    const people = this.given.get(sign) ?? new Map<string, number>();
    this.given.set(sign, people);
    window.clearTimeout(people.get(from));
    const known = signs[sign];
    if (!known) return;
    this.onTile(from, known);
    people.set(
      from,
      window.setTimeout(() => {
        people.delete(from);
        if (![...this.given.values()].some((others) => others.has(from))) this.onTile(from, undefined);
        this.draw();
      }, lasting),
    );
    this.draw();
  }

  private draw(): void {
    const shown = Object.entries(signs).flatMap(([sign, { face, label }]) => {
      const count = this.given.get(sign)?.size ?? 0;
      return count === 0 ? [] : [el("span", { class: "sign-count" }, icon(face), heard(`${text(label)} : `), String(count))];
    });
    this.place.replaceChildren(...shown);
  }
}
