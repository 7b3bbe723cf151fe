// The live lesson put together: one room, one connection, and the parts of the page that follow it.
//
// Everything shown follows from two things: the phase of the connection and what the server says
// of the people in the room. This file decides which sentence belongs to which phase, and nothing
// of what is allowed.
import { RoomEvent } from "livekit-client";
import { ring } from "./bell";
import { CaptionDesk, Captions } from "./captions/captions";
import { Chat } from "./chat";
import { Connection, type Phase } from "./connection";
import { Controls } from "./controls";
import { OwnDevices } from "./devices";
import { FarHands } from "./far-hands";
import { Hands } from "./hands";
import { Moderation } from "./moderation";
import { Notices } from "./notices";
import type { LivePage } from "./page";
import { Panel, type Way } from "./panel";
import { Recording } from "./recording";
import { makeRoom } from "./room";
import { LessonServer } from "./server";
import { readSettings } from "./settings";
import { showSettings } from "./settings-dialog";
import { SimpleView } from "./simple";
import { followSteps } from "./step";
import { text } from "./texts";
import { Together } from "./together/together";
import { Tiles } from "./tiles";

/** An interruption shorter than this is not worth a sentence, in milliseconds. */
const blink = 1_200;
/** After this long without connection the sentence also says what one can do, in milliseconds. */
const patience = 15_000;

