// Captions: off where the platform does not allow them; a teacher whose browser recognises speech switches them on
// after having read where the sound may go, a pupil shows them, reads what is still being said and what was said, and
// lines go away. The browser's recognition is its vendor's service, so here another stands in for it: everything after
// it is real.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { LAPTOP, PHONE, assertAccessible, assertFits, assertNoComplaint, betweenBells, lessonNow, openBrowser, person, phase, shoot, startSchool, until } from "./harness.mjs";

let school, browser, teacher, pupil, other, lesson;

/** Stands in for the browser's recognition: `window.__say(place, words, final)` is what it hears. */
function recognition() {
  let current;
  class SpeechRecognition extends EventTarget {
    results = [];
    start() {
      if (current) throw new Error("already started");
      current = this;
      window.__listening = { lang: this.lang, continuous: this.continuous, interim: this.interimResults };
    }
    abort() {
      current = undefined;
      window.__listening = undefined;
      setTimeout(() => this.dispatchEvent(new Event("end")));
    }
  }
  window.SpeechRecognition = SpeechRecognition;
  window.webkitSpeechRecognition = undefined;
  window.__say = (place, words, final) => {
    const recognition = current;
    recognition.results[place] = Object.assign([{ transcript: ` ${words}` }], { isFinal: final });
    recognition.dispatchEvent(Object.assign(new Event("result"), { resultIndex: place, results: recognition.results }));
  };
  // As browsers do after a silence.
  window.__pause = () => {
    const recognition = current;
    current = undefined;
    window.__listening = undefined;
    recognition.dispatchEvent(new Event("end"));
  };
  window.__forbid = () => current.dispatchEvent(Object.assign(new Event("error"), { error: "not-allowed" }));
}

before(async () => {
  school = await startSchool({ zone: betweenBells(), environment: { PREAU_LIVE__CAPTIONS: "true" } });
  browser = await openBrowser();
  lesson = await lessonNow(browser, school, { viewport: LAPTOP });
  teacher = lesson.page;
  await teacher.addInitScript(recognition);
  pupil = await person(browser, school, lesson.pupils[0], { viewport: PHONE });
  other = await person(browser, school, lesson.pupils[1], { viewport: LAPTOP, colorScheme: "dark" });
  await teacher.goto(lesson.livePath);
  await teacher.getByRole("button", { name: "Ouvrir la classe" }).click();
  await until("the teacher is live", async () => (await phase(teacher)) === "live");
  for (const page of [pupil, other]) {
    await page.goto(lesson.livePath);
    await until("the pupil is live", async () => (await phase(page)) === "live");
  }
});

after(async () => {
  await browser?.close();
  await school?.stop();
});

const say = (place, words, final = true) => teacher.evaluate(([place, words, final]) => window.__say(place, words, final), [place, words, final]);
const listening = () => teacher.evaluate(() => window.__listening);
const lines = (page) => page.locator("#captions .captions-lines p").allTextContents();
const reads = (page, expected) => until(`the page reads ${expected.join(" / ")}`, async () => (await lines(page)).join() === expected.join());

test("nobody listens before the teacher has switched captions on", async () => {
  assert.equal(await listening(), undefined);
  await teacher.getByRole("button", { name: "Outils", exact: true }).click();
  await teacher.locator("#tools summary").filter({ hasText: "Sous-titres" }).click();
  await teacher.getByText("envoient pour cela le son de votre micro à leur éditeur").waitFor();
  await assertAccessible(teacher, "captions, off");
  await shoot(teacher, "captions-switch-laptop");
  await teacher.getByLabel("Écrire ce que je dis").check();
  await until("it listens", listening);
  assert.deepEqual(await listening(), { lang: "fr-FR", continuous: true, interim: true });
});

