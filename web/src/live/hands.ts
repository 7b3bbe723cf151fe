// Raised hands, in the order in which they went up: the teacher calls the first, a pupil sees how
// many come before. The order is the server's; the page only reads the moment it gave each hand. While the class sits
// in groups, the teacher also sees the hands of the other rooms.
import type { Participant, Room } from "livekit-client";
import { el, say } from "./dom";
import { everybody, handRaised, nameOf } from "./room";
import { text } from "./texts";

/** What a teacher does with a hand. */
export interface Calls {
  /** Gives the floor. */
  readonly call: (participant: Participant) => void;
  /** The hands in other rooms of the lesson, with the names of their groups. */
  readonly elsewhere: () => readonly { readonly identity: string; readonly name: string; readonly since: string; readonly group: number; readonly groupName: string }[];
  /** Goes to another group's room. */
  readonly visit: (group: number) => void;
}

interface Hand {
  readonly identity: string;
  /** As it is read in the line. */
  readonly label: string;
  readonly since: number;
  readonly mine: boolean;
  readonly act: HTMLElement | undefined;
}

export class Hands {
  private readonly heading: HTMLElement;
  private readonly list: HTMLElement;
  private readonly news: HTMLElement;
  private shown = "";
  private known = new Set<string>();

  constructor(
    private readonly room: Room,
    private readonly place: HTMLElement,
    private readonly calls: Calls | undefined,
  ) {
    this.heading = el("h2", { class: "hands-title" });
    this.list = el("ol", { class: "hands-list" });
    // A pupil sees the own place in the line; the teacher sees the line and only hears of who is new.
    this.news = el("p", { class: calls ? "heard" : "hands-place", role: "status" });
    place.append(this.heading, this.list);
    // Outside the place, which is hidden while no hand is up: a region that appears with its
    // first sentence is not announced.
    place.after(this.news);
  }

  refresh(): void {
    const raised = [...this.here(), ...this.elsewhere()].sort((one, other) => one.since - other.since || one.identity.localeCompare(other.identity));
    const shown = raised.map(({ identity, label }) => `${identity} ${label}`).join("\n");
    if (shown === this.shown) return;
    this.shown = shown;
    this.place.hidden = raised.length === 0;
    say(this.heading, text("hands-raised", { count: raised.length }));
    this.list.replaceChildren(...raised.map(({ label, mine, act }) => el("li", mine ? { class: "mine" } : {}, el("span", { class: "hands-name" }, label), act)));
    // Only the teacher hears of every hand; a class would otherwise talk over its lesson.
    const fresh = raised.filter(({ identity }) => !this.known.has(identity)).map(({ label }) => label);
    this.known = new Set(raised.map(({ identity }) => identity));
    if (this.calls && fresh.length > 0) say(this.news, text("hand-news", { names: fresh.join(", ") }));
    const mine = raised.findIndex((hand) => hand.mine);
    if (!this.calls) say(this.news, mine < 0 ? "" : mine === 0 ? text("hand-first") : text("hand-rank", { before: mine }));
  }

  private here(): Hand[] {
    const calls = this.calls;
    return everybody(this.room).flatMap((person) => {
      const since = handRaised(person);
      if (since === undefined) return [];
      const name = nameOf(person);
      const act = calls && el("button", { type: "button", class: "button", "aria-label": text("give-floor-to", { name }), onclick: () => calls.call(person) }, text("give-floor"));
      return [{ identity: person.identity, label: person.isLocal ? text("me", { name }) : name, since, mine: person.isLocal, act }];
    });
  }

  private elsewhere(): Hand[] {
    const calls = this.calls;
    return (calls?.elsewhere() ?? []).map(({ identity, name, since, group, groupName }) => ({
      identity,
      label: text("hand-elsewhere", { name, group: groupName }),
      since: Date.parse(since),
      mine: false,
      act: el("button", { type: "button", class: "button", "aria-label": text("hand-visit", { name, group: groupName }), onclick: () => calls?.visit(group) }, text("group-visit")),
    }));
  }
}
