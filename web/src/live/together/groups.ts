// Small groups. The teacher makes them by hand, by lot or from the school's own groups, visits them, tells all of
// them something and calls everybody back. Everybody's page goes to its room by itself.
import { el } from "../dom";
import type { Notices } from "../notices";
import { Refused, type LessonServer, type Seating } from "../server";
import { text } from "../texts";
import type { Acts } from "./acts";
import type { RoomState, View } from "./state";
import type { Section, Tools } from "./tools";

/** Groups that a class may be divided into; the server holds the same bound. */
const most = 12;
/** Longest word to all groups, in characters; the server holds the same bound. */
const longest = 300;

/** The name of a group: its own, or its number. */
export function groupName(view: View, number: number): string {
  const name = view.groups?.list[String(number)]?.name;
  return name ? name : text("group-number", { number });
}

/** What everybody has of groups: the page goes where its person sits, and says where that is. */
export class GroupFollower {
  private told: number | undefined;

  constructor(
    state: RoomState,
    private readonly place: HTMLElement,
    private readonly notices: Notices,
    /** The group whose room this page is in. */
    private readonly here: () => number,
    private readonly move: (group: number) => void,
    private readonly pupil: boolean,
  ) {
    place.setAttribute("role", "status");
    state.follow((view) => this.follow(view));
    // After every new connection; not at once, because what the page knows then may be older than its place.
    state.answered((view) => this.follow(view));
  }

  private follow(view: View): void {
    const here = this.here();
    if (this.pupil && view.me && view.me.group !== here) return this.move(view.me.group);
    // A teacher who visits a group that is no more is with the class again.
    if (!this.pupil && here > 0 && !view.groups?.list[String(here)]) return this.move(0);
    const shown = here > 0 ? groupName(view, here) : "";
    this.place.hidden = shown === "";
    if (this.place.dataset["shown"] !== shown) {
      this.place.dataset["shown"] = shown;
      this.place.replaceChildren(
        ...(shown === "" ? [] : [el("span", {}, shown), ...(this.pupil ? [] : [el("button", { type: "button", class: "button", onclick: () => this.move(0) }, text("group-leave"))])]),
      );
    }
    const told = view.groups?.told;
    // What was told before this page came is told to it as well: it may be "five more minutes".
    if (this.pupil && told && told.at !== this.told) this.notices.keep("group", text("group-told", { words: told.text }), "dismiss");
    if (!told) this.notices.clear("group");
    this.told = told?.at;
  }
}

/** The teacher's side. */
export class GroupDesk {
  private readonly section: Section;
  private readonly body = el("div", { class: "groups" });
  private seating: Seating | undefined;
  /** The number of each pupil's group while groups are being made; 0: with the class. */
  private places = new Map<string, number>();
  private names: string[] = [];
  private count = 2;
  private shown = "";

  constructor(
    private readonly state: RoomState,
    tools: Tools,
    private readonly acts: Acts,
    private readonly server: LessonServer,
    private readonly here: () => number,
    private readonly move: (group: number) => void,
    /** Who is in the room now: a lot is drawn among those. */
    private readonly present: () => ReadonlySet<string>,
  ) {
    this.section = tools.section("groups", (open) => open && void this.ask());
    this.section.body.append(this.body);
    state.follow(() => this.draw());
  }

  refresh(): void {
    this.draw();
  }

  private async ask(): Promise<void> {
    if (this.seating) return;
    try {
      this.seating = await this.server.seating();
    } catch (error) {
      this.body.replaceChildren(el("p", { class: "tool-hint" }, text(error instanceof Refused && error.status > 0 ? "room-refused" : "act-unreachable")));
      return;
    }
    this.draw();
  }

  private draw(): void {
    const view = this.state.view;
    if (!view) return;
    this.section.says(view.groups ? text("groups-open", { count: Object.keys(view.groups.list).length }) : "");
    if (view.groups && !this.seating) void (this.section.root.open && this.ask());
    if (!this.seating) return;
    const shown = JSON.stringify([view.groups, this.here(), view.groups ? "" : [this.count, [...this.places], this.names]]);
    if (shown === this.shown) return;
    this.shown = shown;
    // Whoever chose in a list keeps the focus on that list.
    const focused = document.activeElement?.id;
    if (view.groups) this.drawOpen(view, this.seating);
    else this.drawMaking(this.seating);
    if (focused && !this.body.contains(document.activeElement)) this.body.querySelector<HTMLElement>(`#${CSS.escape(focused)}`)?.focus();
  }

