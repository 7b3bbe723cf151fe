// The head declares a lesson an exam: everybody whom it concerns reads so, and before a full house its pupils are in
// while others wait.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { LAPTOP, PHONE, accountsOf, assertAccessible, assertFits, assertNoComplaint, betweenBells, openBrowser, person, shoot, sitDown, startSchool, until } from "./harness.mjs";

const zone = betweenBells();
/** Seats of the house when it is full; three of ten may be set aside for exams. */
const SEATS = 10;

let school, browser, head, pupil, exam;

before(async () => {
  school = await startSchool({ operated: true, zone });
  browser = await openBrowser();
  head = await person(browser, school, accountsOf(school, "head")[0], { viewport: PHONE });
  pupil = await person(browser, school, accountsOf(school, "pupil")[0], { viewport: PHONE });
});

after(async () => {
  await browser?.close();
  await school?.stop();
});

/** The hour so many minutes from now as the school's clock shows it: "10:42". */
const hourIn = (minutes) => new Date(Date.now() + 60_000 * minutes).toLocaleTimeString("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit" });
const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, 1_000 * seconds));

/** The page on a phone and on a desk, by day and by night. */
async function assertCalm(page, what) {
  for (const [size, viewport] of [["phone", PHONE], ["desk", LAPTOP]]) {
    for (const colorScheme of ["light", "dark"]) {
      await page.setViewportSize(viewport);
      // Colours on their way from one scheme to the other are nobody's: none are shown.
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await assertAccessible(page, `${what}, ${size}, ${colorScheme}`);
      await assertFits(page, `${what}, ${size}`);
      await shoot(page, `exam-${what}-${size}-${colorScheme}`);
    }
  }
  await page.setViewportSize(PHONE);
}

test("the head declares an exam with the keyboard, and everybody whom it concerns reads it", async () => {
  await pupil.goto("/today");
  const [running, next] = await pupil.locator(".day a.slot:not(.past)").evaluateAll((all) => all.map((one) => one.getAttribute("href")));
  exam = next;
  // Nobody is in a lesson when the house is full: what runs now would keep its pupils' seats.
  await head.goto(running);
  await head.locator("summary", { hasText: "Annuler ce cours" }).click();
  await head.getByRole("button", { name: "Annuler ce cours" }).click();
  await head.getByText("annulé").first().waitFor();
  await head.goto(exam);
  assert.equal(await head.getByText("Épreuve", { exact: true }).count(), 1, "the head is offered it, and it is not one yet");
  await head.locator("summary", { hasText: "Épreuve" }).focus();
  await head.keyboard.press("Enter");
  await assertCalm(head, "offer");
  await head.keyboard.press("Tab");
  assert.equal(await head.evaluate(() => document.activeElement.textContent.trim()), "Déclarer une épreuve");
  await head.keyboard.press("Enter");
  await head.getByRole("button", { name: "Ce n’est plus une épreuve" }).waitFor();
  await assertCalm(head, "declared");

  for (const [path, what] of [["/today", "today"], [exam, "lesson"], ["/timetable", "week"]]) {
    await pupil.goto(path);
    await pupil.getByText("Épreuve", { exact: true }).first().waitFor();
    assert.equal(await pupil.getByRole("button", { name: /épreuve/ }).count(), 0, "pupils declare nothing");
    if (what === "week") await pupil.getByText("Épreuve", { exact: true }).first().scrollIntoViewIfNeeded();
    await assertCalm(pupil, `pupil-${what}`);
  }
  let parents = 0;
  for (const account of accountsOf(school, "guardian")) {
    const parent = await person(browser, school, account, { viewport: PHONE });
    if ((await parent.goto(exam)).status() === 200) {
      await parent.getByText("de cette épreuve y entrent en premier").waitFor();
      await assertCalm(parent, "guardian-lesson");
      parents += 1;
    }
    await parent.context().close();
    if (parents > 0) break;
  }
  for (const page of [head, pupil]) assertNoComplaint(page, "exam");
});

test("before a full house the pupil of the exam is in while another class waits", async () => {
  const own = accountsOf(school, "pupil")[0].class;
  const elsewhere = school.accounts.find((one) => one.role === "pupil" && one.class !== own);
  const other = await person(browser, school, elsewhere, { viewport: PHONE });
  // It begins in eighteen minutes: its access opens in three, and the gate hears of the timetable once a minute.
  await head.goto(exam);
  await head.locator("summary", { hasText: "Déplacer" }).click();
  const form = head.locator(`form[action="${exam}/move"]`);
  await form.locator('input[name="from"]').fill(hourIn(18));
  await form.locator('input[name="to"]').fill(hourIn(58));
  await form.getByRole("button").click();
  await head.getByText("de cette épreuve y entrent en premier").waitFor();

  for (const page of [head, pupil, other]) await page.goto("about:blank");
  await school.order("ceiling", SEATS);
  await school.order("end_sessions");
  // People who have nothing to do with it take all seats but two, and stay.
  const guests = await Promise.all(Array.from({ length: SEATS - 2 }, () => browser.newContext({ baseURL: school.origin })));
  const stay = async () => {
    for (const guest of guests) await guest.request.get("/sign-in", { headers: { accept: "text/html" } });
  };
  await stay();
  await stay();
  // By then the timetable has told the gate.
  await pause(65);
  await stay();
  await pupil.goto("/today");
  assert.equal(await pupil.locator("#waiting").count(), 1, "access is not open yet");
  await pupil.getByText("ouvre à").first().waitFor();
  await assertAccessible(pupil, "the pupil before access opens");
  await assertFits(pupil, "the pupil before access opens");
  await shoot(pupil, "exam-pupil-waits-phone");
  await until("the pupil of the exam is in, by itself", async () => {
    await stay();
    return (await pupil.getByRole("heading", { name: /^Bonjour/ }).count()) === 1;
  }, 200_000);
  // One seat is left, and it is set aside for the rest of the class.
  await other.goto("/today");
  assert.equal(await other.locator("#waiting").count(), 1, "the other class waits");
  const late = await sitDown(browser, school, { viewport: PHONE });
  await late.goto("/sign-in");
  assert.equal(await late.locator("#waiting").count(), 1, "and so does who comes now");
  await shoot(other, "exam-other-waits-phone");
  for (const page of [pupil, other, late]) assertNoComplaint(page, "full house");
});
