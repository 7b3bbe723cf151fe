// What a class does together besides seeing and hearing one another, a teacher and two pupils: the locked door
// and its lobby, the line of hands, reactions, private words, the timer, a question, notes, a message taken out;
// and that all of it is still there after the server was cut off.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { LAPTOP, PHONE, assertAccessible, assertFits, assertNoComplaint, assertSeesAndHears, liveLesson, openBrowser, person, phase, received, shoot, startSchool, until } from "./harness.mjs";

let school, browser, teacher, pupil, other, pupilAccount, otherAccount, lesson;

before(async () => {
  school = await startSchool();
  browser = await openBrowser();
  lesson = await liveLesson(browser, school);
  ({ teacher, pupil, pupilAccount, otherAccount } = lesson);
  other = await person(browser, school, otherAccount, { viewport: PHONE, colorScheme: "dark" });
});

after(async () => {
  await browser?.close();
  await school?.stop();
});

const tools = (page, name) => page.getByRole("button", { name, exact: true });
/** Unfolds a section of the panel, which is open. */
const section = (page, name) => page.locator("#tools summary").filter({ hasText: name });
const body = (page) => page.locator("#tools details[open] .tool-body");

test("behind a locked door one waits by name, and is let in without doing anything", async () => {
  await tools(teacher, "Outils").click();
  await section(teacher, "Porte").click();
  await teacher.getByRole("button", { name: "Fermer à clé" }).click();
  await section(teacher, "fermée à clé").waitFor();
  await other.goto(lesson.livePath);
  await other.getByRole("heading", { name: "La classe est fermée à clé" }).waitFor();
  assert.equal(await phase(other), "lobby");
  await assertAccessible(other, "live page, in the lobby");
  await assertFits(other, "live page, in the lobby");
  await shoot(other, "class-lobby-phone");
  await teacher.locator("#notices").getByText(`${otherAccount.name} attend à la porte.`).waitFor();
  await assertAccessible(teacher, "the door");
  await shoot(teacher, "class-door-laptop");
  await teacher.getByRole("button", { name: `Faire entrer ${otherAccount.name}` }).click();
  await until("the second pupil is live", async () => (await phase(other)) === "live");
  await teacher.locator("#notices").getByText("attend à la porte").waitFor({ state: "detached" });
  await pupil.reload();
  await until("who was in comes back through the locked door", async () => (await phase(pupil)) === "live");
});

test("a pupil sees the own place in the line of hands", async () => {
  await pupil.getByRole("button", { name: "Lever la main" }).click();
  await pupil.getByText("Ta main est levée, tu es au premier rang.").waitFor();
  await other.getByRole("button", { name: "Lever la main" }).click();
  await other.getByText("Ta main est levée. Avant toi : 1.").waitFor();
  await shoot(other, "class-hand-phone");
  await pupil.getByRole("button", { name: "Baisser la main" }).click();
  await other.getByText("Ta main est levée, tu es au premier rang.").waitFor();
  await other.getByRole("button", { name: "Baisser la main" }).click();
});

test("sharing a screen is allowed to the whole class at once, and no words of the bar touch on a phone", async () => {
  const menu = async (choice) => {
    await teacher.locator("#controls summary").filter({ hasText: "La classe" }).click();
    await teacher.getByRole("button", { name: choice }).click();
  };
  await menu("Autoriser micros, caméras et écrans");
  for (const page of [pupil, other]) await page.getByText("Ton professeur te laisse partager ton écran.").waitFor();
  await menu("Reprendre la parole à tous");
  await until("it is taken back", async () => (await pupil.getByRole("button", { name: "Ouvrir le micro" }).getAttribute("aria-disabled")) === "true");
  const gaps = await pupil.evaluate(() => {
    const words = [...document.querySelectorAll("#controls .control > span")].map((word) => {
      const range = document.createRange();
      range.selectNodeContents(word);
      return range.getBoundingClientRect();
    });
    return words.filter(({ width }) => width > 0).map(({ left }, place, all) => (place === 0 ? left : left - all[place - 1].right));
  });
  assert.ok(gaps.length >= 7 && gaps.every((gap) => gap >= 2), `between words: ${gaps.map((gap) => gap.toFixed(1)).join(", ")} px`);
});

