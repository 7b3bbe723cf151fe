// What the class gives up when the line is full, said calmly: which pictures, and that voices go on.
//
// The server decides and tells (a packet without a sender; one from a participant is not believed). Who
// comes in later is told on arrival, so a new connection begins with nothing on the page.
import { RoomEvent, type Room } from "livekit-client";
import type { Notices } from "./notices";
import { text } from "./texts";

/** The topic of the server's packets. */
const topic = "preau.step";
const subject = "step";

export function followSteps(room: Room, notices: Notices): void {
  let given = false;
  room.on(RoomEvent.Connected, () => {
    given = false;
    notices.clear(subject);
  });
  room.on(RoomEvent.DataReceived, (payload, participant, _kind, of) => {
    if (of !== topic || participant !== undefined) return;
    switch (new TextDecoder().decode(payload)) {
      case "full":
        if (given) notices.pass(subject, text("step-full"));
        given = false;
        return;
      case "small_cameras":
        // Hardly anybody sees the difference: a word, and no standing sign.
        given = true;
        return notices.pass(subject, text("step-small-cameras"));
      case "lead_camera_only":
        given = true;
        return notices.keep(subject, text("step-lead-camera-only"));
      case "slow_screen":
        given = true;
        return notices.keep(subject, text("step-slow-screen"));
      case "no_camera":
        given = true;
        return notices.keep(subject, text("step-no-camera"));
    }
  });
}