/** Starts the lesson on the page; returns what the tests may ask. */
export function startLesson(page: LivePage): { phase: () => Phase; room: ReturnType<typeof makeRoom> } {
  const server = new LessonServer(page);
  const room = makeRoom(page.role);
  const notices = new Notices(page.notices);
  const settings = readSettings();
  const panel = new Panel(page.stage);
  const refresh = (): void => tiles.refreshSoon();
  const devices = new OwnDevices(page, room, notices, refresh);
  const moderation = page.role === "teacher" ? new Moderation(room, server, notices) : undefined;
  const far = moderation && new FarHands(room, server, () => hands.refresh(), () => connection.ticket?.group ?? 0);
  const hands: Hands = new Hands(
    room,
    page.hands,
    moderation && {
      call: (pupil) => void moderation.giveFloor(pupil),
      elsewhere: () => far?.elsewhere().map((one) => ({ ...one, groupName: together.groupName(one.group) })) ?? [],
      visit: (group) => void connection.move(group),
    },
  );
  const captions = page.captionsAs && new Captions(page, room, notices, settings);
  const together: Together = new Together(page, room, server, notices, {
    onTile: (identity, sign) => tiles.sign(identity, sign),
    timeIsUp: () => {
      if (settings.bell) ring();
    },
    here: () => connection.ticket?.group ?? 0,
    move: (group) => void connection.move(group),
    regrouped: () => void far?.ask(),
    simple: (on) => simple?.show(on),
    moreTools: (tools) => {
      if (captions && page.role === "teacher") new CaptionDesk(page, room, tools, (segments) => captions.receive(segments));
    },
  });
  const recording = new Recording(page, room, server, notices, () => connection.ticket?.group ?? 0);
  const controls = new Controls(
    page,
    room,
    devices,
    server,
    notices,
    {
      leave: () => void leave(),
      openSettings: () => openSettings(),
      chatShown: (shown) => {
        if (shown) chat?.focus();
      },
    },
    moderation,
    together.button,
    recording.button,
  );
  const simple =
    page.role === "pupil"
      ? new SimpleView(page, {
          hand: () => void controls.pressHand(),
          heart: () => together.heart(),
          source: (source) => controls.pressSource(source),
          settings: () => openSettings(),
          leave: () => void leave(),
        })
      : undefined;
  simple?.show(page.primary);
  controls.follow(() => simple?.refresh({ raised: controls.isHandRaised(), source: (source) => ({ allowed: devices.isAllowed(source), on: devices.isOn(source) }) }));
  const tiles = new Tiles(
    room,
    page.stage,
    page.pupils,
    (person) => moderation?.menuFor(person),
    () => {
      hands.refresh();
      controls.refresh();
      moderation?.refresh();
      together.refresh();
    },
    () => (connection.ticket?.group ?? 0) > 0,
  );
  const chat = new Chat(room, page.chat, server, page, () => room.localParticipant.identity || undefined, () => controls.messageArrived(), moderation && ((id) => void moderation.removeMessage(id)));
  const connection = new Connection(page, server, room, followed);
  followSteps(room, notices);

  room.on(RoomEvent.AudioPlaybackStatusChanged, () => {
    if (room.canPlaybackAudio) notices.clear("sound");
    else notices.keep("sound", text("sound-blocked"), { label: text("sound-unblock"), run: () => void room.startAudio() });
  });

  let slow: number[] = [];
  /** The group whose room the page was in last. */
  let was = 0;
  const home: Way = { label: text("back-home"), go: page.home };
  const again = (label: string): Way => ({ label, go: () => void connection.enter(), primary: true });

  function followed(phase: Phase, before: Phase): void {
    page.root.dataset["phase"] = phase;
    slow.forEach((timer) => window.clearTimeout(timer));
    slow = [];
    if (phase !== "interrupted") notices.clear("connection");
    const inside = phase === "live" || phase === "interrupted";
    for (const part of [page.stage, page.pupils, page.chat, page.controls]) part.hidden = !inside;
    if (!inside) page.hands.hidden = true;
    // The focus goes to the panel only when it was in the lesson that has just gone.
    const focus = before === "live" || before === "interrupted";

    switch (phase) {
      case "asking":
      case "connecting":
        return panel.show(text("entering-title"), text("entering"), [], false);
      case "waiting":
        return panel.show(text("waiting-title"), text("waiting"), [home], false);
      case "lobby":
        return panel.show(text("lobby-title"), text("lobby"), [home], focus);
      case "unreachable":
        return panel.show(text("unreachable-title"), text(navigator.onLine ? "unreachable" : "offline"), [again(text("try-again")), home], false);
      case "ready":
        return showReady();
      case "live":
        return showLive(before);
      case "interrupted":
        slow = [
          window.setTimeout(() => notices.keep("connection", text(navigator.onLine ? "interrupted" : "offline")), blink),
          window.setTimeout(() => notices.keep("connection", text(navigator.onLine ? "interrupted-long" : "offline")), patience),
        ];
        return tiles.refresh();
      case "left":
        return panel.show(text("left-title"), text("left"), [again(text("come-back")), home], true);
      case "removed":
        devices.release();
        return page.role === "pupil"
          ? panel.show(text("removed-title"), text("removed"), [home], true)
          : panel.show(text("withdrawn-title"), text("withdrawn"), [home], true);
      case "elsewhere":
        return panel.show(text("elsewhere-title"), text("elsewhere"), [again(text("come-back-here")), home], true);
      case "ended":
        return panel.show(text("ended-title"), text("ended"), page.role === "teacher" ? [again(text("come-back")), home] : [home], focus);
      case "absent":
        return panel.show(text("absent-title"), text("absent"), [home], focus);
    }
  }

  function showReady(): void {
    panel.show(text("ready-title"), text("ready"), [{ label: text("open-class"), go: () => void open(), primary: true }, home], false);
    panel.expectPreview();
    void devices.prepare().then((tracks) => {
      if (connection.phase === "ready") panel.preview(tracks);
      else devices.release();
    });
  }

  async function open(): Promise<void> {
    try {
      await server.opening();
      notices.clear("moderation");
    } catch {
      notices.keep("moderation", text("open-failed"), { label: text("try-again"), run: () => void open() });
      return;
    }
    await connection.enter();
  }

  function showLive(before: Phase): void {
    panel.clear();
    tiles.setSoundOnly(settings.soundOnly);
    const here = connection.ticket?.group ?? 0;
    // Whoever went from one room to another was not cut off, and the page says where they are.
    if (before === "interrupted" && here !== was) notices.clear("connection");
    else if (before === "interrupted") notices.pass("connection", text("connected-again"));
    else {
      devices.forget();
      if (before === "connecting" && settings.bell) ring();
    }
    was = here;
    if (page.role === "teacher") void devices.publishTeaching();
    void chat.catchUp();
    together.arrived();
    void far?.ask();
    recording.arrived();
  }

  function openSettings(): void {
    void showSettings(room, settings, page.role !== "visitor", page.captionsAs !== undefined, () => {
      tiles.setSoundOnly(settings.soundOnly);
      captions?.follow();
    });
  }

  async function leave(): Promise<void> {
    devices.release();
    await connection.leave();
  }

  showElapsed(page);
  followed(connection.phase, connection.phase);
  void connection.enter();
  return { phase: () => connection.phase, room };
}

/** Lets the page's clock follow the lesson: `--elapsed` from 0 to 1 on the root, for the dial. */
function showElapsed(page: LivePage): void {
  const planned = page.planned;
  if (!planned) return;
  const draw = (): void => {
    const share = (Date.now() - planned.starts) / (planned.ends - planned.starts);
    page.root.style.setProperty("--elapsed", String(Math.min(1, Math.max(0, share))));
  };
  draw();
  window.setInterval(draw, 10_000);
}
