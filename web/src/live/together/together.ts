// What the class does together besides seeing and hearing one another, put together: one state, one panel.
import type { Room } from "livekit-client";
import type { Notices } from "../notices";
import type { LivePage } from "../page";
import type { LessonServer } from "../server";
import { Acts } from "./acts";
import { Door } from "./door";
import { Notes } from "./notes";
import { PollCard, PollDesk } from "./polls";
import { Signs, type Sign } from "./signs";
import { RoomState } from "./state";
import { TimerFace } from "./timer";
import { Tools } from "./tools";
import { Words } from "./words";

export class Together {
  /** The button of the panel; visitors have none. */
  readonly button: HTMLButtonElement | undefined;

  private readonly state: RoomState;
  private readonly desk: PollDesk | undefined;

  constructor(page: LivePage, room: Room, server: LessonServer, notices: Notices, onTile: (identity: string, sign: Sign | undefined) => void, timeIsUp: () => void) {
    this.state = new RoomState(room, server);
    const acts = new Acts(server, notices);
    const teacher = page.role === "teacher";
    const timer = new TimerFace(this.state, page.timer, notices, timeIsUp);
    const signs = new Signs(room, page.signs, onTile, teacher);
    if (!teacher) new PollCard(this.state, page.poll, acts, page.role === "pupil");
    if (page.role === "visitor") return;

    const tools = new Tools(page.root, page.tools, "tools");
    this.button = tools.button;
    let door: Door | undefined;
    const count = (): void => tools.count((door?.waiting ?? 0) + (words?.unread ?? 0));
    let words: Words | undefined;
    if (teacher) {
      this.desk = new PollDesk(this.state, tools, acts, room);
      timer.steer(tools, acts);
      door = new Door(this.state, tools, acts, notices, server);
    } else {
      signs.offer(tools, acts);
    }
    words = new Words(this.state, tools, acts, notices, page.language, teacher, count);
    new Notes(this.state, tools, acts, server, notices, teacher);
    this.state.follow(count);
  }

  /** A connection stands: what happened before it is asked for. */
  arrived(): void {
    void this.state.ask();
  }

  /** Somebody came or left. */
  refresh(): void {
    this.desk?.refresh();
  }
}