test("a reaction is counted for everybody, and passes", async () => {
  await tools(pupil, "Outils").click();
  await assertAccessible(pupil, "the pupil's panel");
  await assertFits(pupil, "the pupil's panel");
  await shoot(pupil, "class-signs-phone");
  await pupil.getByRole("button", { name: "Bravo" }).click();
  await until("the teacher hears it", async () => /Bravo : 1/.test(await teacher.locator("#signs").textContent()));
  assert.match(await other.locator("#signs").textContent(), /1/);
  await shoot(teacher, "class-sign-laptop");
  await until("it has passed", async () => (await teacher.locator("#signs").textContent()) === "");
});

test("a private word reaches the teacher alone, and is answered", async () => {
  await section(pupil, "Un mot au professeur").click();
  await pupil.getByLabel("Écrire à ton professeur").fill("Je n’entends rien");
  await body(pupil).getByRole("button", { name: "Envoyer" }).click();
  await teacher.locator("#notices").getByText(`${pupilAccount.name} vous écrit en privé.`).waitFor();
  await teacher.locator("#notices").getByRole("button", { name: "Lire" }).click();
  await teacher.locator(".thread").getByText("Je n’entends rien").waitFor();
  await teacher.locator("#notices").getByText("vous écrit en privé").waitFor({ state: "detached" });
  await teacher.getByLabel(`Répondre à ${pupilAccount.name}`).fill("Je parle plus fort");
  await body(teacher).getByRole("button", { name: "Envoyer" }).click();
  await pupil.locator("#tools").getByText("Je parle plus fort").waitFor();
  await assertAccessible(teacher, "private words");
  await shoot(teacher, "class-words-laptop");
  await shoot(pupil, "class-word-phone");
  assert.ok(!(await other.content()).includes("Je n’entends rien"));
  await teacher.getByLabel("Les élèves peuvent m’écrire en privé").uncheck();
  await pupil.getByText("Ton professeur a arrêté les mots privés").waitFor();
  await pupil.keyboard.press("Escape");
  await pupil.locator("#tools").waitFor({ state: "hidden" });
});

test("everybody sees the timer run, stand still and end", async () => {
  await section(teacher, "Minuteur").click();
  await teacher.getByRole("button", { name: "2 min" }).click();
  const digits = (page) => page.locator("#timer .timer-digits");
  await until("it runs on both pages", async () => /^1:5\d$/.test(await digits(pupil).textContent()) && /^1:5\d$/.test(await digits(teacher).textContent()));
  await teacher.getByRole("button", { name: "Mettre en pause" }).click();
  await pupil.locator("#timer").getByText("en pause").waitFor();
  assert.equal(await digits(pupil).textContent(), await digits(teacher).textContent());
  await assertAccessible(teacher, "the timer");
  await shoot(teacher, "class-timer-laptop");
  await shoot(pupil, "class-timer-phone");
  await teacher.getByRole("button", { name: "Reprendre", exact: true }).click();
  await pupil.locator("#timer").getByText("en pause").waitFor({ state: "detached" }).catch(() => undefined);
  await teacher.getByRole("button", { name: "Enlever" }).click();
  await pupil.locator("#timer").waitFor({ state: "hidden" });
});

