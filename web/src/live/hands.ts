// Raised hands, in the order in which they went up: the teacher calls the first, a pupil sees how
// many come before. The order is the server's; the page only reads the moment it gave each hand.
import type { Participant, Room } from "livekit-client";
import { el, say } from "./dom";
import { everybody, handRaised, nameOf } from "./room";
import { text } from "./texts";

export class Hands {
  private readonly heading: HTMLElement;
  private readonly list: HTMLElement;
  private readonly news: HTMLElement;
  private shown = "";
  private known = new Set<string>();

  constructor(
    private readonly room: Room,
    private readonly place: HTMLElement,
    /** For the teacher: what happens when a hand is called. */
    private readonly call: ((participant: Participant) => void) | undefined,
  ) {
    this.heading = el("h2", { class: "hands-title" });
    this.list = el("ol", { class: "hands-list" });
    // A pupil sees the own place in the line; the teacher sees the line and only hears of who is new.
    this.news = el("p", { class: call ? "heard" : "hands-place", role: "status" });
    place.append(this.heading, this.list);
    // Outside the place, which is hidden while no hand is up: a region that appears with its
    // first sentence is not announced.
    place.after(this.news);
  }

  refresh(): void {
    const raised = everybody(this.room)
      .flatMap((person) => {
        const since = handRaised(person);
        return since === undefined ? [] : [{ person, since }];
      })
      .sort((one, other) => one.since - other.since || one.person.identity.localeCompare(other.person.identity));
    const shown = raised.map(({ person }) => person.identity).join("\n");
    if (shown === this.shown) return;
    this.shown = shown;
    this.place.hidden = raised.length === 0;
    say(this.heading, text("hands-raised", { count: raised.length }));
    this.list.replaceChildren(
      ...raised.map(({ person }) => {
        const call = this.call;
        const name = nameOf(person);
        return el(
          "li",
          person.isLocal ? { class: "mine" } : {},
          el("span", { class: "hands-name" }, person.isLocal ? text("me", { name }) : name),
          call && el("button", { type: "button", class: "button", "aria-label": text("give-floor-to", { name }), onclick: () => call(person) }, text("give-floor")),
        );
      }),
    );
    // Only the teacher hears of every hand; a class would otherwise talk over its lesson.
    const fresh = raised.filter(({ person }) => !this.known.has(person.identity)).map(({ person }) => nameOf(person));
    this.known = new Set(raised.map(({ person }) => person.identity));
    if (this.call && fresh.length > 0) say(this.news, text("hand-news", { names: fresh.join(", ") }));
    const mine = raised.findIndex(({ person }) => person.isLocal);
    if (!this.call) say(this.news, mine < 0 ? "" : mine === 0 ? text("hand-first") : text("hand-rank", { before: mine }));
  }
}
