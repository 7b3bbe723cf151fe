// The board: what the teacher draws and writes, the class sees; a pupil draws once the teacher lets them, and a changed
// page that does not wait for that is refused; whoever comes late, in Firefox too, and a restart find it as it is;
// with the finger on a phone, with the keyboard, for somebody who listens, and within the page's security policy.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { LAPTOP, assertAccessible, assertFits, assertNoComplaint, betweenBells, enter, ink, liveLesson, openBrowser, openFirefox, person, phase, shoot, startSchool, stroke, until } from "./harness.mjs";

let school, browser, firefox, teacher, pupil, lesson, otherAccount;
const foreign = [];

before(async () => {
  school = await startSchool({ zone: betweenBells() });
  browser = await openBrowser();
  lesson = await liveLesson(browser, school, { hasTouch: true });
  ({ teacher, pupil, otherAccount } = lesson);
  for (const page of [teacher, pupil]) page.on("request", (request) => new URL(request.url()).origin === school.origin || /^(data|blob|ws):/.test(request.url()) || foreign.push(request.url()));
});

after(async () => {
  await firefox?.close();
  await browser?.close();
  await school?.stop();
});

const section = (page, name) => page.locator("#tools summary").filter({ hasText: name });
const surface = (page) => page.locator("#board .excalidraw");
const texts = (page) => page.locator("#board .board-texts li");
const inked = (page, what, holds = (dots) => dots > 20) => until(what, async () => holds(await ink(page)));
const board = (page) =>
  page.evaluate(async (path) => {
    const answer = await fetch(`${path.replace(/live$/, "room")}/board.json`, { cache: "no-store" });
    return { status: answer.status, ...(answer.ok ? await answer.json() : {}) };
  }, lesson.livePath);
/** What a changed page would do: it posts without asking whether it may. */
const post = (page, what, body) =>
  page.evaluate(
    async ([path, body]) => {
      const csrf = document.getElementById("live").dataset.csrf;
      const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRF-Token": csrf }, body: JSON.stringify(body) });
      return { status: answer.status, ...(await answer.json()) };
    },
    [`${lesson.livePath.replace(/live$/, "room")}${what}`, body],
  );
const force = (page, update) => post(page, "/board", { sheet: 0, update });
/** How many dots are in the light colours that only the hands of others have; what is marked is darker. */
const hands = (page) =>
  page.locator("#board canvas.interactive").evaluate((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let dots = 0;
    for (let at = 0; at < data.length; at += 4) {
      const [red, green, blue, opaque] = data.subarray(at, at + 4);
      if (opaque > 128 && Math.max(red, green, blue) >= 250 && Math.min(red, green, blue) < 200) dots++;
    }
    return dots;
  });