test("a question is asked, answered, changed, counted and shown", async () => {
  await section(teacher, "Question").click();
  await teacher.getByLabel(/^La question/).fill("Combien font 7 × 8 ?");
  await teacher.getByLabel("Plusieurs choix").check();
  await teacher.getByLabel("Choix 1", { exact: true }).fill("54");
  await teacher.getByLabel("Choix 2", { exact: true }).fill("56");
  await teacher.getByRole("button", { name: "Ajouter un choix" }).click();
  await teacher.getByLabel("Choix 3", { exact: true }).fill("64");
  await teacher.getByLabel("Le choix 2 est juste").check();
  await assertAccessible(teacher, "asking a question");
  await shoot(teacher, "class-ask-laptop");
  await teacher.getByRole("button", { name: "Poser la question" }).click();
  await pupil.getByRole("group", { name: "Combien font 7 × 8 ?" }).waitFor();
  await pupil.getByLabel("54").check();
  await pupil.getByText("Ta réponse est enregistrée.").waitFor();
  await teacher.getByText(`Pas encore de réponse : ${otherAccount.name}.`).waitFor();
  await pupil.getByLabel("56").check();
  const counts = () => teacher.locator("#tools .result-count").allTextContents();
  await until("the teacher sees the change", async () => (await counts()).join() === "0,1,0");
  assert.equal(await other.locator("#poll .results").count(), 0, "nobody else sees the counts");
  await assertAccessible(pupil, "answering");
  await assertFits(pupil, "answering");
  await shoot(pupil, "class-answer-phone");
  await other.getByLabel("54").check();
  await teacher.getByText("Tous ceux qui sont là ont répondu.").waitFor();
  await teacher.getByRole("button", { name: "Montrer à la classe" }).click();
  await other.locator("#poll .results").waitFor();
  assert.equal(await other.getByText("bonne réponse").count(), 0, "not while it is open");
  await shoot(teacher, "class-counts-laptop");
  await teacher.getByRole("button", { name: "Arrêter les réponses" }).click();
  await other.getByText("56 · bonne réponse").waitFor();
  await other.getByText("Ta réponse : 54").waitFor();
  await assertAccessible(other, "results in dark colours");
  await shoot(other, "class-results-dark-phone");
});

test("two write in the notes at once, and neither loses a word", async () => {
  const notes = (page) => page.getByLabel("Notes de la classe");
  await section(teacher, "Notes").click();
  await notes(teacher).fill("Le chat dort\nFin");
  await tools(pupil, "Outils").click();
  await section(pupil, "Notes").click();
  await until("the pupil reads", async () => (await notes(pupil).inputValue()) === "Le chat dort\nFin");
  assert.equal(await notes(pupil).getAttribute("readonly"), "", "and does not write yet");
  await teacher.getByLabel("Les élèves peuvent écrire").check();
  await pupil.getByText("Tout le monde peut écrire ici").waitFor();
  const typeAt = async (page, place, words) => {
    await notes(page).focus();
    await notes(page).evaluate((field, at) => field.setSelectionRange(at, at), place);
    await page.keyboard.type(words, { delay: 40 });
  };
  // In one line at once: before the same word and after it.
  await Promise.all([typeAt(teacher, 3, "gros "), typeAt(pupil, 12, " bien au chaud")]);
  const both = "Le gros chat dort bien au chaud\nFin";
  for (const page of [teacher, pupil]) await until("both read both", async () => (await notes(page).inputValue()) === both);
  await Promise.all([typeAt(teacher, 0, "Titre\n"), typeAt(pupil, both.length, "\nSuite\nEt suite")]);
  const all = `Titre\n${both}\nSuite\nEt suite`;
  for (const page of [teacher, pupil]) await until("lines of both", async () => (await notes(page).inputValue()) === all);
  await pupil.keyboard.type("!");
  await until("the caret stayed where the pupil writes", async () => (await notes(teacher).inputValue()) === `${all}!`);
  await assertAccessible(pupil, "notes");
  await assertFits(pupil, "notes");
  await shoot(pupil, "class-notes-phone");
  await shoot(teacher, "class-notes-laptop");
  await pupil.getByRole("button", { name: "Fermer le panneau" }).click();
});

