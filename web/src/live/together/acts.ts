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
    return (await this.numbered(path, body)) !== undefined;
  }

  /** The same; the number of the event that it became, where the server says it, or nothing when it was not done. */
  async numbered(path: string, body: object): Promise<number | undefined> {
    try {
      const number = await this.server.roomAct(path, body);
      this.notices.clear("room");
      return number;
    } catch (error) {
      const status = error instanceof Refused ? error.status : 0;
      this.notices.pass("room", text(status === 0 || status >= 500 ? "act-unreachable" : status === 429 ? "too-fast" : "room-refused"));
      return undefined;
    }
  }
}
