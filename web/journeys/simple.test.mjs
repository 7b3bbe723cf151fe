// The live lesson for small children: the teacher switches it on, and a pupil has one picture and a few large buttons,
// on a phone and on a laptop, by hand and by keyboard; what is for the grown-up beside is folded away. A primary
// school has this page by itself (a test of the server's).
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { LAPTOP, PHONE, assertAccessible, assertFits, assertNoComplaint, assertSeesAndHears, betweenBells, liveLesson, openBrowser, received, shoot, startSchool, until } from "./harness.mjs";

let school, browser, teacher, pupil, lesson;

before(async () => {
  school = await startSchool({ zone: betweenBells() });
  browser = await openBrowser();
  lesson = await liveLesson(browser, school);
  ({ teacher, pupil } = lesson);
});

after(async () => {
  await browser?.close();
  await school?.stop();
});

const seen = (page) => page.locator("#live button:visible, #live a:visible, #live summary:visible, #live textarea:visible").allTextContents();

test("the teacher makes the pupils' pages simple", async () => {
  await teacher.getByRole("button", { name: "Outils", exact: true }).click();
  await teacher.locator("#tools summary").filter({ hasText: "Vue simple" }).click();
  assert.equal(await teacher.getByLabel("Page simple pour les élèves").isChecked(), false, "a collège does not begin with it");
  await teacher.getByLabel("Page simple pour les élèves").check();
  await pupil.locator("#simple").getByRole("button", { name: "Main" }).waitFor();
  assert.deepEqual(await seen(pupil), ["Main", "Cœur", "Pour l’adulte"]);
  await assertSeesAndHears(pupil, "the simple page");
  await assertAccessible(pupil, "the simple page on a phone");
  await assertFits(pupil, "the simple page on a phone");
  await shoot(pupil, "simple-phone");
  await assertAccessible(teacher, "the switch");
  await shoot(teacher, "simple-switch-laptop");
});

test("a hand, by keyboard, and the floor", async () => {
  const hand = pupil.getByRole("button", { name: "Main", pressed: false });
  await hand.focus();
  await pupil.keyboard.press("Enter");
  await pupil.getByRole("button", { name: "Main", pressed: true }).waitFor();
  await shoot(pupil, "simple-hand-phone");
  await teacher.getByRole("button", { name: `Donner la parole à ${lesson.pupils[0].name}` }).click();
  await pupil.locator("#simple").getByRole("button", { name: "Parler" }).waitFor();
  assert.deepEqual(await seen(pupil), ["Main", "Parler", "Cœur", "Pour l’adulte"]);
  await pupil.locator("#simple").getByRole("button", { name: "Parler" }).click();
  await pupil.getByRole("button", { name: "Parler", pressed: true }).waitFor();
  await until("the child is heard", async () => {
    const { samples, energy } = await received(teacher);
    return samples > 10_000 && energy > 0;
  });
  await assertAccessible(pupil, "a child who speaks");
  await assertFits(pupil, "a child who speaks");
  await shoot(pupil, "simple-speaks-phone");
});

test("a heart for the class", async () => {
  await pupil.getByRole("button", { name: "Cœur" }).click();
  await until("the teacher hears of it", async () => /Cœur : 1/.test((await teacher.locator("#signs").textContent()).replaceAll("\u00a0", " ")));
  await shoot(teacher, "simple-heart-laptop");
});

test("on a laptop the picture is as large as the window lets it be, in dark colours too", async () => {
  await pupil.setViewportSize(LAPTOP);
  const { width, bottom } = await pupil.locator("#stage .tile.teacher").evaluate((tile) => ({ width: tile.clientWidth, bottom: tile.getBoundingClientRect().bottom }));
  assert.ok(width > 700, `the picture is ${width} px wide`);
  const top = await pupil.locator(".simple-buttons").evaluate((bar) => bar.getBoundingClientRect().top);
  assert.ok(bottom <= top, `the picture ends at ${bottom} px, the buttons begin at ${top} px`);
  await assertAccessible(pupil, "the simple page on a laptop");
  await assertFits(pupil, "the simple page on a laptop");
  await shoot(pupil, "simple-laptop");
  await pupil.emulateMedia({ colorScheme: "dark" });
  await assertAccessible(pupil, "the simple page in dark colours");
  await shoot(pupil, "simple-dark-laptop");
  await pupil.emulateMedia({ colorScheme: "light" });
  await pupil.setViewportSize(PHONE);
});

test("settings and the way out are for the grown-up; the usual page comes back", async () => {
  await pupil.getByText("Pour l’adulte").click();
  await assertAccessible(pupil, "for the grown-up");
  await shoot(pupil, "simple-adult-phone");
  await pupil.locator("#simple").getByRole("button", { name: "Réglages" }).click();
  await pupil.getByRole("dialog").getByLabel("Son seulement").waitFor();
  await pupil.getByRole("button", { name: "Terminé" }).click();
  await pupil.reload();
  await pupil.locator("#simple").getByRole("button", { name: "Main" }).waitFor();
  await teacher.getByLabel("Page simple pour les élèves").uncheck();
  await pupil.getByRole("button", { name: /la main/ }).waitFor();
  await pupil.locator("#simple").waitFor({ state: "hidden" });
  for (const [page, who] of [[teacher, "teacher"], [pupil, "pupil"]]) assertNoComplaint(page, who);
});