test("the class sits in groups, is visited, told something, and called back", async () => {
  const live = () => until("all are live", async () => (await Promise.all([teacher, pupil, other].map(phase))).every((one) => one === "live"));
  const names = async (page) => (await page.locator("#pupils").textContent()) ?? "";
  const seated = [pupilAccount, otherAccount].map(({ name }) => name);
  await section(teacher, "Groupes").click();
  await teacher.getByRole("combobox", { name: seated[0], exact: true }).selectOption("Groupe 1");
  await teacher.getByRole("combobox", { name: seated[1], exact: true }).selectOption("Groupe 2");
  await assertAccessible(teacher, "making groups");
  await shoot(teacher, "class-groups-make-laptop");
  await teacher.getByRole("button", { name: "Ouvrir les groupes" }).click();
  await pupil.locator("#group").getByText("Groupe 1").waitFor();
  await other.locator("#group").getByText("Groupe 2").waitFor();
  await live();
  for (const page of [pupil, other]) {
    await until("each hears and sees nobody", async () => (await received(page)).tracks === 0);
    await page.getByText("Ton professeur passe d’un groupe à l’autre.").waitFor();
  }
  assert.ok(!(await names(pupil)).includes(seated[1]) && !(await names(other)).includes(seated[0]), "who sits elsewhere is not seen");
  // With a ticket of their own a pupil comes nowhere else, whatever they wish for.
  const wished = await pupil.evaluate(async (path) => (await fetch(`${path}.json?group=2`)).json(), lesson.livePath);
  assert.equal(wished.group, 1);
  // The roll goes on: both are in the class.
  const register = await teacher.context().newPage();
  await register.goto(new URL(lesson.livePath.replace(/live$/, "register"), school.origin).href);
  for (const name of seated) await register.getByRole("listitem").filter({ hasText: name }).getByText(/dans la classe depuis/).waitFor();
  await register.close();
  await shoot(teacher, "class-groups-open-laptop");
  await teacher.setViewportSize(PHONE);
  await assertFits(teacher, "groups on a phone");
  await assertAccessible(teacher, "groups on a phone");
  await shoot(teacher, "class-groups-open-phone");
  await teacher.setViewportSize(LAPTOP);
  await teacher.getByLabel("Écrire à tous les groupes").fill("Encore cinq minutes");
  await body(teacher).getByRole("button", { name: "Envoyer" }).click();
  for (const page of [pupil, other]) await page.locator("#notices").getByText("Ton professeur à tous les groupes : Encore cinq minutes").waitFor();
  await until("the field is empty again", async () => (await teacher.getByLabel("Écrire à tous les groupes").inputValue()) === "");
  await assertAccessible(pupil, "in a group");
  await assertFits(pupil, "in a group");
  await shoot(pupil, "class-group-phone");
  await pupil.locator("#notices").getByRole("button", { name: "Masquer" }).click();

  // A hand in a group reaches the teacher who is with the class, or with another group.
  const hand = (name, group) => teacher.locator("#hands li").filter({ hasText: `${name} · ${group}` });
  await other.getByRole("button", { name: "Lever la main" }).click();
  await hand(seated[1], "Groupe 2").waitFor();
  await pupil.getByRole("button", { name: "Lever la main" }).click();
  await hand(seated[0], "Groupe 1").waitFor();
  assert.deepEqual(await teacher.locator("#hands .hands-name").allTextContents(), [`${seated[1]} · Groupe 2`, `${seated[0]} · Groupe 1`], "the first hand first");
  assert.ok(!(await pupil.locator("#hands").textContent()).includes(seated[1]), "a pupil sees the hands of the own group");
  await assertAccessible(teacher, "hands in groups");
  await shoot(teacher, "class-groups-hands-laptop");
  await hand(seated[0], "Groupe 1").getByRole("button", { name: `Visiter Groupe 1 : ${seated[0]}` }).click();
  await teacher.locator("#group").getByText("Groupe 1").waitFor();
  await until("who is here is called, who is elsewhere is visited", async () => (await teacher.locator("#hands .hands-name").allTextContents()).join() === [`${seated[1]} · Groupe 2`, seated[0]].join());
  for (const page of [pupil, other]) await page.getByRole("button", { name: "Baisser la main" }).click();
  await teacher.locator("#hands").waitFor({ state: "hidden" });
  await teacher.locator("#group").getByRole("button", { name: "Revenir à la classe" }).click();
  await teacher.locator("#group").waitFor({ state: "hidden" });

  await teacher.getByRole("button", { name: "Visiter : Groupe 1" }).click();
  await teacher.locator("#group").getByText("Groupe 1").waitFor();
  await pupil.locator("#stage .tile.teacher").waitFor();
  await assertSeesAndHears(pupil, "the group that is visited");
  assert.equal((await received(other)).tracks, 0, "the other group hears and sees nothing of it");
  await teacher.locator("#pupils").getByText(seated[0]).waitFor();
  await assertAccessible(teacher, "visiting a group");
  await shoot(teacher, "class-groups-visit-laptop");
  // What is written in the chat is the whole class's, wherever one sits.
  await other.getByRole("button", { name: "Discussion" }).click();
  await other.getByLabel("Écrire à la classe").fill("Nous avons fini");
  await other.getByLabel("Écrire à la classe").press("Enter");
  for (const page of [pupil, teacher]) await page.locator("#chat").getByText("Nous avons fini").waitFor({ state: "attached" });
  await pupil.getByRole("button", { name: /Discussion|message/ }).click();
  await pupil.locator("#chat").getByText("Nous avons fini").waitFor();
  for (const page of [pupil, other]) await page.keyboard.press("Escape");

  await teacher.getByText("Changer quelqu’un de groupe").click();
  await teacher.getByRole("combobox", { name: seated[1], exact: true }).selectOption("Groupe 1");
  await other.locator("#group").getByText("Groupe 1").waitFor();
  await until("who was moved is seen", async () => (await names(pupil)).includes(seated[1]));
  await assertSeesAndHears(other, "the group somebody is moved to");

  await teacher.getByRole("button", { name: "Rappeler tout le monde" }).click();
  for (const page of [teacher, pupil, other]) await page.locator("#group").waitFor({ state: "hidden" });
  await live();
  await until("all sit together again", async () => (await names(teacher)).includes(seated[0]) && (await names(teacher)).includes(seated[1]) && (await names(other)).includes(seated[0]));
  for (const page of [pupil, other]) await assertSeesAndHears(page, "the class together again");
});

