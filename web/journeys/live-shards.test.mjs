// Two lessons on two media threads, of which one fails: its lesson is back within five seconds without anybody doing
// anything, and the other does not notice.
import { test } from "node:test";
import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import { LAPTOP, PHONE, assertNoComplaint, assertSeesAndHears, lessonNow, openBrowser, person, phase, received, startSchool, until } from "./harness.mjs";

/** What comes back by itself does so within this, in milliseconds. */
const BACK = 5_000;

/** A token of LiveKit's kind that administers a room. */
function adminToken(key, secret, room) {
  const text = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const now = Math.floor(Date.now() / 1_000);
  const body = `${text({ alg: "HS256", typ: "JWT" })}.${text({ iss: key, nbf: now - 5, exp: now + 60, video: { room, roomAdmin: true } })}`;
  return `${body}.${createHmac("sha256", secret).update(body).digest("base64url")}`;
}

/** Remembers every phase that the page goes through from now on. */
const watch = (page) =>
  page.evaluate(() => {
    window.phases = [];
    setInterval(() => window.phases.at(-1) === window.__preau.phase() || window.phases.push(window.__preau.phase()), 10);
  });
const phases = (page) => page.evaluate(() => window.phases);

test("a media thread that fails takes only its lesson, which comes back by itself", async (t) => {
  const [key, secret] = ["APIjourneys", randomBytes(24).toString("hex")];
  const school = await startSchool({ environment: { PREAU_LIVE__SHARDS: "2", PREAU_LIVE__KEY: key, PREAU_LIVE__SECRET: secret } });
  const browser = await openBrowser();
  t.after(async () => {
    await browser.close();
    await school.stop();
  });
  const lessons = [];
  for (let count = 0; count < 2; count++) {
    const lesson = await lessonNow(browser, school, { viewport: LAPTOP, except: lessons.map((one) => one.schoolClass) });
    const teacher = lesson.page;
    await teacher.goto(lesson.livePath);
    await teacher.getByRole("button", { name: "Ouvrir la classe" }).click();
    await until("the teacher is live", async () => (await phase(teacher)) === "live");
    const pupil = await person(browser, school, lesson.pupils[0], { viewport: PHONE });
    await pupil.goto(lesson.livePath);
    await until("the pupil is live", async () => (await phase(pupil)) === "live");
    await assertSeesAndHears(pupil, `the pupil of ${lesson.schoolClass}`);
    lessons.push({ ...lesson, teacher, pupil });
  }
  const [failing, other] = lessons;
  const all = [failing.teacher, failing.pupil, other.teacher, other.pupil];
  await Promise.all(all.map(watch));

  const room = `lesson-${failing.livePath.match(/\d+/)[0]}`;
  const begun = Date.now();
  const answer = await fetch(`${school.origin}/twirp/livekit.RoomService/FailShard`, {
    method: "POST",
    headers: { Authorization: `Bearer ${adminToken(key, secret, room)}`, "Content-Type": "application/json" },
    body: "{}",
  });
  assert.equal(answer.status, 200, await answer.text());
  const back = async (page) => (await phases(page)).includes("interrupted") && (await phase(page)) === "live";
  await until("both are back", async () => (await back(failing.teacher)) && (await back(failing.pupil)));
  await until("the pupil sees the teacher again", async () => (await received(failing.pupil)).frames > 0);
  const took = Date.now() - begun;
  t.diagnostic(`back after ${took} ms`);
  assert.ok(took < BACK, `the lesson was back after ${took} ms`);
  await assertSeesAndHears(failing.pupil, "after the failure");
  await assertSeesAndHears(other.pupil, "of the other lesson");
  assert.deepEqual([await phases(other.teacher), await phases(other.pupil)], [["live"], ["live"]], "the other lesson did not notice");
  assert.match(school.output(), /a room engine failed; its rooms start over/);
  for (const page of all) assertNoComplaint(page, "page");
});
