// The day around the lesson: the page that follows it by itself, the way in from it, the roll call
// prefilled from who was there.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { PHONE, assertAccessible, assertFits, assertNoComplaint, assertSeesAndHears, lessonNow, openBrowser, person, phase, shoot, startSchool, until } from "./harness.mjs";

let school, browser, lesson, pupil;

before(async () => {
  school = await startSchool();
  browser = await openBrowser();
  lesson = await lessonNow(browser, school);
  pupil = await person(browser, school, lesson.pupils[0], { viewport: PHONE });
});

after(async () => {
  await browser?.close();
  await school?.stop();
});

test("the pupil's day offers the way in by itself once the teacher has opened", async () => {
  await pupil.goto("/today");
  await assertAccessible(pupil, "today of a pupil");
  await assertFits(pupil, "today of a pupil");
  await shoot(pupil, "today-pupil-phone");
  await assertAccessible(lesson.page, "today of a teacher");
  // One click opens; the class is live when the teacher's page has it.
  await lesson.page.getByRole("button", { name: /^Ouvrir la classe/ }).first().click();
  await lesson.page.waitForURL(/\/live$/);
  await until("the teacher is live", async () => (await phase(lesson.page)) === "live");
  const reloads = await pupil.evaluate(() => (window.notReloaded = true));
  assert.ok(reloads);
  const join = pupil.getByRole("link", { name: "Rejoindre" }).first();
  await join.waitFor({ timeout: 100_000 });
  assert.ok(await pupil.evaluate(() => window.notReloaded), "the page changed without a reload");
  await join.click();
  await until("the pupil is live", async () => (await phase(pupil)) === "live");
  await assertSeesAndHears(pupil, "the pupil");
});

test("the roll is prefilled from who is there, and closed by the teacher", async () => {
  const page = lesson.page;
  await page.goto("/today");
  await page.getByRole("link", { name: /l’appel/ }).first().click();
  // Present, or late when the lesson had begun more than five minutes before: never absent.
  const seen = page.getByRole("radiogroup", { name: lesson.pupils[0].name });
  assert.ok(!(await seen.getByLabel("Absent").isChecked()), "who is in the lesson is not absent");
  const absent = page.getByRole("radiogroup", { name: lesson.pupils[1].name }).getByLabel("Absent");
  assert.ok(await absent.isChecked(), "who has not come is absent until the teacher says otherwise");
  await assertAccessible(page, "roll call");
  await shoot(page, "rollcall-laptop");
  await page.getByRole("radiogroup", { name: lesson.pupils[1].name }).getByLabel("Retard").check();
  await page.getByRole("button", { name: "Terminer l’appel" }).click();
  await page.goto("/today");
  await page.getByText("Appel fait").first().waitFor();
  for (const one of [page, pupil]) assertNoComplaint(one, "day");
});
