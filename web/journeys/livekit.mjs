// A real LiveKit server for the journeys, with a key and ports of its own on the loopback address. With
// PREAU_LIVEKIT (the server's binary) in the environment every demo school holds its lessons there instead of in
// its own media engine, and the same journeys tell whether anybody notices. With PREAU_EGRESS as well (the binary of its
// recorder, which wants GStreamer 1.22) and a Redis server between the two, those lessons can be recorded.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { randomBytes } from "node:crypto";
import { mkdir, readFile, readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import assert from "node:assert/strict";

/** Longest wait for the server to answer, in milliseconds. */
const START = 30_000;

/** Whether lessons are held on a LiveKit server. */
export const onLiveKit = Boolean(process.env.PREAU_LIVEKIT);

/** Whether these can be recorded there. */
export const withEgress = onLiveKit && Boolean(process.env.PREAU_EGRESS);

/** Ends a process, without warning where it does not hear. */
async function end(process, signal = "SIGTERM") {
  if (process.exitCode !== null || process.signalCode !== null) return;
  process.kill(signal);
  const hard = setTimeout(() => process.kill("SIGKILL"), 10_000);
  await once(process, "exit");
  clearTimeout(hard);
}

/** The recorder, its Redis, and what both servers are to know of it. It writes into `folder`. */
async function egress(folder, freePort) {
  const program = ["redis-server", "valkey-server"].find((name) => spawnSync(name, ["--version"]).status === 0);
  assert.equal(basename(process.env.PREAU_EGRESS), "egress", "the recorder's program must be called so");
  assert.ok(program, "PREAU_EGRESS needs redis-server or valkey-server");
  const redis = { address: `127.0.0.1:${await freePort()}` };
  const [host, port] = redis.address.split(":");
  const store = spawn(program, ["--bind", host, "--port", port, "--save", "", "--appendonly", "no"], { stdio: "ignore" });
  await mkdir(folder, { recursive: true });
  const health = await freePort();
  let recorder;
  return {
    redis,
    environment: { PREAU_RECORDING__EGRESS_FOLDER: folder },
    /** Starts it, or starts it again. */
    async start(url, key, secret, hear) {
      const template = await freePort();
      // A track costs little; the machine of a test is busy with browsers, and a recorder without time refuses and stops.
      const config = { api_key: key, api_secret: secret, ws_url: url, redis, health_port: health, template_port: template, insecure: true, cpu_cost: { max_cpu_utilization: 1, track_cpu_cost: 0.1 } };
      const begin = async () => {
        // It starts itself anew for each file, and looks for itself under this name where programs are.
        const path = `${dirname(process.env.PREAU_EGRESS)}:${process.env.PATH}`;
        recorder = spawn("egress", [], { env: { ...process.env, PATH: path, EGRESS_CONFIG_BODY: JSON.stringify(config) }, stdio: ["ignore", "pipe", "pipe"] });
        for (const stream of [recorder.stdout, recorder.stderr]) stream.on("data", hear);
        const deadline = Date.now() + START;
        for (;;) {
          assert.equal(recorder.exitCode, null, "the recorder ended by itself");
          assert.ok(Date.now() < deadline, "the recorder was not ready");
          try {
            if ((await fetch(`http://127.0.0.1:${health}/`)).ok) return;
          } catch {
            // Not listening yet.
          }
          await new Promise((resolve) => setTimeout(resolve, 200));
        }
      };
      await begin();
      /** Kills it with all that it has begun, as when its machine goes down. */
      this.cut = async () => {
        const gone = once(recorder, "exit");
        const threads = await readdir(`/proc/${recorder.pid}/task`);
        const all = await Promise.all(threads.map((thread) => readFile(`/proc/${recorder.pid}/task/${thread}/children`, "utf8")));
        recorder.kill("SIGKILL");
        for (const child of new Set(all.join(" ").split(" ").filter(Boolean))) process.kill(Number(child), "SIGKILL");
        await gone;
      };
      this.again = begin;
    },
    async stop() {
      if (recorder) await end(recorder, "SIGTERM");
      await end(store, "SIGTERM");
    },
  };
}

/**
 * Starts the server; it tells `webhook` who comes and goes. Returns the school's settings, what the server has said,
 * and `stop`. Its recorder, where there is one, writes into a folder below `folder`.
 */
export async function startLiveKit(webhook, freePort, folder) {
  const [key, secret] = ["APIjourneys", randomBytes(24).toString("hex")];
  const [port, tcp, udp] = [await freePort(), await freePort(), await freePort()];
  const recorder = withEgress ? await egress(join(folder, "egress"), freePort) : undefined;
  // YAML takes JSON.
  const config = {
    ...(recorder && { redis: recorder.redis }),
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
  const hear = (chunk) => (output = (output + chunk).slice(-16_000));
  await recorder?.start(`ws://127.0.0.1:${port}`, key, secret, hear);
  return {
    recorder,
    environment: { ...recorder?.environment, PREAU_LIVE__ENGINE: "livekit", PREAU_LIVE__URL: `ws://127.0.0.1:${port}`, PREAU_LIVE__KEY: key, PREAU_LIVE__SECRET: secret },
    output: () => output,
    async stop() {
      await recorder?.stop();
      await end(server);
    },
  };
}
