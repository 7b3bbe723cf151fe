// The live lesson with a client that is neither ours nor a browser: LiveKit's native one (PyPI's `livekit`), once
// with one peer connection (`/rtc/v1`) and once with two (`/rtc`). It sees, hears, is seen, heard, muted and sent out.
//
// PREAU_PYTHON  a Python that has the package; `make test` prepares target/python
import { after, before, test } from "node:test";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";
import { LAPTOP, PHONE, assertSeesAndHears, lessonNow, openBrowser, person, phase, received, startSchool, until } from "./harness.mjs";
import { onLiveKit } from "./livekit.mjs";

const python = process.env.PREAU_PYTHON ?? fileURLToPath(new URL("../../target/python/bin/python", import.meta.url));
const script = fileURLToPath(new URL("native_client.py", import.meta.url));
const skip = existsSync(python) ? false : `no native client: ${python} is missing (xtask/prepare.sh test installs it)`;

let school, browser, teacher, lesson;

before(async () => {
  if (skip) return;
  school = await startSchool();
  browser = await openBrowser();
  lesson = await lessonNow(browser, school, { viewport: LAPTOP });
  teacher = lesson.page;
  await teacher.goto(lesson.livePath);
  await teacher.getByRole("button", { name: "Ouvrir la classe" }).click();
  await until("the teacher is live", async () => (await phase(teacher)) === "live");
});

after(async () => {
  await browser?.close();
  await school?.stop();
});

/** Asks as the page of `account` would for a way in, and lets the native client go it. */
async function nativeClient(account, connections, codec = "VP8") {
  const page = await person(browser, school, account, { viewport: PHONE });
  const entry = await page.evaluate((path) => fetch(path).then((answer) => answer.json()), `${lesson.livePath}.json`);
  await page.context().close();
  const client = spawn(python, [script, entry.url, entry.token, connections, codec], { stdio: ["pipe", "pipe", "pipe"] });
  let seen = { state: "starting" };
  let words = "";
  client.stderr.on("data", (chunk) => (words = (words + chunk).slice(-4_000)));
  createInterface({ input: client.stdout }).on("line", (line) => (seen = JSON.parse(line)));
  return {
    identity: entry.identity,
    seen() {
      assert.equal(client.exitCode, null, `the native client ended:\n${words}`);
      return seen;
    },
    kill: () => client.kill("SIGKILL"),
    async leave() {
      client.stdin.end();
      if (client.exitCode === null) await new Promise((resolve) => client.once("exit", resolve));
      assert.equal(client.exitCode, 0, words);
    },
  };
}

/** The teacher's page asks the server for something, as its buttons do. */
const act = (path, body) =>
  teacher.evaluate(
    ([path, body]) => {
      const headers = { "Content-Type": "application/json", "X-CSRF-Token": document.getElementById("live").dataset.csrf };
      return fetch(path, { method: "POST", headers, body: JSON.stringify(body) }).then((answer) => answer.status);
    },
    [`${lesson.livePath}${path}`, body],
  );

for (const [index, connections] of ["one", "two"].entries()) {
  test(`a native client with ${connections} peer connection(s) takes part in the lesson`, { skip }, async (t) => {
    const account = lesson.pupils[index];
    assert.equal(await act("/permission", { microphone: true, camera: true }), 204);
    const native = await nativeClient(account, connections);
    t.after(() => native.kill());
    await until("it publishes", () => native.seen().state === "publishing", 60_000);

    await until("it sees and hears the teacher", () => {
      const { frames, samples, energy, light } = native.seen();
      return frames > 20 && samples > 48_000 && energy > 0.1 && light > 5;
    });
    assert.deepEqual(Object.values(native.seen().people), [lesson.account.name]);
    assert.ok(native.seen().width >= 320, `the picture is ${native.seen().width} wide`);
    await assertSeesAndHears(teacher, "the teacher, of the native client");

    assert.equal(await act("/messages", { text: `Bonjour ${connections}` }), 204);
    await until("it reads the chat", () => native.seen().packets.some((packet) => packet.startsWith("preau.chat ") && packet.includes(`Bonjour ${connections}`)));

    assert.equal(await act(`/participants/${native.identity}/mute`, {}), 204);
    // Muting takes effect at the server, whatever the client does: nothing of its voice arrives any more.
    await until("its voice is not heard any more", async () => {
      const before = await received(teacher);
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      const now = await received(teacher);
      return now.energy - before.energy < 1e-4 && now.frames > before.frames;
    });

    await school.cutAndRestart(1_000);
    // Its socket is Préau's, or a LiveKit server's, which goes on.
    if (!onLiveKit) await until("it has come back", () => native.seen().reconnected >= 1, 60_000);
    await until("the teacher is back", async () => (await phase(teacher)) === "live", 60_000);
    const frames = native.seen().frames;
    await until("it sees again", () => native.seen().frames > frames + 20, 60_000);
    if (onLiveKit) assert.equal(native.seen().reconnected, 0, "it noticed nothing");

    if (connections === "two") {
      assert.equal(await act(`/participants/${native.identity}/removal`, {}), 204);
      await until("it was sent out", () => native.seen().state === "disconnected");
      assert.match(native.seen().reason, /PARTICIPANT_REMOVED|^4$/);
    }
    await native.leave();
    await until("it is gone", async () => (await received(teacher)).tracks === 0);
  });
}

for (const [codec, arrives] of [["H264", "video/H264"], ["VP9", "video/VP9"]]) {
  test(`what a native client sends as ${codec} is seen in a browser`, { skip }, async (t) => {
    assert.equal(await act("/permission", { microphone: true, camera: true }), 204);
    const native = await nativeClient(lesson.pupils[0], "two", codec);
    t.after(() => native.kill());
    await until("it is seen", async () => {
      const tracks = await teacher.evaluate(() => window.__preau.received());
      return tracks.some((track) => track.kind === "video" && track.codec === arrives && track.framesDecoded > 20);
    }, 60_000);
    await native.leave();
    await until("it is gone", async () => (await received(teacher)).tracks === 0);
  });
}

test("a native client that comes when nobody sends anything is connected, and is there for who comes", { skip }, async (t) => {
  assert.equal(await act("/permission", { microphone: true, camera: true }), 204);
  await teacher.goto("/today");
  // With two connections it is not in before the second one stands, on which it receives.
  const native = await nativeClient(lesson.pupils[0], "two");
  t.after(() => native.kill());
  await until("it publishes", () => native.seen().state === "publishing", 60_000);
  await teacher.goto(lesson.livePath);
  await until("the teacher is live", async () => (await phase(teacher)) === "live");
  await assertSeesAndHears(teacher, "the teacher, of who was there before");
  await until("it sees and hears the teacher", () => native.seen().frames > 20 && native.seen().samples > 48_000);
  await native.leave();
});