/** Moves the pointer over the board without drawing. */
async function wander(page) {
  const box = await page.locator("#board canvas.interactive").boundingBox();
  for (let step = 1; step <= 5; step++) {
    await page.mouse.move(box.x + box.width * (0.3 + 0.05 * step), box.y + box.height * 0.5);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
/** Draws with a finger, in shares of the board's width and height. */
async function finger(page, tool, points) {
  await page.locator(`#board [data-testid="toolbar-${tool}"]`).first().locator("xpath=..").tap();
  const box = await page.locator("#board canvas.interactive").boundingBox();
  const touch = await page.context().newCDPSession(page);
  const send = (type, ...touchPoints) => touch.send("Input.dispatchTouchEvent", { type, touchPoints });
  const [first, ...rest] = points.map(([x, y]) => ({ x: box.x + box.width * x, y: box.y + box.height * y, id: 1 }));
  await send("touchStart", first);
  for (const point of rest) await send("touchMove", point);
  await send("touchEnd");
  await touch.detach();
}

test("the teacher shows the board, draws and writes, and the class sees it", async () => {
  await teacher.getByRole("button", { name: "Outils", exact: true }).click();
  await section(teacher, "Tableau").click();
  await teacher.locator("#tools").getByRole("button", { name: "Montrer le tableau" }).click();
  await surface(teacher).waitFor();
  await surface(pupil).waitFor();
  await pupil.locator("#notices").getByText("Ton professeur montre le tableau.").waitFor();
  await assertAccessible(teacher, "an empty board and who may draw");
  await shoot(teacher, "board-desk-laptop");
  await teacher.getByRole("button", { name: "Fermer le panneau" }).click();
  await stroke(teacher, "rectangle", [[0.3, 0.4], [0.6, 0.7]]);
  await inked(teacher, "the teacher's own rectangle is drawn");
  await inked(pupil, "the pupil sees the rectangle");
  await teacher.locator('#board [data-testid="toolbar-text"]').first().locator("xpath=..").click();
  const box = await teacher.locator("#board canvas.interactive").boundingBox();
  await teacher.mouse.click(box.x + box.width * 0.35, box.y + box.height * 0.8);
  await teacher.keyboard.type("Le cœur bat, 7 × 8 = 56");
  await teacher.keyboard.press("Escape");
  await pupil.locator("#board summary").click();
  await texts(pupil).getByText("Le cœur bat, 7 × 8 = 56").waitFor();
  await shoot(teacher, "board-teacher-laptop");
  await shoot(pupil, "board-pupil-phone");
  await assertFits(pupil, "a board on a phone");
  await assertAccessible(teacher, "a board with something on it");
  await assertAccessible(pupil, "a board on a phone");
});

test("a pupil draws only when the teacher lets them", async () => {
  assert.equal(await pupil.locator('#board [data-testid="toolbar-freedraw"]').count(), 0, "no tools");
  const before = await board(teacher);
  // Yjs' update that changes nothing: even that is refused.
  const refused = await force(pupil, "AAA=");
  assert.deepEqual([refused.status, refused.error], [409, "room-board-closed"]);
  await teacher.getByRole("button", { name: "Outils", exact: true }).click();
  const name = await teacher.locator("#tools .board-pupils label").first().textContent();
  await teacher.getByLabel(name, { exact: true }).check();
  await pupil.locator("#notices").getByText("Tu peux dessiner au tableau.").waitFor();
  await teacher.getByRole("button", { name: "Fermer le panneau" }).click();
  const dots = await ink(teacher);
  await stroke(pupil, "freedraw", [[0.2, 0.3], [0.5, 0.4], [0.7, 0.3], [0.8, 0.45]]);
  await inked(teacher, "the teacher sees the pupil's line", (now) => now > dots + 50);
  assert.ok((await board(teacher)).number > before.number);
  await assertAccessible(pupil, "drawing on a phone");
  await assertFits(pupil, "drawing on a phone");
  await shoot(pupil, "board-drawing-phone");
  await teacher.getByRole("button", { name: "Outils", exact: true }).click();
  await teacher.getByLabel(name, { exact: true }).uncheck();
  await pupil.locator("#notices").getByText("Ton professeur a repris le tableau.").waitFor();
  await until("the tools are gone", async () => (await pupil.locator('#board [data-testid="toolbar-freedraw"]').count()) === 0);
  assert.equal((await force(pupil, "AAA=")).status, 409);
  await teacher.getByRole("button", { name: "Fermer le panneau" }).click();
});

test("a finger draws on a phone, and the page stays where it is", async () => {
  await teacher.getByRole("button", { name: "Outils", exact: true }).click();
  await teacher.getByLabel("Tous les élèves peuvent dessiner").check();
  await teacher.getByRole("button", { name: "Fermer le panneau" }).click();
  await pupil.locator('#board [data-testid="toolbar-freedraw"]').first().waitFor();
  await pupil.locator("#board .board-view").scrollIntoViewIfNeeded();
  const [dots, own, place] = [await ink(teacher), await ink(pupil), await pupil.evaluate(() => scrollY)];
  await finger(pupil, "freedraw", [[0.2, 0.6], [0.3, 0.65], [0.4, 0.55], [0.5, 0.65], [0.6, 0.55], [0.7, 0.6]]);
  await inked(pupil, "the finger's own line is drawn", (now) => now > own + 50);
  await inked(teacher, "the teacher sees the finger's line", (now) => now > dots + 50);
  assert.equal(await pupil.evaluate(() => scrollY), place, "a finger on the board draws and does not scroll");
  await shoot(pupil, "board-finger-phone");
});

test("everybody sees whose hand is where, of those who may draw", async () => {
  // Still everybody may; the finger that drew is seen for a moment, too.
  await until("nobody's hand is seen by the teacher", async () => (await hands(teacher)) === 0);
  await wander(pupil);
  await until("the pupil's hand and name are seen by the teacher", async () => (await hands(teacher)) > 200);
  await shoot(teacher, "board-hand-laptop");
  await until("the pupil's hand rests and is gone", async () => (await hands(teacher)) === 0);
  await teacher.getByRole("button", { name: "Outils", exact: true }).click();
  await teacher.getByLabel("Tous les élèves peuvent dessiner").uncheck();
  await teacher.getByRole("button", { name: "Fermer le panneau" }).click();
  await until("the tools are gone", async () => (await pupil.locator('#board [data-testid="toolbar-freedraw"]').count()) === 0);
  let told = 0;
  pupil.on("request", (request) => (told += request.url().endsWith("/board/pointer") ? 1 : 0));
  const before = await board(teacher);
  await until("nobody's hand is seen", async () => (await hands(pupil)) === 0);
  await wander(teacher);
  await until("the teacher's hand and name are seen", async () => (await hands(pupil)) > 200);
  await shoot(pupil, "board-hand-phone");
  await assertAccessible(pupil, "a hand over the board");
  await until("a hand that rests is gone", async () => (await hands(pupil)) === 0);
  // Who only looks tells nothing, and is refused all the same.
  await wander(pupil);
  assert.equal(told, 0);
  assert.equal((await post(pupil, "/board/pointer", { x: 1, y: 1 })).status, 409);
  // Who would rather see nothing move sees none.
  await pupil.emulateMedia({ reducedMotion: "reduce" });
  await wander(teacher);
  assert.equal(await hands(pupil), 0);
  await pupil.emulateMedia({ reducedMotion: "no-preference" });
  assert.equal((await board(teacher)).number, before.number, "nothing of it is kept");
});

test("undoing takes back one's own and nobody else's", async () => {
  const with_ = await ink(teacher);
  await stroke(teacher, "ellipse", [[0.65, 0.15], [0.9, 0.35]]);
  await inked(teacher, "an ellipse more", (now) => now > with_ + 50);
  await teacher.keyboard.press("Escape");
  await teacher.keyboard.press("Control+z");
  await inked(teacher, "the ellipse is gone, the pupil's line is not", (now) => Math.abs(now - with_) < with_ * 0.1);
});

test("with the keyboard one gets in and out again", async () => {
  await surface(teacher).focus();
  for (let press = 0; press < 3; press++) await teacher.keyboard.press("Escape");
  assert.equal(await teacher.evaluate(() => document.activeElement?.closest(".board-texts") !== null && document.activeElement.tagName), "SUMMARY");
  await teacher.keyboard.press("Enter");
  await texts(teacher).getByText("Le cœur bat, 7 × 8 = 56").waitFor();
});

test("whoever comes late sees the same board, in Firefox as well", async () => {
  firefox = await openFirefox();
  const late = await person(firefox, school, otherAccount, { viewport: LAPTOP, permissions: [] });
  await enter(late, lesson, "the second pupil");
  await inked(late, "what was drawn before is there");
  await late.locator("#board summary").click();
  await texts(late).getByText("Le cœur bat, 7 × 8 = 56").waitFor();
  await assertAccessible(late, "a board in Firefox");
  assertNoComplaint(late, "Firefox");
  await shoot(late, "board-firefox-laptop");
  await late.context().close();
});

test("a restart of the server keeps the board", async () => {
  const before = await board(teacher);
  await school.cutAndRestart();
  await pupil.reload();
  await until("the pupil is live again", async () => (await phase(pupil)) === "live");
  await inked(pupil, "the board is there again");
  await until("the teacher is live again", async () => (await phase(teacher)) === "live");
  const { number, sheet } = await board(teacher);
  assert.deepEqual({ number, sheet }, { number: before.number, sheet: before.sheet });
  await pupil.locator("#board summary").click();
  await texts(pupil).getByText("Le cœur bat, 7 × 8 = 56").waitFor();
  const dots = await ink(pupil);
  await stroke(teacher, "line", [[0.1, 0.1], [0.9, 0.12]]);
  await inked(pupil, "and goes on", (now) => now !== dots);
});

test("it is put away, comes back as it was, and is wiped when the teacher is sure", async () => {
  await teacher.locator("#board").getByRole("button", { name: "Ranger le tableau" }).click();
  await pupil.locator("#board").waitFor({ state: "hidden" });
  assert.equal((await board(pupil)).status, 409, "what is not shown is the teacher's");
  await teacher.getByRole("button", { name: "Outils", exact: true }).click();
  await teacher.locator("#tools").getByRole("button", { name: "Montrer le tableau" }).click();
  await inked(pupil, "it is as it was");
  await teacher.locator("#board").getByRole("button", { name: "Effacer le tableau" }).click();
  await teacher.getByRole("dialog").getByRole("button", { name: "Annuler" }).click();
  await teacher.locator("#board").getByRole("button", { name: "Effacer le tableau" }).click();
  await teacher.getByRole("dialog").getByRole("button", { name: "Effacer le tableau" }).click();
  for (const page of [teacher, pupil]) await inked(page, "nothing is left", (dots) => dots === 0);
  await teacher.getByRole("button", { name: "Fermer le panneau" }).click();
  await stroke(teacher, "diamond", [[0.4, 0.3], [0.6, 0.6]]);
  await inked(pupil, "the new sheet is drawn on");
  await pupil.emulateMedia({ colorScheme: "dark" });
  await assertAccessible(pupil, "a board in dark colours");
  await shoot(pupil, "board-dark-phone");
  assert.deepEqual(foreign, [], "nothing was asked of another place");
  for (const [page, who] of [[teacher, "teacher"], [pupil, "pupil"]]) assertNoComplaint(page, who);
});
