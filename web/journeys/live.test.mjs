// The live lesson, teacher and two pupils in three browsers' worth of pages: the class opens, they
// see and hear one another, hands, chat, speaking by permission, muting, removal, a lost connection,
// and the end.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { LAPTOP, PHONE, assertAccessible, assertFits, assertNoComplaint, assertSeesAndHears, lessonNow, openBrowser, person, phase, received, shoot, startSchool, until } from "./harness.mjs";

let school, browser, teacher, pupil, other, pupilAccount, otherAccount, lesson;

before(async () => {
  school = await startSchool();
  browser = await openBrowser();
  lesson = await lessonNow(browser, school, { viewport: LAPTOP });
  teacher = lesson.page;
  [pupilAccount, otherAccount] = lesson.pupils;
  pupil = await person(browser, school, pupilAccount, { viewport: PHONE });
  other = await person(browser, school, otherAccount, { viewport: PHONE, colorScheme: "dark" });
});

after(async () => {
  await browser?.close();
  await school?.stop();
});

test("a pupil who comes early waits at the door, and is told so", async () => {
  await pupil.goto(lesson.livePath);
  await pupil.getByRole("heading", { name: "La classe n’est pas encore ouverte" }).waitFor();
  await assertAccessible(pupil, "live page, waiting");
  await assertFits(pupil, "live page, waiting");
  await shoot(pupil, "live-waiting-phone");
});

test("the teacher sees the own picture, opens, and the waiting pupil gets in without doing anything", async () => {
  await teacher.goto(lesson.livePath);
  await teacher.getByRole("heading", { name: /Prêt à ouvrir la classe/ }).waitFor();
  await teacher.locator(".preview video").waitFor();
  await assertAccessible(teacher, "live page, before opening");
  await shoot(teacher, "live-ready-laptop");
  await teacher.getByRole("button", { name: "Ouvrir la classe" }).click();
  await until("the teacher is live", async () => (await phase(teacher)) === "live");
  await until("the pupil is live", async () => (await phase(pupil)) === "live");
});

test("the pupil sees and hears the teacher", async () => {
  await assertSeesAndHears(pupil, "the waiting pupil");
  const voices = (await pupil.evaluate(() => window.__preau.received())).filter((track) => track.kind === "audio");
  assert.deepEqual(voices.map((voice) => voice.redundant), [true], "a lost packet of the voice is in the next one");
  await shoot(pupil, "live-pupil-phone");
  await other.goto("/today");
  await other.getByRole("link", { name: "Rejoindre" }).first().click();
  await until("the second pupil is live", async () => (await phase(other)) === "live");
  await assertSeesAndHears(other, "the pupil who came later");
  await teacher.getByText(pupilAccount.name, { exact: true }).first().waitFor();
});

test("a pupil's microphone and camera are closed until the teacher allows them", async () => {
  const open = pupil.getByRole("button", { name: "Ouvrir le micro" });
  assert.equal(await open.getAttribute("aria-disabled"), "true");
  await open.press("Enter");
  await pupil.getByText("Ton micro reste fermé").waitFor();
  assert.equal((await received(teacher)).tracks, 0, "nothing of a pupil is published");
});

test("a raised hand reaches the teacher, who gives the floor; then the pupil is heard", async () => {
  await pupil.getByRole("button", { name: "Lever la main" }).click();
  await pupil.getByRole("button", { name: "Baisser la main" }).waitFor();
  await other.getByRole("button", { name: "Lever la main" }).click();
  await teacher.getByRole("heading", { name: /Mains levées\s: 2/ }).waitFor();
  const hands = await teacher.locator("#hands li .hands-name").allTextContents();
  assert.deepEqual(hands, [pupilAccount.name, otherAccount.name], "hands stand in the order in which they went up");
  await shoot(teacher, "live-hands-laptop");
  await teacher.getByRole("button", { name: `Donner la parole à ${pupilAccount.name}` }).click();
  await pupil.getByText("Ton professeur te donne la parole").waitFor();
  await pupil.getByRole("button", { name: "Ouvrir le micro" }).click();
  await pupil.getByRole("button", { name: "Couper le micro" }).waitFor();
  await until("the teacher hears the pupil", async () => (await received(teacher)).energy > 0);
  assert.equal(await other.getByRole("button", { name: "Ouvrir le micro" }).getAttribute("aria-disabled"), "true", "only that pupil may speak");
  await pupil.getByRole("button", { name: "Baisser la main" }).click();
  await other.getByRole("button", { name: "Baisser la main" }).click();
  await teacher.locator("#hands").waitFor({ state: "hidden" });
});

test("the teacher mutes the pupil, allows the camera, takes the floor back", async () => {
  const menu = teacher.getByLabel(`Agir pour ${pupilAccount.name}`);
  await menu.click();
  await shoot(teacher, "live-menu-laptop");
  await teacher.getByRole("button", { name: "Couper son micro" }).click();
  await pupil.getByText("Ton professeur a coupé ton micro").waitFor();
  await pupil.getByRole("button", { name: "Ouvrir le micro" }).waitFor();

  await menu.press("Enter");
  await teacher.getByRole("button", { name: "Autoriser la caméra" }).click();
  await pupil.getByText("Ton professeur autorise ta caméra").waitFor();
  await pupil.getByRole("button", { name: "Ouvrir la caméra" }).click();
  await pupil.getByRole("button", { name: "Couper la caméra" }).waitFor();
  await until("the teacher sees the pupil", async () => (await received(teacher)).frames > 10);
  await shoot(teacher, "live-pupil-seen-laptop");
  await assertAccessible(teacher, "live page of the teacher");

  await teacher.getByText("La classe", { exact: true }).click();
  await teacher.getByRole("button", { name: "Reprendre la parole à tous" }).click();
  await pupil.getByText(/Ton professeur a repris la parole/).waitFor();
  await until("nothing of the pupil is published", async () => (await received(teacher)).tracks === 0);
});