test("the teacher takes a message out of the chat", async () => {
  await teacher.getByRole("button", { name: "Fermer le panneau" }).click();
  await pupil.getByRole("button", { name: "Discussion" }).click();
  await pupil.getByLabel("Écrire à la classe").fill("Un vilain mot");
  await pupil.getByLabel("Écrire à la classe").press("Enter");
  await teacher.getByRole("button", { name: `Supprimer le message de ${pupilAccount.name}` }).click();
  await teacher.getByRole("dialog").getByRole("button", { name: "Supprimer" }).click();
  await pupil.getByText("Un vilain mot").waitFor({ state: "detached" });
  await other.reload();
  await until("the second pupil is back", async () => (await phase(other)) === "live");
  assert.equal(await other.getByText("Un vilain mot").count(), 0);
  assert.equal(await pupil.getByRole("button", { name: /^Supprimer/ }).count(), 0, "no pupil is offered this");
  await pupil.keyboard.press("Escape");
});

test("what the class did is still there after the server was cut off", async () => {
  await school.cutAndRestart(1_000);
  await until("all three are live again", async () => (await Promise.all([teacher, pupil, other].map(phase))).every((one) => one === "live"), 90_000);
  await pupil.reload();
  await until("through the locked door", async () => (await phase(pupil)) === "live");
  await pupil.getByText("Ta réponse : 56").waitFor();
  await tools(teacher, "Outils").click();
  await section(teacher, "fermée à clé").waitFor();
  await teacher.setViewportSize(PHONE);
  await assertFits(teacher, "the teacher's panel on a phone");
  await assertAccessible(teacher, "the teacher's panel on a phone");
  await shoot(teacher, "class-tools-teacher-phone");
  await teacher.getByRole("button", { name: "Fermer le panneau" }).click();
  await shoot(teacher, "class-teacher-phone");
  await teacher.setViewportSize(LAPTOP);
});

test("a pupil is sent out with a reason", async () => {
  await teacher.getByLabel(`Agir pour ${otherAccount.name}`).click();
  await teacher.getByRole("button", { name: "Faire sortir" }).click();
  await teacher.getByLabel(/^Motif/).fill("A insulté un camarade");
  await assertAccessible(teacher, "the reason");
  await shoot(teacher, "class-reason-laptop");
  await teacher.getByRole("dialog").getByRole("button", { name: "Faire sortir" }).click();
  await other.getByRole("heading", { name: "Ton professeur t’a fait sortir de la classe" }).waitFor();
  const kept = await teacher.evaluate(async (path) => (await fetch(`${path}/removals`)).json(), lesson.livePath);
  assert.deepEqual(kept.removals.map(({ name, reason }) => [name, reason]), [[otherAccount.name, "A insulté un camarade"]]);
  for (const [page, who] of [[teacher, "teacher"], [pupil, "pupil"], [other, "second pupil"]]) assertNoComplaint(page, who);
});
