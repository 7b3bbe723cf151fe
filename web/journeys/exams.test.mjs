// The head declares a lesson an exam, and everybody whom it concerns reads so. What the gate makes of it stands in
// the timetable's own tests (`timetable/tests/exams.rs`), at a full house.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { LAPTOP, PHONE, accountsOf, assertAccessible, assertFits, assertNoComplaint, betweenBells, openBrowser, person, shoot, startSchool } from "./harness.mjs";

let school, browser, head, pupil;

before(async () => {
  school = await startSchool({ zone: betweenBells() });
  browser = await openBrowser();
  head = await person(browser, school, accountsOf(school, "head")[0], { viewport: PHONE });
  pupil = await person(browser, school, accountsOf(school, "pupil")[0], { viewport: PHONE });
});

after(async () => {
  await browser?.close();
  await school?.stop();
});

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
  const [exam] = await pupil.locator(".day a.slot:not(.past)").evaluateAll((all) => all.slice(1).map((one) => one.getAttribute("href")));
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
