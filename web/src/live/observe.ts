// What a test may ask of the live page, under `window.__preau`: the phase, and numbers about the
// media that arrives. It reveals no token, no name and no message, and it changes nothing.
import { ConnectionState, RemoteTrack, type Room } from "livekit-client";
import type { Phase } from "./connection";

export interface ReceivedMedia {
  readonly kind: string;
  /** Such as "video/VP8"; empty before anything came. */
  readonly codec: string;
  /** Whole frames decoded since the track came; zero for sound. */
  readonly framesDecoded: number;
  /** Samples of sound received since the track came; zero for video. */
  readonly samplesReceived: number;
  /** Sum of squared loudness over time, of the Statistics API; grows only while there is sound. */
  readonly audioEnergy: number;
  readonly width: number;
  /** Whether each packet also carries the one before it, as its sender announced; never of video. */
  readonly redundant: boolean;
}

export interface Observation {
  phase(): Phase;
  connected(): boolean;
  received(): Promise<ReceivedMedia[]>;
  /** How media reach this page, of each connection that is up: "udp", "tcp", or "relay". */
  networks(): Promise<string[]>;
}

export function observe(phase: () => Phase, room: Room): void {
  const observation: Observation = {
    phase,
    connected: () => room.state === ConnectionState.Connected,
    received: async () => {
      const found: ReceivedMedia[] = [];
      for (const person of room.remoteParticipants.values()) {
        for (const publication of person.trackPublications.values()) {
          const track = publication.track;
          if (!(track instanceof RemoteTrack)) continue;
          const report = await track.receiver?.getStats();
          report?.forEach((entry: Record<string, unknown>) => {
            if (entry["type"] !== "inbound-rtp") return;
            found.push({
              kind: track.kind,
              codec: String((report.get(String(entry["codecId"])) as Record<string, unknown> | undefined)?.["mimeType"] ?? ""),
              framesDecoded: Number(entry["framesDecoded"] ?? 0),
              samplesReceived: Number(entry["totalSamplesReceived"] ?? 0),
              audioEnergy: Number(entry["totalAudioEnergy"] ?? 0),
              width: Number(entry["frameWidth"] ?? 0),
              redundant: publication.trackInfo?.mimeType === "audio/red",
            });
          });
        }
      }
      return found;
    },
    networks: async () => {
      const transports = [room.engine.pcManager?.publisher, room.engine.pcManager?.subscriber];
      const found: string[] = [];
      for (const transport of transports) {
        if (transport?.getConnectionState() !== "connected") continue;
        const report = await transport.getStats();
        report?.forEach((entry: Record<string, unknown>) => {
          // Firefox marks the pair itself; others name it in the transport.
          const named = entry["type"] === "transport" && report.get(String(entry["selectedCandidatePairId"]));
          const pair = entry["type"] === "candidate-pair" && entry["selected"] ? entry : (named as Record<string, unknown> | undefined | false);
          if (!pair) return;
          const [local, remote] = ["localCandidateId", "remoteCandidateId"].map((end) => report.get(String(pair[end])) as Record<string, unknown> | undefined);
          if (local && remote) found.push(String(local["candidateType"] === "relay" ? "relay" : remote["protocol"]));
        });
      }
      return found;
    },
  };
  Object.defineProperty(window, "__preau", { value: Object.freeze(observation) });
}
