// Firefox and Chromium in one lesson, once with the teacher in each: both see and hear the other, write to one
// another, and come back after a cut socket and after a restart of the server.
import { after, before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { LAPTOP, PHONE, assertNoComplaint, assertSeesAndHears, lessonNow, openBrowser, openFirefox, person, phase, received, shoot, startSchool, until } from "./harness.mjs";
import { onLiveKit } from "./livekit.mjs";
import { cuttable } from "./road.mjs";

/** The road leads to Préau; a page's way to a LiveKit server is its own. */
const noRoad = onLiveKit ? "the socket is a LiveKit server's, which the road does not lead to" : false;

const browsers = { Chromium: { open: openBrowser, options: {} }, Firefox: { open: openFirefox, options: { permissions: [] } } };

for (const [teachers, pupils] of [["Chromium", "Firefox"], ["Firefox", "Chromium"]]) {
  describe(`the teacher in ${teachers}, the pupil in ${pupils}`, () => {
    let school, road, own, others, teacher, pupil, account;

    before(async () => {
      school = await startSchool();
      road = await cuttable(school.origin);
      [own, others] = await Promise.all([teachers, pupils].map((name) => browsers[name].open()));
      const lesson = await lessonNow(own, school, { viewport: LAPTOP, ...browsers[teachers].options });
      teacher = lesson.page;
      account = lesson.pupils[0];
      pupil = await person(others, { ...school, origin: road.origin }, account, { viewport: PHONE, ...browsers[pupils].options });
      await teacher.goto(lesson.livePath);
      await teacher.getByRole("button", { name: "Ouvrir la classe" }).click();
      await until("the teacher is live", async () => (await phase(teacher)) === "live");
      await pupil.goto(lesson.livePath);
      await until("the pupil is live", async () => (await phase(pupil)) === "live");
    });

    after(async () => {
      await Promise.all([own?.close(), others?.close()]);
      road?.stop();
      await school?.stop();
    });

    test("the pupil sees and hears the teacher", async () => {
      await assertSeesAndHears(pupil, `the pupil in ${pupils}`);
      await shoot(pupil, `live-firefox-${pupils}-pupil`);
    });

    test("the teacher gives the floor, and sees and hears the pupil", async () => {
      await teacher.getByLabel(`Agir pour ${account.name}`).click();
      await teacher.getByRole("button", { name: "Autoriser la caméra" }).click();
      await pupil.getByText("Ton professeur autorise ta caméra").waitFor();
      await teacher.getByLabel(`Agir pour ${account.name}`).press("Enter");
      await teacher.getByRole("button", { name: "Donner la parole", exact: true }).click();
      await pupil.getByRole("button", { name: "Ouvrir la caméra" }).click();
      await pupil.getByRole("button", { name: "Couper la caméra" }).waitFor();
      await pupil.getByRole("button", { name: "Ouvrir le micro" }).click();
      await pupil.getByRole("button", { name: "Couper le micro" }).waitFor();
      await assertSeesAndHears(teacher, `the teacher in ${teachers}`);
      await shoot(teacher, `live-firefox-${teachers}-teacher`);
    });

    test("they write to one another", async () => {
      await pupil.getByRole("button", { name: "Discussion" }).click();
      await pupil.getByLabel("Écrire à la classe").fill("Bonjour Madame");
      await pupil.getByLabel("Écrire à la classe").press("Enter");
      const log = (page) => page.locator(".chat-log .message-text").allTextContents();
      // Open beside the picture where there is room for it.
      await until("the teacher reads it", async () => (await log(teacher)).includes("Bonjour Madame"));
      await teacher.getByLabel("Écrire à la classe").fill("Bonjour à tous");
      await teacher.getByRole("button", { name: "Envoyer" }).click();
      await until("the pupil reads the answer", async () => (await log(pupil)).includes("Bonjour à tous"));
    });

    test("a cut socket is resumed: the tracks go on", { skip: noRoad }, async () => {
      await until("many frames were counted", async () => (await received(pupil)).frames > 150);
      const earlier = await received(pupil);
      road.cut();
      await until("the pupil noticed", async () => (await phase(pupil)) === "interrupted");
      await until("the pupil is back", async () => (await phase(pupil)) === "live");
      // A stay that began anew would count from nothing.
      assert.ok((await received(pupil)).frames > earlier.frames, "the tracks are the same ones");
      await assertSeesAndHears(pupil, "after the cut");
      await assertSeesAndHears(teacher, "after the cut");
    });

    test("after the server was cut off, the lesson comes back by itself", async () => {
      await school.cutAndRestart(1_000);
      await until("both are live again", async () => (await Promise.all([teacher, pupil].map(phase))).every((one) => one === "live"), 90_000);
      await assertSeesAndHears(pupil, "after the restart");
      for (const [page, who] of [[teacher, "teacher"], [pupil, "pupil"]]) assertNoComplaint(page, who);
    });
  });
}
