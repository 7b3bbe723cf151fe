// A document shown page by page: files that nobody could read are refused in words before they leave the device;
// the class sees the teacher's page, a pupil looks back alone and returns, a late comer sees the same page, a group
// and a restart keep it; with the keyboard, on a phone, for somebody who listens, and in Firefox.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { writeFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LAPTOP, PHONE, assertAccessible, assertFits, assertNoComplaint, betweenBells, enter, liveLesson, openBrowser, openFirefox, person, phase, printed, shoot, startSchool, until } from "./harness.mjs";

let school, browser, firefox, folder, teacher, pupil, lesson, otherAccount;
const PAGES = 5;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "preau-documents-"));
  school = await startSchool({ zone: betweenBells() });
  browser = await openBrowser();
  lesson = await liveLesson(browser, school);
  ({ teacher, pupil, otherAccount } = lesson);
});

after(async () => {
  await firefox?.close();
  await browser?.close();
  await school?.stop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

/** A file that says it is encrypted, with keys that no password of nobody opens. */
function encrypted(bytes) {
  const key = "A".repeat(32);
  const text = bytes.toString("latin1").replace(/trailer\s*<</, `trailer\n<< /ID [<00><00>] /Encrypt << /Filter /Standard /V 1 /R 2 /P -44 /O (${key}) /U (${key}) >>`);
  assert.ok(text.includes("/Encrypt"));
  return Buffer.from(text, "latin1");
}

const section = (page, name) => page.locator("#tools summary").filter({ hasText: name });
const choose = async (name, bytes) => {
  const path = join(folder, name);
  await writeFile(path, bytes);
  await teacher.locator("#document-file").setInputFiles(path);
};
const trouble = teacher_ => teacher_.locator("#tools details[open] .chat-trouble");
const place = (page) => page.locator("#document .document-place");
const words = (page) => page.locator("#document .document-text");
const readsPage = (page, number, title) => until(`page ${number} is drawn`, async () => (await place(page).textContent()) === `Page ${number} sur ${PAGES}` && (await words(page).textContent())?.includes(title));

test("what nobody could read is refused in words, before it is sent", async () => {
  await teacher.getByRole("button", { name: "Outils", exact: true }).click();
  await section(teacher, "Document").click();
  await teacher.getByRole("button", { name: "Choisir un PDF" }).waitFor();
  let sent = 0;
  teacher.on("request", (request) => (sent += request.method() === "POST" && request.url().endsWith("/room/documents") ? 1 : 0));
  const whole = await printed(browser, 1);
  await choose("Abîmé.pdf", Buffer.from("%PDF-1.7\nrien de lisible"));
  await trouble(teacher).getByText("« Abîmé.pdf » n’est pas un PDF lisible").waitFor();
  await assertAccessible(teacher, "a damaged file");
  await shoot(teacher, "document-damaged-laptop");
  await choose("Secret.pdf", encrypted(whole));
  await trouble(teacher).getByText("« Secret.pdf » est protégé par un mot de passe").waitFor();
  await choose("Long.pdf", await printed(browser, 301));
  await trouble(teacher).getByText("« Long.pdf » a 301 pages, et il en faut 300 au plus").waitFor();
  await choose("Lourd.pdf", Buffer.alloc(20 * 1024 * 1024 + 1));
  await trouble(teacher).getByText("« Lourd.pdf » est trop lourd : 21 Mo, et il en faut 20 au plus").waitFor();
  assert.equal(sent, 0);
});

test("everybody sees the page that the teacher turns to", async () => {
  await choose("Fables de La Fontaine.pdf", await printed(browser, PAGES));
  await readsPage(teacher, 1, "Le Corbeau et le Renard");
  await readsPage(pupil, 1, "Le Corbeau et le Renard");
  await pupil.locator("#notices").getByText("Ton professeur montre un document : Fables de La Fontaine.pdf.").waitFor();
  assert.equal(await trouble(teacher).textContent(), "");
  await assertAccessible(teacher, "showing a document");
  await shoot(teacher, "document-teacher-laptop");
  await teacher.getByRole("button", { name: "Fermer le panneau" }).click();
  await teacher.getByRole("button", { name: "Page suivante" }).click();
  await readsPage(pupil, 2, "La Cigale et la Fourmi");
  await teacher.locator(".document-view").focus();
  await teacher.keyboard.press("PageDown");
  await readsPage(pupil, 3, "Le Loup et l’Agneau");
  await teacher.keyboard.press("ArrowLeft");
  await readsPage(pupil, 2, "La Cigale et la Fourmi");
  // Pressed five times at once, it ends where the last press led.
  for (const key of ["ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft"]) await teacher.keyboard.press(key);
  await readsPage(teacher, 4, "Le Lièvre et la Tortue");
  await readsPage(pupil, 4, "Le Lièvre et la Tortue");
  await assertAccessible(pupil, "a document on a phone");
  await assertFits(pupil, "a document on a phone");
  await shoot(pupil, "document-pupil-phone");
  await shoot(teacher, "document-alone-laptop");
});

test("the page is a picture: it has been drawn, and sharply enough", async () => {
  const seen = await pupil.locator(".document-page canvas").evaluate((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let green = 0;
    for (let at = 0; at < data.length; at += 4) if (data[at] === 0x25 && data[at + 1] === 0x5d && data[at + 2] === 0x38) green++;
    return { green: green / (canvas.width * canvas.height), dots: canvas.width / canvas.clientWidth };
  });
  assert.ok(seen.green > 0.02 && seen.green < 0.2, `the drawing covers ${seen.green} of the page`);
  assert.ok(seen.dots >= 0.99);
});

test("a pupil looks back alone, is told where the teacher is, and returns", async () => {
  await pupil.getByRole("button", { name: "Page précédente" }).click();
  await readsPage(pupil, 3, "Le Loup et l’Agneau");
  await readsPage(teacher, 4, "Le Lièvre et la Tortue");
  await pupil.getByText("Ton professeur est à la page 4.").waitFor();
  await teacher.getByRole("button", { name: "Page suivante" }).click();
  await pupil.getByText("Ton professeur est à la page 5.").waitFor();
  await readsPage(pupil, 3, "Le Loup et l’Agneau");
  await assertAccessible(pupil, "looking back");
  await assertFits(pupil, "looking back");
  await shoot(pupil, "document-away-phone");
  await pupil.getByRole("button", { name: "Revenir à sa page" }).click();
  await readsPage(pupil, 5, "Le Lion et le Rat");
  await teacher.getByRole("button", { name: "Page précédente" }).click();
  await readsPage(pupil, 4, "Le Lièvre et la Tortue");
});

test("the page is made larger, and then moves in its place", async () => {
  const width = () => pupil.locator(".document-page").evaluate((page) => page.clientWidth);
  const small = await width();
  for (let step = 0; step < 3; step++) await pupil.getByRole("button", { name: "Agrandir" }).click();
  await until("it is drawn larger", async () => (await width()) > small * 1.9);
  await assertFits(pupil, "a larger page");
  await assertAccessible(pupil, "a larger page");
  await shoot(pupil, "document-zoom-phone");
  await pupil.locator(".document-view").focus();
  await pupil.keyboard.press("ArrowRight");
  assert.equal(await place(pupil).textContent(), `Page 4 sur ${PAGES}`, "arrows move the page");
  for (let step = 0; step < 3; step++) await pupil.keyboard.press("-");
  await until("it is whole again", async () => (await width()) === small);
});

test("whoever comes late sees the same page, in Firefox as well", async () => {
  firefox = await openFirefox();
  const late = await person(firefox, school, otherAccount, { viewport: LAPTOP, permissions: [] });
  await enter(late, lesson, "the second pupil");
  await readsPage(late, 4, "Le Lièvre et la Tortue");
  await assertAccessible(late, "a document in Firefox");
  // A picture is taken with a style sheet of its own, of which Firefox complains.
  assertNoComplaint(late, "Firefox");
  await shoot(late, "document-firefox-laptop");
  await late.context().close();
});

test("a restart of the server keeps document and page; then it is put away", async () => {
  await school.cutAndRestart();
  await pupil.reload();
  await until("the pupil is live again", async () => (await phase(pupil)) === "live");
  await readsPage(pupil, 4, "Le Lièvre et la Tortue");
  await until("the teacher is live again", async () => (await phase(teacher)) === "live");
  await teacher.locator("#document").getByRole("button", { name: "Ranger le document" }).click();
  await pupil.locator("#document").waitFor({ state: "hidden" });
  await pupil.locator("#notices").getByText("Ton professeur a rangé le document.").waitFor();
  const address = await teacher.evaluate(async (path) => {
    const { documents } = await (await fetch(`${path.replace(/live$/, "room")}/documents.json`)).json();
    return `${path.replace(/live$/, "room")}/documents/${documents[0].token}`;
  }, lesson.livePath);
  const status = (page) => page.evaluate(async (path) => (await fetch(path, { cache: "no-store" })).status, address);
  assert.deepEqual([await status(teacher), await status(pupil)], [200, 404], "what is not shown is the teacher's");
});

test("it is shown again from the list on a phone, and removed", async () => {
  await teacher.setViewportSize(PHONE);
  await teacher.getByRole("button", { name: "Outils", exact: true }).click();
  await teacher.getByRole("button", { name: "Montrer Fables de La Fontaine.pdf" }).waitFor();
  await assertAccessible(teacher, "the list of documents");
  await assertFits(teacher, "the list of documents");
  await shoot(teacher, "document-list-phone");
  await teacher.getByRole("button", { name: "Montrer Fables de La Fontaine.pdf" }).click();
  await readsPage(pupil, 1, "Le Corbeau et le Renard");
  await pupil.emulateMedia({ colorScheme: "dark" });
  await pupil.setViewportSize(LAPTOP);
  await until("it is drawn anew", async () => pupil.locator(".document-page").evaluate((page) => page.clientWidth > 400));
  await assertAccessible(pupil, "a document in dark colours");
  await shoot(pupil, "document-dark-laptop");
  await section(teacher, "Document").getByText("montré").waitFor();
  await teacher.locator("#tools").getByRole("button", { name: "Ranger le document" }).click();
  await teacher.getByRole("button", { name: "Retirer Fables de La Fontaine.pdf" }).click();
  await teacher.getByRole("dialog").getByRole("button", { name: "Retirer" }).click();
  await teacher.getByText("Aucun document pour ce cours.").waitFor();
  for (const [page, who] of [[teacher, "teacher"], [pupil, "pupil"]]) assertNoComplaint(page, who);
});
