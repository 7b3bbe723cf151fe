// What the class does together besides seeing and hearing one another, put together: one state, one panel.
import type { Room } from "livekit-client";
import type { Notices } from "../notices";
import type { LivePage } from "../page";
import type { LessonServer } from "../server";
import { text } from "../texts";
import { Acts } from "./acts";
import { BoardDesk } from "./board-desk";
import { BoardView } from "./board-view";
import { DocumentDesk } from "./document-desk";
import { DocumentView } from "./document-view";
import { Door } from "./door";
import { everybody } from "../room";
import { GroupDesk, GroupFollower, groupName } from "./groups";
import { Notes } from "./notes";
import { PollCard, PollDesk } from "./polls";
import { Signs, type Sign } from "./signs";
import { simpleSwitch } from "./simple-switch";
import { RoomState } from "./state";
import { TimerFace } from "./timer";
import { Tools } from "./tools";
import { Words } from "./words";

/** What the lesson does for what happens here. */
export interface Surroundings {
  readonly onTile: (identity: string, sign: Sign | undefined) => void;
  readonly timeIsUp: () => void;
  /** The group whose room the page is in; 0: the whole class. */
  readonly here: () => number;
  /** Goes to another group's room. */
  readonly move: (group: number) => void;
  /** The class sits down in groups, or otherwise, or together again. */
  readonly regrouped: () => void;
  /** Whether pupils' pages are the simple ones, whenever it may have changed. */
  readonly simple: (simple: boolean) => void;
  /** Adds what is no matter of the room to the panel. */
  readonly moreTools: (tools: Tools) => void;
}

export class Together {
  /** The button of the panel; visitors have none. */
  readonly button: HTMLButtonElement | undefined;
  /** A pupil's heart for the class; whether it went. */
  heart: () => Promise<boolean> = () => Promise.resolve(false);

  private readonly state: RoomState;
  private readonly desk: PollDesk | undefined;
  private readonly tables: GroupDesk | undefined;
  private readonly board: BoardView;
  private readonly boardDesk: BoardDesk | undefined;

  constructor(page: LivePage, room: Room, server: LessonServer, notices: Notices, lesson: Surroundings) {
    this.state = new RoomState(room, server);
    const acts = new Acts(server, notices);
    const teacher = page.role === "teacher";
    const timer = new TimerFace(this.state, page.timer, notices, lesson.timeIsUp);
    const signs = new Signs(room, page.signs, lesson.onTile, teacher);
    new GroupFollower(this.state, page.group, notices, lesson.here, lesson.move, page.role === "pupil");
    new DocumentView(page, this.state, acts, server, notices);
    this.board = new BoardView(page, room, this.state, acts, server, notices);
    if (!teacher) new PollCard(this.state, page.poll, acts, page.role === "pupil");
    if (page.role === "pupil") this.state.follow((view) => lesson.simple(view.simple ?? page.primary));
    if (page.role === "visitor") return;

    const tools = new Tools(page.root, page.tools, "tools");
    this.button = tools.button;
    let door: Door | undefined;
    const count = (): void => tools.count((door?.waiting ?? 0) + (words?.unread ?? 0));
    let words: Words | undefined;
    if (teacher) {
      new DocumentDesk(page, this.state, tools, acts, server);
      this.boardDesk = new BoardDesk(this.state, tools, acts, room);
      this.desk = new PollDesk(this.state, tools, acts, room);
      timer.steer(tools, acts);
      const present = (): Set<string> => new Set(everybody(room).map(({ identity }) => identity));
      this.tables = new GroupDesk(this.state, tools, acts, server, lesson.here, lesson.move, present);
      door = new Door(this.state, tools, acts, notices, server);
    } else {
      signs.offer(tools, acts);
    }
    words = new Words(this.state, tools, acts, notices, page.language, teacher, count);
    new Notes(this.state, tools, acts, server, notices, teacher);
    lesson.moreTools(tools);
    this.state.follow(count);
    if (teacher) simpleSwitch(this.state, tools, acts, page.primary);
    this.heart = () => acts.post("/reactions", { sign: "heart" });
    this.state.follow((view, before) => {
      if (view.groups !== before?.groups) lesson.regrouped();
    });
  }

  /** What a group is called; 0: the whole class. */
  groupName(group: number): string {
    return this.state.view && group > 0 ? groupName(this.state.view, group) : text("group-none");
  }

  /** A connection stands: what happened before it is asked for. */
  arrived(): void {
    this.tables?.refresh();
    this.board.arrived();
    void this.state.ask();
  }

  /** Somebody came or left. */
  refresh(): void {
    this.desk?.refresh();
    this.boardDesk?.refresh();
  }
}