test("chat reaches everybody, is counted while closed, and is text only", async () => {
  await pupil.getByRole("button", { name: "Discussion" }).click();
  await pupil.getByLabel("Écrire à la classe").fill("Bonjour <b>tout le monde</b>");
  await pupil.getByLabel("Écrire à la classe").press("Enter");
  const log = (page) => page.locator(".chat-log .message-text");
  await log(pupil).first().waitFor();
  assert.deepEqual(await log(pupil).allTextContents(), ["Bonjour <b>tout le monde</b>"]);
  await until("the teacher reads it", async () => (await log(teacher).allTextContents()).length === 1);
  await other.getByRole("button", { name: "Discussion (1)" }).waitFor();
  await assertAccessible(pupil, "live page with chat");
  await assertAccessible(other, "live page in dark colours");
  await assertFits(pupil, "live page with chat");
  await shoot(pupil, "live-chat-phone");
  await shoot(other, "live-dark-phone");
  await pupil.keyboard.press("Escape");
  await pupil.locator("#chat").waitFor({ state: "hidden" });
  assert.equal(await pupil.evaluate(() => document.activeElement.textContent), "Discussion", "the focus is back on the button");
  await teacher.getByLabel("Écrire à la classe").fill("Bonjour à tous");
  await teacher.getByRole("button", { name: "Envoyer" }).click();
  await pupil.getByRole("button", { name: "Discussion (1)" }).waitFor();
});

test("sound only takes no picture, and gives it back", async () => {
  await pupil.getByRole("button", { name: "Réglages" }).click();
  await pupil.getByLabel("Son seulement").check();
  await assertAccessible(pupil, "settings");
  await shoot(pupil, "live-settings-phone");
  await pupil.getByRole("button", { name: "Terminé" }).click();
  await until("no video is received", async () => (await received(pupil)).frames === 0);
  const before = await received(pupil);
  await until("sound goes on", async () => (await received(pupil)).samples > before.samples + 10_000);
  await pupil.getByRole("button", { name: "Réglages" }).click();
  await pupil.getByLabel("Son seulement").uncheck();
  await pupil.getByRole("button", { name: "Terminé" }).click();
  await assertSeesAndHears(pupil, "after sound only");
});

test("the whole lesson comes back by itself after the server was cut off", async () => {
  await school.cutAndRestart(2_000);
  await until("all three are live again", async () => (await Promise.all([teacher, pupil, other].map(phase))).every((one) => one === "live"), 90_000);
  await assertSeesAndHears(pupil, "after the cut");
  await assertSeesAndHears(other, "after the cut");
});

test("a second tab takes the one seat, and the first takes it back", async () => {
  const tab = await other.context().newPage();
  await tab.goto(lesson.livePath);
  await until("the second tab is live", async () => (await phase(tab)) === "live");
  await other.getByRole("heading", { name: "Tu suis le cours sur un autre écran" }).waitFor();
  await assertSeesAndHears(tab, "the second tab");
  await assertAccessible(other, "live page, seat taken elsewhere");
  await other.getByRole("button", { name: "Continuer ici" }).click();
  await until("the first tab is live", async () => (await phase(other)) === "live");
  await tab.getByRole("heading", { name: "Tu suis le cours sur un autre écran" }).waitFor();
  await tab.close();
  await assertSeesAndHears(other, "the first tab");
});

test("a pupil who is sent out cannot come back", async () => {
  await teacher.getByLabel(`Agir pour ${otherAccount.name}`).click();
  await teacher.getByRole("button", { name: "Faire sortir" }).click();
  await teacher.getByRole("dialog").getByRole("button", { name: "Faire sortir" }).click();
  await other.getByRole("heading", { name: "Ton professeur t’a fait sortir de la classe" }).waitFor();
  await assertAccessible(other, "live page, removed");
  await other.reload();
  // The same page as for what does not exist: nobody learns that there is a lesson.
  await other.getByRole("heading", { name: "Cette page n’existe pas" }).waitFor();
  assert.equal(await phase(pupil), "live");
});

test("leaving and coming back; the end for everybody", async () => {
  await pupil.getByRole("button", { name: "Quitter" }).click();
  await pupil.getByRole("heading", { name: "Tu as quitté la classe" }).waitFor();
  await pupil.getByRole("button", { name: "Revenir dans la classe" }).click();
  await until("the pupil is back", async () => (await phase(pupil)) === "live");
  await teacher.getByText("La classe", { exact: true }).click();
  await teacher.getByRole("button", { name: "Fermer la classe" }).click();
  await teacher.getByRole("dialog").getByRole("button", { name: "Fermer la classe" }).click();
  await pupil.getByRole("heading", { name: "Le cours est terminé" }).waitFor();
  await teacher.getByRole("heading", { name: "Le cours est terminé" }).waitFor();
  await assertAccessible(pupil, "live page, ended");
  await shoot(pupil, "live-ended-phone");
  for (const [page, who] of [[teacher, "teacher"], [pupil, "pupil"], [other, "second pupil"]]) assertNoComplaint(page, who);
});
