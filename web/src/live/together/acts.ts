// Requests to the server with one way of saying that they failed.
import type { Notices } from "../notices";
import { Refused, type LessonServer } from "../server";
import { text } from "../texts";

export class Acts {
  constructor(
    private readonly server: LessonServer,
    private readonly notices: Notices,
  ) {}

  /** Asks for something below `/room`; whether it was done. */
  async post(path: string, body: object = {}): Promise<boolean> {
    try {
      await this.server.roomAct(path, body);
      this.notices.clear("room");
      return true;
    } catch (error) {
      const status = error instanceof Refused ? error.status : 0;
      this.notices.pass("room", text(status === 0 || status >= 500 ? "act-unreachable" : status === 429 ? "too-fast" : "room-refused"));
      return false;
    }
  }
}
