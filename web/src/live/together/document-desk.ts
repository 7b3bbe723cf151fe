// The teacher's side of documents: what there is to show, and adding a PDF. A file is opened here before it is
// sent, so that one which nobody could read never leaves this device.
import { confirmed, el, say } from "../dom";
import type { LivePage } from "../page";
import { Refused, type LessonServer, type Offer, type Offers } from "../server";
import { text } from "../texts";
import type { Acts } from "./acts";
import { faultOf, mostPages, openPaper } from "./paper";
import type { RoomState } from "./state";
import type { Section, Tools } from "./tools";

const mebibyte = 1_024 * 1_024;

export class DocumentDesk {
  private readonly section: Section;
  private readonly list = el("div", { class: "documents" });
  private readonly status = el("p", { class: "tool-hint", role: "status" });
  private readonly trouble = el("p", { class: "chat-trouble", role: "alert" });
  private readonly field = el("input", { type: "file", id: "document-file", accept: "application/pdf,.pdf", class: "heard", tabindex: "-1", "aria-hidden": "true" });
  private readonly choose = el("button", { type: "button", class: "button", id: "document-choose", onclick: () => this.field.click() }, text("document-choose"));
  private offers: Offers | undefined;
  /** How many pages each document has, as far as this page has opened it. */
  private readonly counts = new Map<string, number>();
  private busy = false;

  constructor(
    private readonly page: LivePage,
    private readonly state: RoomState,
    tools: Tools,
    private readonly acts: Acts,
    private readonly server: LessonServer,
  ) {
    this.section = tools.section("document", (open) => open && void this.ask());
    this.section.body.append(this.list, this.choose, this.field, el("p", { class: "tool-hint" }, text("document-add-hint")), this.status, this.trouble);
    this.field.addEventListener("change", () => {
      const file = this.field.files?.[0];
      this.field.value = "";
      if (file) void this.add(file);
    });
    state.follow((view, before) => {
      this.section.says(view.document ? text("document-shown") : "");
      if (view.document?.token !== before?.document?.token) this.draw();
    });
  }

  private async ask(): Promise<void> {
    try {
      this.offers = await this.server.documents();
      say(this.trouble, "");
    } catch (error) {
      say(this.trouble, text(error instanceof Refused && error.status > 0 ? "room-refused" : "act-unreachable"));
    }
    this.draw();
  }

  private draw(): void {
    if (!this.offers) return;
    const focused = document.activeElement?.id;
    const [own, given] = [false, true].map((homework) => this.offers?.documents.filter((one) => one.homework === homework) ?? []);
    this.list.replaceChildren(
      ...(own?.length || given?.length ? [] : [el("p", { class: "tool-hint" }, text("document-none"))]),
      ...(own?.length ? [el("ul", { class: "document-list" }, ...own.map((offer) => this.line(offer)))] : []),
      ...(given?.length ? [el("h3", {}, text("document-homework")), el("ul", { class: "document-list" }, ...given.map((offer) => this.line(offer)))] : []),
      ...(this.offers.more ? [] : [el("p", { class: "tool-hint" }, text("document-full"))]),
    );
    this.choose.hidden = !this.offers.more;
    if (focused && document.activeElement?.id !== focused) this.section.body.querySelector<HTMLElement>(`#${CSS.escape(focused)}`)?.focus();
  }

  private line(offer: Offer): HTMLElement {
    const shown = this.state.view?.document?.token === offer.token;
    const act = shown
      ? el("button", { type: "button", class: "button", id: `show-${offer.token}`, onclick: () => void this.acts.post("/document/end") }, text("document-close"))
      : el("button", { type: "button", class: "button", id: `show-${offer.token}`, "aria-label": text("document-show-name", { name: offer.name }), onclick: () => void this.show(offer) }, text("document-show"));
    const remove = el("button", { type: "button", class: "button quiet", id: `remove-${offer.token}`, "aria-label": text("document-remove-name", { name: offer.name }), onclick: () => void this.remove(offer) }, text("document-remove"));
    return el("li", {}, el("span", {}, offer.name), el("span", { class: "tool-row" }, act, offer.homework || shown ? undefined : remove));
  }

  private async show(offer: Offer): Promise<void> {
    await this.work(offer.name, async () => {
      let pages = this.counts.get(offer.token);
      if (pages === undefined) {
        say(this.status, text("document-opening", { name: offer.name }));
        pages = await this.count(offer.name, await this.server.document(offer.token, () => undefined, new AbortController().signal));
      }
      if (pages === undefined) return;
      this.counts.set(offer.token, pages);
      await this.acts.post("/document", { token: offer.token, pages });
    });
  }

  private async add(file: File): Promise<void> {
    const largest = this.offers?.largest ?? Infinity;
    if (file.size > largest) {
      say(this.trouble, text("document-too-large", { name: file.name, size: Math.ceil(file.size / mebibyte), largest: Math.floor(largest / mebibyte) }));
      return;
    }
    await this.work(file.name, async () => {
      say(this.status, text("document-opening", { name: file.name }));
      const pages = await this.count(file.name, await file.arrayBuffer());
      if (pages === undefined) return;
      say(this.status, text("document-sending", { name: file.name }));
      const offer = await this.server.addDocument(file);
      this.counts.set(offer.token, pages);
      await this.acts.post("/document", { token: offer.token, pages });
      await this.ask();
    });
  }

  /** How many pages a file has; nothing, and said why, when it cannot be shown. */
  private async count(name: string, bytes: ArrayBuffer): Promise<number | undefined> {
    try {
      const pages = await openPaper(this.page, bytes);
      const count = pages.count;
      pages.close();
      if (count <= mostPages) return count;
      say(this.trouble, text("document-too-long", { name, count, most: mostPages }));
    } catch (error) {
      const fault = faultOf(error);
      say(this.trouble, text(fault === "failed" ? "document-failed-teacher" : `document-${fault}`, { name }));
    }
    return undefined;
  }

  /** One thing at a time, and what went wrong in words. */
  private async work(name: string, task: () => Promise<void>): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    say(this.trouble, "");
    try {
      await task();
    } catch (error) {
      const status = error instanceof Refused ? error.status : 0;
      say(this.trouble, text(status > 0 && status < 500 ? "document-refused" : "document-unsent", { name }));
    } finally {
      this.busy = false;
      say(this.status, "");
    }
  }

  private async remove(offer: Offer): Promise<void> {
    if (!(await confirmed(text("document-remove-question", { name: offer.name }), "document-remove"))) return;
    if (await this.acts.post(`/documents/${encodeURIComponent(offer.token)}/removal`)) await this.ask();
    this.choose.focus();
  }
}
