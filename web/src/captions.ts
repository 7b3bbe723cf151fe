// Captions as LiveKit's clients know them: a `Transcription` in a data packet. A bundle of its own, loaded by a
// teacher's page that switches captions on, because the format's code is heavy and nobody else needs it.
import { DataPacket, DataPacket_Kind, Transcription, TranscriptionSegment } from "@livekit/protocol";

/** A piece of what was said. */
export interface Segment {
  /** The same for every state of one piece. */
  readonly id: string;
  readonly text: string;
  /** Whether the text will not change any more. */
  readonly final: boolean;
}

/** The packet that says what `identity` said on the track `track`. */
export function packet(identity: string, track: string, language: string, segments: readonly Segment[]): DataPacket {
  const now = BigInt(Date.now());
  return new DataPacket({
    kind: DataPacket_Kind.RELIABLE,
    value: {
      case: "transcription",
      value: new Transcription({
        transcribedParticipantIdentity: identity,
        trackId: track,
        segments: segments.map((segment) => new TranscriptionSegment({ ...segment, language, startTime: now, endTime: now })),
      }),
    },
  });
}