test("a pupil is offered them, and shows them", async () => {
  await say(0, "Bonjour à tous");
  for (const page of [pupil, other]) await page.getByText("Ton professeur a activé des sous-titres.").waitFor();
  assert.deepEqual(await lines(pupil), [], "nothing is written before the pupil wishes it");
  await pupil.locator("#notices").getByRole("button", { name: "Afficher" }).click();
  await pupil.getByText("Ton professeur a activé des sous-titres.").waitFor({ state: "detached" });
  await other.getByRole("button", { name: "Masquer" }).click();
});

test("what is still being said is replaced by what was said", async () => {
  await say(1, "Ouvrez votre", false);
  await reads(pupil, ["Ouvrez votre"]);
  assert.equal(await pupil.locator("#captions .interim").count(), 1);
  await say(1, "Ouvrez votre livre à la page 41.");
  await reads(pupil, ["Ouvrez votre livre à la page 41."]);
  assert.equal(await pupil.locator("#captions .interim").count(), 0);
  await say(2, "Nous lisons la fable du corbeau et du renard, et nous cherchons les verbes au passé simple.", false);
  await until("two lines", async () => (await lines(pupil)).length === 2);
  await assertAccessible(pupil, "captions");
  await assertFits(pupil, "captions");
  await shoot(pupil, "captions-phone");
  assert.deepEqual(await lines(other), [], "who did not wish them has none");
});

test("four lines in a row leave three, and all go away", async () => {
  for (const [place, words] of [[2, "Un."], [3, "Deux."], [4, "Trois."], [5, "Quatre."]]) await say(place, words);
  await reads(pupil, ["Deux.", "Trois.", "Quatre."]);
  await reads(pupil, []);
});

test("who listens instead gets whole sentences, a few at a time", async () => {
  const spoken = await pupil.locator("#captions [role=log] p").allTextContents();
  assert.ok(spoken.length <= 3, `spoken in ${spoken.length} pieces`);
  assert.equal(spoken.join(" "), "Ouvrez votre livre à la page 41. Un. Deux. Trois. Quatre.");
});

test("the browser's pauses are made up for, and a closed microphone is none of its business", async () => {
  await teacher.evaluate(() => window.__pause());
  await until("it listens again", listening);
  await say(0, "Je reprends.");
  await reads(pupil, ["Je reprends."]);
  await teacher.getByRole("button", { name: "Couper le micro" }).click();
  await until("it does not listen", async () => (await listening()) === undefined);
  await teacher.getByText("En pause : votre micro est fermé.").waitFor();
  await teacher.getByRole("button", { name: "Ouvrir le micro" }).click();
  await until("it listens again", listening);
});

test("the setting is the person's own and kept; only the teacher's way in allows captions", async () => {
  await other.getByRole("button", { name: "Réglages" }).click();
  await other.getByRole("dialog").getByLabel("Sous-titres").check();
  await assertAccessible(other, "settings with captions");
  await other.getByRole("button", { name: "Terminé" }).click();
  await say(0, "Pour toi aussi.");
  await reads(other, ["Pour toi aussi."]);
  await shoot(other, "captions-dark-laptop");
  await pupil.reload();
  await until("the pupil is live again", async () => (await phase(pupil)) === "live");
  await say(1, "Encore là ?");
  await until("they are shown at once", async () => (await lines(pupil)).includes("Encore là ?"));
  // Captions are data, and a pupil's way in allows no data: what a pupil's page sent would reach nobody.
  const grants = (page) =>
    page.evaluate(async (path) => {
      const { token } = await (await fetch(`${path}.json`)).json();
      return JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"))).video.canPublishData;
    }, lesson.livePath);
  assert.deepEqual([await grants(teacher), await grants(pupil)], [true, false]);
});

test("a browser that refuses stops them, in words", async () => {
  await teacher.evaluate(() => window.__forbid());
  await teacher.getByText("Le navigateur refuse d’écouter : les sous-titres sont arrêtés.").waitFor();
  assert.equal(await teacher.getByLabel("Écrire ce que je dis").isChecked(), false);
  await assertAccessible(teacher, "captions, refused");
  for (const [page, who] of [[teacher, "teacher"], [pupil, "pupil"], [other, "second pupil"]]) assertNoComplaint(page, who);
});
