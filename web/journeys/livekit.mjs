// A real LiveKit server for the journeys, with a key and ports of its own on the loopback address. With
// PREAU_LIVEKIT (the server's binary) in the environment every demo school holds its lessons there instead of in
// its own media engine, and the same journeys tell whether anybody notices.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { randomBytes } from "node:crypto";
import assert from "node:assert/strict";

/** Longest wait for the server to answer, in milliseconds. */
const START = 30_000;

/** Whether lessons are held on a LiveKit server. */
export const onLiveKit = Boolean(process.env.PREAU_LIVEKIT);

/**
 * Starts the server; it tells `webhook` who comes and goes. Returns the school's settings, what the server has said,
 * and `stop`.
 */
export async function startLiveKit(webhook, freePort) {
  const [key, secret] = ["APIjourneys", randomBytes(24).toString("hex")];
  const [port, tcp, udp] = [await freePort(), await freePort(), await freePort()];
  // YAML takes JSON.
  const config = {
    port,
    bind_addresses: ["127.0.0.1"],
    keys: { [key]: secret },
    rtc: { tcp_port: tcp, udp_port: udp, node_ip: "127.0.0.1", use_external_ip: false, enable_loopback_candidate: true, interfaces: { includes: ["lo"] } },
    webhook: { api_key: key, urls: [webhook] },
    logging: { level: "info" },
  };
  let output = "";
  const server = spawn(process.env.PREAU_LIVEKIT, ["--config-body", JSON.stringify(config)], { stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [server.stdout, server.stderr]) stream.on("data", (chunk) => (output = (output + chunk).slice(-16_000)));
  const deadline = Date.now() + START;
  for (;;) {
    assert.equal(server.exitCode, null, `the LiveKit server ended by itself with status ${server.exitCode}:\n${output}`);
    assert.ok(Date.now() < deadline, `the LiveKit server was not ready after ${START / 1_000} s:\n${output}`);
    try {
      if ((await fetch(`http://127.0.0.1:${port}/`)).ok) break;
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    environment: { PREAU_LIVE__ENGINE: "livekit", PREAU_LIVE__URL: `ws://127.0.0.1:${port}`, PREAU_LIVE__KEY: key, PREAU_LIVE__SECRET: secret },
    output: () => output,
    async stop() {
      if (server.exitCode !== null || server.signalCode !== null) return;
      server.kill("SIGTERM");
      const hard = setTimeout(() => server.kill("SIGKILL"), 10_000);
      await once(server, "exit");
      clearTimeout(hard);
    },
  };
}
