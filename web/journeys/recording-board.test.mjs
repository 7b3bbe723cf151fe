// What the class was shown while it was recorded: a board that came about, the pages of a document. Played back on a phone and a
// laptop, in Firefox too, it is the same from whichever place one comes; a document that was taken out is gone.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { writeFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { LAPTOP, allowRecording, assertAccessible, assertFits, assertNoComplaint, betweenBells, enter, ink, liveLesson, openBrowser, openFirefox, person, printed, shoot, startSchool, stroke, until } from "./harness.mjs";

let school, browser, firefox, folder, lesson, teacher, pupil, path;
const PAGES = 5;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "preau-recorded-"));
  school = await startSchool({ zone: betweenBells() });
  browser = await openBrowser();
  await allowRecording(browser, school, "teacher");
  lesson = await liveLesson(browser, school);
  ({ teacher, pupil } = lesson);
});

after(async () => {
  await firefox?.close();
  await browser?.close();
  await school?.stop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const section = (name) => teacher.locator("#tools summary").filter({ hasText: name });
const tools = () => teacher.getByRole("button", { name: "Outils", exact: true }).click();
const closeTools = () => teacher.getByRole("button", { name: "Fermer le panneau" }).click();
const seek = (page, at) =>
  page.locator(".seek").evaluate((slider, at) => {
    // People choose whole seconds.
    slider.step = "1";
    slider.value = String(at);
    slider.dispatchEvent(new Event("input"));
  }, at);
const board = (page) => page.evaluate(() => window.__playback.board());
const contents = (page) => page.evaluate(async () => (await fetch(document.querySelector("#player").dataset.contents)).json());
const steps = (page) => page.evaluate(async () => (await fetch(`${location.pathname}/board.json`)).json().then(({ steps }) => steps));
/** What lies on the board at a time, from the beginning on, as the page says it. */
const folded = (steps, at) => {
  const things = new Map();
  for (const step of steps.filter((one) => one.at <= at)) {
    if (step.clean) things.clear();
    for (const [id, thing] of Object.entries(step.things)) thing === null ? things.delete(id) : things.set(id, thing);
  }
  return [...things].map(([id, { version }]) => `${id} ${version}`).sort();
};

test("what lies on a board depends on the time alone, whichever way one comes there", async () => {
  const { outputFiles } = await build({ entryPoints: [new URL("../src/playback/trace.ts", import.meta.url).pathname], bundle: true, format: "esm", write: false });
  const { Trace } = await import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
  let seed = 20_261_122;
  const random = (below) => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) % below;
  for (let round = 0; round < 200; round++) {
    let at = 0;
    const drawn = Array.from({ length: random(60) }, (_, version) => {
      at += random(3) * 250;
      const things = Object.fromEntries(Array.from({ length: random(4) }, () => [`t${random(8)}`, random(4) === 0 ? null : { version }]));
      return { at, ...(random(12) === 0 && { clean: true }), things };
    });
    const trace = new Trace(drawn);
    for (let jump = 0; jump < 60; jump++) {
      const time = random(at + 500) - 100;
      const lies = [...trace.at(time)].map(([id, { version }]) => `${id} ${version}`).sort();
      assert.deepEqual(lies, folded(drawn, time), `round ${round}, jump ${jump} to ${time}`);
    }
  }
});

test("a lesson is recorded with a board and a document", async () => {
  await tools();
  await section("Tableau").click();
  await teacher.locator("#tools").getByRole("button", { name: "Montrer le tableau" }).click();
  await closeTools();
  await teacher.locator("#board .excalidraw").waitFor();
  await stroke(teacher, "rectangle", [[0.3, 0.3], [0.5, 0.5]]);
  await until("the rectangle is kept", async () => (await ink(pupil)) > 20);
  await teacher.getByRole("button", { name: "Enregistrer le cours", exact: true }).click();
  await teacher.getByRole("dialog").getByRole("button", { name: "Enregistrer le cours" }).click();
  await pupil.locator("#recording").getByText("Ce cours est enregistré").waitFor();
  await pause(1_500);
  const before = await ink(pupil);
  await stroke(teacher, "freedraw", [[0.45, 0.6], [0.55, 0.7], [0.65, 0.6], [0.8, 0.7]]);
  await until("the line is there", async () => (await ink(pupil)) > before + 50);
  await pause(1_500);
  await teacher.locator('#board [data-testid="toolbar-text"]').first().locator("xpath=..").click();
  const box = await teacher.locator("#board canvas.interactive").boundingBox();
  await teacher.mouse.click(box.x + box.width * 0.35, box.y + box.height * 0.8);
  await teacher.keyboard.type("7 × 8 = 56");
  await teacher.keyboard.press("Escape");
  await pupil.locator("#board summary").click();
  await pupil.locator("#board .board-texts li").getByText("7 × 8 = 56").waitFor();
  await pause(1_500);
  await teacher.locator("#board").getByRole("button", { name: "Effacer le tableau" }).click();
  await teacher.getByRole("dialog").getByRole("button", { name: "Effacer le tableau" }).click();
  await until("the board is empty", async () => (await ink(pupil)) === 0);
  await stroke(teacher, "ellipse", [[0.4, 0.3], [0.6, 0.6]]);
  await until("the ellipse is there", async () => (await ink(pupil)) > 20);
  await pause(1_500);
  await tools();
  await section("Document").click();
  const file = join(folder, "Fables de La Fontaine.pdf");
  await writeFile(file, await printed(browser, PAGES));
  await teacher.locator("#document-file").setInputFiles(file);
  await pupil.locator("#document .document-text").getByText("Le Corbeau et le Renard").waitFor();
  await closeTools();
  await pause(1_500);
  await teacher.getByRole("button", { name: "Page suivante" }).click();
  await pupil.locator("#document .document-text").getByText("La Cigale et la Fourmi").waitFor();
  await pause(1_500);
  await teacher.getByRole("button", { name: "Arrêter l’enregistrement" }).click();
  await teacher.locator("#notices").getByText("L’enregistrement est terminé").waitFor();
});

test("a pupil watches on a phone what the class saw, from any place", async () => {
  const asked = [];
  pupil.on("request", (request) => asked.push(new URL(request.url()).pathname.split("/").pop()));
  await pupil.goto(lesson.livePath.replace(/\/live$/, ""));
  await pupil.locator("a[href^='/recordings/']").first().click();
  await pupil.waitForURL("**/recordings/*");
  path = new URL(pupil.url()).pathname;
  await pupil.locator(".slate .excalidraw").waitFor();
  const drawn = await steps(pupil);
  const kinds = new Set(drawn.flatMap(({ things }) => Object.values(things).flatMap((thing) => thing?.type ?? [])));
  assert.deepEqual([...kinds].sort(), ["ellipse", "freedraw", "rectangle", "text"]);
  const { length, changes } = await contents(pupil);
  const put = changes.find(({ patch }) => patch.board === null).at;
  const wiped = drawn.find((step, place) => place > 0 && step.clean).at;
  await until("the rectangle is drawn", async () => (await ink(pupil)) > 20);
  // Back and forth, each place a few times: always what there was.
  const places = [0, wiped - 1, wiped, put - 1, drawn[1].at, wiped - 1, 0, put - 1, wiped, drawn[1].at - 1];
  const pictures = new Map();
  for (const at of [...places, ...places.slice().reverse()]) {
    await seek(pupil, at);
    assert.deepEqual(await board(pupil), folded(drawn, at), `at ${at}`);
    await pause(150);
    const dots = await ink(pupil);
    // As it was the last time, but for where it lies when it had to be fitted in.
    if (pictures.has(at)) assert.equal(dots > 20, pictures.get(at) > 20, `at ${at}: ${dots}, before ${pictures.get(at)}`);
    pictures.set(at, dots);
  }
  assert.ok(pictures.get(wiped) === 0 && pictures.get(wiped - 1) > 100);
  await seek(pupil, wiped - 1);
  await pupil.locator(".slate summary").click();
  await pupil.locator(".slate .board-texts li").getByText("7 × 8 = 56").waitFor();
  assert.equal(await pupil.locator('.slate [data-testid="toolbar-freedraw"]').count(), 0, "nothing can be drawn");
  await shoot(pupil, "recorded-board-phone");
  await assertAccessible(pupil, "a recorded board on a phone");
  await assertFits(pupil, "a recorded board on a phone");
  // The pages follow, from the list of what happened as well.
  assert.ok(!asked.some((name) => name.startsWith("document")), "what draws documents is not fetched before there is one");
  await pupil.locator(".log .turn").getByText(`page 2 sur ${PAGES}`).waitFor();
  await pupil.locator(".log .turn").filter({ hasText: `page 1 sur ${PAGES}` }).getByRole("button").click();
  await pupil.locator(".paper .document-text").getByText("Le Corbeau et le Renard").waitFor();
  await seek(pupil, length - 1);
  await pupil.locator(".paper .document-text").getByText("La Cigale et la Fourmi").waitFor();
  assert.equal(await pupil.locator(".slate").isVisible(), false);
  await seek(pupil, put + 200);
  await pupil.locator(".paper .document-text").getByText("Le Corbeau et le Renard").waitFor();
  await pupil.evaluate(() => scrollTo(0, 0));
  await shoot(pupil, "recorded-document-phone");
  await assertAccessible(pupil, "a recorded document on a phone");
  await assertFits(pupil, "a recorded document on a phone");
  // It goes on by itself from one to the other.
  await seek(pupil, put - 1_000);
  await pupil.getByRole("button", { name: "Lire", exact: true }).click();
  await pupil.locator(".paper .document-text").getByText("Le Corbeau et le Renard").waitFor();
  assertNoComplaint(pupil, "playback");
});

test("the teacher watches on a laptop, and somebody in Firefox", async () => {
  await teacher.goto(path);
  await until("the board is drawn", async () => (await teacher.locator(".slate canvas.static").count()) > 0 && (await ink(teacher)) > 20);
  const drawn = await steps(teacher);
  const wiped = drawn.find((step, place) => place > 0 && step.clean).at;
  await seek(teacher, wiped - 1);
  await pause(500);
  await shoot(teacher, "recorded-board-laptop");
  await assertAccessible(teacher, "a recorded board on a laptop");
  // The keyboard comes out again.
  await teacher.locator(".slate .excalidraw").focus();
  await teacher.keyboard.press("Escape");
  assert.equal(await teacher.evaluate(() => document.activeElement.textContent), "Tout voir");
  await teacher.locator(".log .turn").filter({ hasText: `page 2 sur ${PAGES}` }).getByRole("button").click();
  await teacher.locator(".paper .document-text").getByText("La Cigale et la Fourmi").waitFor();
  await teacher.evaluate(() => scrollTo(0, 0));
  await shoot(teacher, "recorded-document-laptop");
  await assertAccessible(teacher, "a recorded document on a laptop");
  await teacher.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
  await assertAccessible(teacher, "a recorded document in dark colours");
  await shoot(teacher, "recorded-document-dark-laptop");
  await teacher.emulateMedia({ colorScheme: "light" });
  assertNoComplaint(teacher, "playback on a laptop");
  firefox = await openFirefox();
  const other = await person(firefox, school, lesson.otherAccount, { viewport: LAPTOP, permissions: [] });
  await other.goto(path);
  await until("the board is drawn in Firefox", async () => (await other.locator(".slate canvas.static").count()) > 0 && (await ink(other)) > 20);
  for (const at of [wiped, 0, wiped - 1]) {
    await seek(other, at);
    assert.deepEqual(await board(other), folded(drawn, at), `Firefox at ${at}`);
  }
  await other.locator(".log .turn").filter({ hasText: `page 1 sur ${PAGES}` }).getByRole("button").click();
  await other.locator(".paper .document-text").getByText("Le Corbeau et le Renard").waitFor();
  // A picture is taken with a style sheet of its own, of which Firefox complains.
  assertNoComplaint(other, "Firefox");
  await shoot(other, "recorded-document-firefox");
});

test("a document that was taken out of the lesson is gone, and said to be", async () => {
  await enter(teacher, lesson, "the teacher");
  await tools();
  await section("Document").click();
  await teacher.locator("#tools").getByRole("button", { name: "Ranger le document" }).click();
  await teacher.getByRole("button", { name: "Retirer Fables de La Fontaine.pdf" }).click();
  await teacher.getByRole("dialog").getByRole("button", { name: "Retirer" }).click();
  await teacher.getByText("Aucun document pour ce cours.").waitFor();
  const fresh = await person(browser, school, lesson.otherAccount, { viewport: LAPTOP });
  await fresh.goto(path);
  await fresh.locator(".log .turn").filter({ hasText: `page 1 sur ${PAGES}` }).getByRole("button").click();
  await fresh.locator(".paper").getByText("Ce document a été retiré du cours.").waitFor();
  await fresh.context().close();
});
