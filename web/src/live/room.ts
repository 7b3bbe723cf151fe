// The room as livekit-client knows it, with the choices that suit a class, and the few questions
// that the rest of the page asks of a participant.
//
// What is chosen here is bandwidth: thirty people watch one teacher, many of them on a phone and a
// shared line. A teacher sends three layers up to 960x540, a pupil one small picture; whoever does
// not look at a video does not receive it (adaptive stream), and a layer that nobody watches is not
// even sent (dynacast).
import { AudioPresets, Participant, ParticipantKind, Room, Track, VideoPresets, type RoomOptions } from "livekit-client";
import type { Role } from "./page";

export type Source = "microphone" | "camera";

/** What the server may let somebody send. */
export type Grant = Source | "screen";

/** Topic of the data packets in which the server passes chat messages on. */
export const chatTopic = "preau.chat";

export function makeRoom(role: Role): Room {
  const teacher = role === "teacher";
  const options: RoomOptions = {
    // One device pixel a CSS pixel: a sharper picture of a face teaches nothing and costs double.
    adaptiveStream: { pixelDensity: 1, pauseVideoInBackground: true },
    dynacast: true,
    audioCaptureDefaults: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    videoCaptureDefaults: { resolution: teacher ? VideoPresets.h540.resolution : { width: 320, height: 180, frameRate: 15 } },
    publishDefaults: {
      videoCodec: "vp8",
      backupCodec: false,
      simulcast: teacher,
      videoEncoding: teacher ? VideoPresets.h540.encoding : { maxBitrate: 150_000, maxFramerate: 15 },
      videoSimulcastLayers: [VideoPresets.h180, VideoPresets.h360],
      audioPreset: AudioPresets.speech,
      dtx: true,
      // Each packet of speech also carries the one before it (RFC 2198): a school's Wi-Fi that loses one in ten loses hardly a
      // word, for 24 kbit/s more while somebody speaks. Of a screen's sound with two channels LiveKit's client sends none.
      // A pupil who mutes must see the recording lamp go out. A teacher speaks again at once, and
      // some headsets need two seconds to change their mode.
      stopMicTrackOnMute: !teacher,
    },
    disconnectOnPageLeave: true,
  };
  return new Room(options);
}

/** Whether the server lets this participant publish from that source now. */
export function mayPublish(participant: Participant, source: Grant): boolean {
  const granted = participant.permissions;
  if (!granted?.canPublish) return false;
  const wanted = { microphone: Track.Source.Microphone, camera: Track.Source.Camera, screen: Track.Source.ScreenShare }[source];
  return granted.canPublishSources.length === 0 || granted.canPublishSources.some((one) => Track.sourceFromProto(one) === wanted);
}

/** The teacher of the lesson (or a substitute): the one whose picture and voice the lesson is. */
export function isTeacher(participant: Participant): boolean {
  return participant.attributes["role"] === "teacher";
}

export function isPupil(participant: Participant): boolean {
  return participant.attributes["role"] === "pupil";
}

/** When the hand went up, in milliseconds since 1970; `undefined` while it is down. */
export function handRaised(participant: Participant): number | undefined {
  const moment = Date.parse(participant.attributes["hand"] ?? "");
  return Number.isNaN(moment) ? undefined : moment;
}

/** Everybody in the room who is a person, oneself first. */
export function everybody(room: Room): Participant[] {
  return [room.localParticipant, ...room.remoteParticipants.values()].filter(
    (participant) => participant.identity !== "" && participant.kind === ParticipantKind.STANDARD,
  );
}

/** The name to show. The server sets it from the class list; an identity is never shown. */
export function nameOf(participant: Participant): string {
  return participant.name || "…";
}