  private drawMaking(seating: Seating): void {
    const count = el("select", { id: "groups-count" });
    for (let number = 2; number <= most; number++) count.append(el("option", { value: String(number), selected: number === this.count }, String(number)));
    count.addEventListener("change", () => {
      this.count = Number(count.value);
      for (const [pupil, place] of this.places) if (place > this.count) this.places.set(pupil, 0);
      this.draw();
    });
    const ready = seating.groups.length > 0 && seating.groups.length <= most;
    this.body.replaceChildren(
      el("div", { class: "tool-row" }, el("label", { for: count.id }, text("groups-count")), count),
      el(
        "div",
        { class: "tool-row" },
        el("button", { type: "button", class: "button", id: "groups-lot", onclick: () => this.lot(seating) }, text("groups-lot")),
        ready ? el("button", { type: "button", class: "button", id: "groups-ready", onclick: () => this.fromSchool(seating) }, text("groups-ready")) : undefined,
      ),
      this.seats(seating, this.count, (number) => this.names[number - 1] || text("group-number", { number }), (pupil) => this.places.get(pupil) ?? 0, (pupil, place) => {
        this.places.set(pupil, place);
        this.draw();
      }),
      el("button", { type: "button", class: "button", id: "groups-open", onclick: () => void this.open() }, text("groups-start")),
    );
  }

  private drawOpen(view: View, seating: Seating): void {
    const groups = Object.entries(view.groups?.list ?? {});
    const names = new Map(seating.pupils.map(({ id, name }) => [id, name]));
    const seatOf = (pupil: string): number => Number(groups.find(([, group]) => group.members?.[pupil])?.[0] ?? 0);
    const words = el("textarea", { id: "groups-words", rows: "2", maxlength: String(longest) });
    const form = el("form", { class: "chat-form" }, el("label", { for: words.id }, text("groups-tell")), words, el("button", { type: "submit", class: "button" }, text("chat-send")));
    const before = this.body.querySelector<HTMLTextAreaElement>("#groups-words");
    words.value = before?.value ?? "";
    const moving = this.body.querySelector<HTMLDetailsElement>(".group-seats")?.open ?? false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (words.value.trim() === "") return;
      void this.acts.post("/groups/word", { text: words.value }).then((done) => {
        // What was told is drawn already, in a field of its own.
        const field = this.body.querySelector<HTMLTextAreaElement>("#groups-words");
        if (done && field) field.value = "";
      });
    });
    this.body.replaceChildren(
      el(
        "ul",
        { class: "group-list" },
        ...groups.map(([number, group]) => {
          const members = Object.keys(group.members ?? {}).map((pupil) => names.get(pupil) ?? "");
          const name = groupName(view, Number(number));
          const here = this.here() === Number(number);
          return el(
            "li",
            {},
            el("b", {}, name),
            el("span", {}, members.length > 0 ? members.join(", ") : text("group-empty")),
            el("button", { type: "button", class: "button", id: `group-${number}`, "aria-label": here ? text("group-leave") : text("group-visit-name", { name }), onclick: () => this.move(here ? 0 : Number(number)) }, text(here ? "group-leave" : "group-visit")),
          );
        }),
      ),
      el("p", { class: "tool-hint" }, text("groups-hint")),
      form,
      el("button", { type: "button", class: "button", id: "groups-end", onclick: () => void this.acts.post("/groups/end") }, text("groups-end")),
      el("details", { class: "group-seats", open: moving }, el("summary", {}, text("groups-move")), this.seats(seating, groups.length, (number) => groupName(view, number), seatOf, (pupil, group) => void this.acts.post(`/participants/${pupil}/group`, { group }))),
    );
  }

  /** For every pupil a list of the groups. */
  private seats(seating: Seating, count: number, name: (number: number) => string, seatOf: (pupil: string) => number, chosen: (pupil: string, group: number) => void): HTMLElement {
    return el(
      "ul",
      { class: "seats" },
      ...seating.pupils.map((pupil) => {
        const choice = el("select", { id: `seat-${pupil.id}` });
        for (let number = 0; number <= count; number++) choice.append(el("option", { value: String(number), selected: number === seatOf(pupil.id) }, number === 0 ? text("group-none") : name(number)));
        choice.addEventListener("change", () => chosen(pupil.id, Number(choice.value)));
        return el("li", {}, el("label", { for: choice.id }, pupil.name), choice);
      }),
    );
  }

  private lot(seating: Seating): void {
    const here = this.present();
    const drawn = seating.pupils.filter(({ id }) => here.has(id)).map(({ id }) => ({ id, lot: Math.random() }));
    drawn.sort((one, other) => one.lot - other.lot);
    this.names = [];
    this.places = new Map(drawn.map(({ id }, place) => [id, (place % this.count) + 1]));
    this.draw();
  }

  private fromSchool(seating: Seating): void {
    this.count = Math.max(2, seating.groups.length);
    this.names = seating.groups.map(({ name }) => name.slice(0, 40));
    this.places = new Map();
    for (const [place, group] of seating.groups.entries()) for (const pupil of group.members) if (!this.places.has(pupil)) this.places.set(pupil, place + 1);
    this.draw();
  }

  private async open(): Promise<void> {
    const groups = Array.from({ length: this.count }, (_, place) => ({
      name: this.names[place] ?? "",
      members: [...this.places].filter(([, group]) => group === place + 1).map(([pupil]) => pupil),
    }));
    if (await this.acts.post("/groups", { groups })) this.section.root.querySelector<HTMLElement>("summary")?.focus();
  }
}
