// The live lesson on networks that are not kind: one that lets no UDP through, one that is full, and one that swallows.
import { test } from "node:test";
import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { JoinRequest, WrappedJoinRequest, WrappedJoinRequest_Compression as Compression } from "@livekit/protocol";
import { LAPTOP, PHONE, assertAccessible, assertNoComplaint, assertSeesAndHears, lessonNow, openBrowser, person, phase, received, shoot, startSchool, until } from "./harness.mjs";
import { cuttable } from "./road.mjs";

const networks = (page) => page.evaluate(() => window.__preau.networks());

/** Opens the class of a lesson that is on now, and lets a pupil in. */
async function openedClass(school, teachers, pupils) {
  const lesson = await lessonNow(teachers, school, { viewport: LAPTOP });
  const teacher = lesson.page;
  await teacher.goto(lesson.livePath);
  await teacher.getByRole("button", { name: "Ouvrir la classe" }).click();
  await until("the teacher is live", async () => (await phase(teacher)) === "live");
  const pupil = await person(pupils, school, lesson.pupils[0], { viewport: PHONE });
  await pupil.goto(lesson.livePath);
  await until("the pupil is live", async () => (await phase(pupil)) === "live");
  return { lesson, teacher, pupil };
}

test("where the network lets no UDP through, media come over TCP", async (t) => {
  // Without the relay on the web port, which such a browser takes as well (live-walled.test.mjs).
  const school = await startSchool({ environment: { PREAU_LIVE__RELAY: "false" } });
  const free = await openBrowser();
  // The browser's own rule for such networks: never UDP.
  const walled = await openBrowser({ options: ["--webrtc-ip-handling-policy=disable_non_proxied_udp"] });
  t.after(async () => {
    await Promise.all([free.close(), walled.close()]);
    await school.stop();
  });
  const { teacher, pupil } = await openedClass(school, free, walled);
  await assertSeesAndHears(pupil, "the pupil behind the wall");
  assert.deepEqual([...new Set(await networks(pupil))], ["tcp"]);
  assert.deepEqual([...new Set(await networks(teacher))], ["udp"]);
  for (const page of [teacher, pupil]) assertNoComplaint(page, "page");
});

test("when the line is full, pictures are given up and the class is told; voices go on", async (t) => {
  // A megabit for the whole school: the teacher's picture alone is more.
  const school = await startSchool({ environment: { PREAU_LIVE__BANDWIDTH_MBPS: "1" } });
  const browser = await openBrowser();
  t.after(async () => {
    await browser.close();
    await school.stop();
  });
  const { lesson, teacher, pupil } = await openedClass(school, browser, browser);
  await assertSeesAndHears(pupil, "the pupil");
  const other = await person(browser, school, lesson.pupils[1], { viewport: LAPTOP });
  await other.goto(lesson.livePath);
  await until("the second pupil is live", async () => (await phase(other)) === "live");
  await pupil.getByText(/Le réseau est très chargé/).waitFor({ timeout: 90_000 });
  await shoot(pupil, "live-step-phone");
  await assertAccessible(pupil, "live page, less than everything");
  const before = await received(pupil);
  await until("sound goes on", async () => (await received(pupil)).samples > before.samples + 48_000);
  assert.match(school.output(), /pictures are given up/);
  for (const page of [teacher, pupil, other]) assertNoComplaint(page, "page");
});

/** Whether this request would go on with a stay whose socket broke. */
function resumes(request) {
  const [, wrapped] = /^GET \/rtc\/v1\?.*join_request=([^& ]+)/.exec(request) ?? [];
  if (wrapped === undefined) return false;
  const { compression, joinRequest } = WrappedJoinRequest.fromBinary(Buffer.from(decodeURIComponent(wrapped), "base64"));
  return JoinRequest.fromBinary(compression === Compression.GZIP ? gunzipSync(joinRequest) : joinRequest).reconnect;
}

test("where every try to go on is swallowed, the page gives the room up after a minute and enters anew", async (t) => {
  const school = await startSchool();
  const swallowed = [];
  const road = await cuttable(school.origin, (request) => resumes(request) && swallowed.push(Date.now()));
  const browser = await openBrowser();
  t.after(async () => {
    await browser.close();
    road.stop();
    await school.stop();
  });
  const lesson = await lessonNow(browser, school, { viewport: LAPTOP });
  const { page: teacher } = lesson;
  await teacher.goto(lesson.livePath);
  await teacher.getByRole("button", { name: "Ouvrir la classe" }).click();
  await until("the teacher is live", async () => (await phase(teacher)) === "live");
  const pupil = await person(browser, { ...school, origin: road.origin }, lesson.pupils[0], { viewport: PHONE });
  await pupil.goto(lesson.livePath);
  await until("the pupil is live", async () => (await phase(pupil)) === "live");
  road.cut();
  await until("the pupil noticed", async () => (await phase(pupil)) === "interrupted");
  await until("the pupil is back", async () => (await phase(pupil)) === "live", 100_000);
  assert.ok(swallowed.length >= 2, "the client tried to go on, and nothing came of it");
  await assertSeesAndHears(pupil, "the pupil who entered anew");
  assertNoComplaint(pupil, "page");
});
