// Others than the class and its teacher: the head visits and is seen, hears and sees, and sends nothing; a substitute
// holds the lesson beside the usual teacher, with the same rights, in the room and in the groups, until the head
// withdraws them.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { LAPTOP, PHONE, accountsOf, assertAccessible, assertFits, assertNoComplaint, assertSeesAndHears, betweenBells, liveLesson, openBrowser, person, phase, shoot, startSchool, until } from "./harness.mjs";

let school, browser, lesson, teacher, pupil, head, substitute, headAccount, substituteAccount;

before(async () => {
  school = await startSchool({ zone: betweenBells() });
  browser = await openBrowser();
  lesson = await liveLesson(browser, school);
  ({ teacher, pupil } = lesson);
  [headAccount] = accountsOf(school, "head");
  substituteAccount = accountsOf(school, "teacher").find(({ login }) => login !== lesson.account.login);
  head = await person(browser, school, headAccount, { viewport: PHONE });
});

after(async () => {
  await browser?.close();
  await school?.stop();
});

test("the head's visit is seen by everybody, and sends nothing", async () => {
  await head.goto(lesson.livePath);
  await until("the head is live", async () => (await phase(head)) === "live");
  await assertSeesAndHears(head, "the head");
  for (const page of [teacher, pupil]) await page.locator("#pupils").getByText(headAccount.name).waitFor();
  for (const name of ["Ouvrir le micro", "Ouvrir la caméra", "Lever la main"]) assert.equal(await head.getByRole("button", { name }).count(), 0, name);
  assert.equal(await head.getByText("La classe", { exact: true }).count(), 0, "who visits leads nothing");
  await assertAccessible(head, "a visit");
  await assertFits(head, "a visit");
  await shoot(head, "live-visit-phone");
  // What the page does not offer is refused as well.
  const sent = await head.evaluate(
    ([path]) => fetch(path, { method: "POST", headers: { "Content-Type": "application/json", "X-CSRF-Token": document.getElementById("live").dataset.csrf }, body: JSON.stringify({ raised: true }) }).then((answer) => answer.status),
    [`${lesson.livePath}/hand`],
  );
  assert.equal(sent, 409);
});

test("a substitute holds the lesson beside the usual teacher", async () => {
  await head.getByRole("button", { name: "Quitter" }).click();
  await until("the head has left", async () => (await phase(head)) === "left");
  await teacher.locator("#pupils").getByText(headAccount.name).waitFor({ state: "detached" });
  await head.goto(lesson.livePath.replace(/\/live$/, ""));
  await head.locator("summary", { hasText: "Faire remplacer" }).click();
  const choice = head.getByLabel("Qui assure ce cours");
  // Teachers are called there as pupils call them: by their family name.
  const family = substituteAccount.name.split(" ").at(-1);
  const value = await choice.locator("option").evaluateAll((all, name) => all.find((one) => one.textContent.trim().endsWith(name))?.value, family);
  assert.ok(value, `${family} is among those who can be chosen`);
  await choice.selectOption(value);
  await head.locator('form[action$="/substitution"]').getByRole("button").click();
  await head.locator(".change").waitFor();

  substitute = await person(browser, school, substituteAccount, { viewport: LAPTOP });
  await substitute.goto(lesson.livePath);
  await until("the substitute is live", async () => (await phase(substitute)) === "live");
  await pupil.locator("#stage .tile.teacher").nth(1).waitFor();
  // Voices are never given up, however busy the machine is.
  await until("the pupil hears both", () => pupil.evaluate(async () => (await window.__preau.received()).filter((track) => track.audioEnergy > 0).length === 2));
  await assertSeesAndHears(substitute, "the substitute");
  await assertAccessible(pupil, "two teachers");
  await assertFits(pupil, "two teachers");
  await shoot(pupil, "live-two-teachers-phone");
});

test("both moderate: one gives the floor, the other takes it", async () => {
  await pupil.getByRole("button", { name: "Lever la main" }).click();
  await substitute.getByRole("button", { name: `Donner la parole à ${lesson.pupils[0].name}` }).click();
  await pupil.getByText("Ton professeur te donne la parole").waitFor();
  await pupil.getByRole("button", { name: "Ouvrir le micro" }).click();
  await pupil.getByRole("button", { name: "Couper le micro" }).waitFor();
  await pupil.getByRole("button", { name: "Baisser la main" }).click();
  await teacher.getByText("La classe", { exact: true }).click();
  await teacher.getByRole("button", { name: "Couper tous les micros" }).click();
  await pupil.getByText("Ton professeur a coupé ton micro").waitFor();
  await teacher.getByText("La classe", { exact: true }).click();
  await teacher.getByRole("button", { name: "Reprendre la parole à tous" }).click();
  await pupil.getByText(/Ton professeur a repris la parole/).waitFor();
});

test("one teacher stays with the class while the other visits a group", async () => {
  await substitute.getByRole("button", { name: "Outils", exact: true }).click();
  await substitute.locator("#tools summary").filter({ hasText: "Groupes" }).click();
  await substitute.getByRole("combobox", { name: lesson.pupils[0].name, exact: true }).selectOption("Groupe 1");
  await substitute.getByRole("button", { name: "Ouvrir les groupes" }).click();
  await pupil.locator("#group").getByText("Groupe 1").waitFor();
  await substitute.getByRole("button", { name: "Visiter : Groupe 1" }).click();
  await pupil.locator("#stage .tile.teacher").waitFor();
  await assertSeesAndHears(pupil, "the group that the substitute visits");
  assert.equal(await pupil.locator("#stage .tile.teacher").count(), 1, "the usual teacher is with the class");
  await substitute.getByRole("button", { name: "Rappeler tout le monde" }).click();
  await pupil.locator("#group").waitFor({ state: "hidden" });
  await pupil.locator("#stage .tile.teacher").nth(1).waitFor();
});

test("a substitute who is withdrawn is put out, and the class goes on with its teacher", async () => {
  await head.goto(lesson.livePath.replace(/\/live$/, ""));
  // Where somebody is named, the choice stands open.
  await head.getByLabel("Qui assure ce cours").selectOption("0");
  await head.locator('form[action$="/substitution"]').getByRole("button").click();
  await head.locator(".change").waitFor({ state: "detached" });
  await until("the substitute is out", async () => (await phase(substitute)) === "removed");
  await substitute.getByText("Vous n’êtes plus dans cette classe").waitFor();
  await assertAccessible(substitute, "a substitute who is put out");
  await assertFits(substitute, "a substitute who is put out");
  await shoot(substitute, "live-withdrawn-laptop");
  await until("the class sees one teacher", async () => (await pupil.locator("#stage .tile.teacher").count()) === 1);
  await assertSeesAndHears(pupil, "the class whose substitute was withdrawn");
  assertNoComplaint(substitute, "substitute");
  // The page gives no other way in, and neither does a second one.
  assert.equal((await substitute.goto(lesson.livePath)).status(), 404);
  for (const [page, who] of [[teacher, "teacher"], [pupil, "pupil"], [head, "head"]]) assertNoComplaint(page, who);
});
