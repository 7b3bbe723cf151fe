// A lesson is about to begin and the house is full: a pupil on a device of their own is told when access opens
// for the whole class, whoever reloads keeps that, and a stranger is told no such thing.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { LAPTOP, PHONE, accountsOf, assertAccessible, assertFits, assertNoComplaint, betweenBells, openBrowser, person, shoot, sitDown, startSchool } from "./harness.mjs";

const zone = betweenBells();

let school, browser;

before(async () => {
  school = await startSchool({ operated: true, zone });
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await school?.stop();
});

/** The hour `minutes` from now as the school's clock shows it: "10:42". */
const hourIn = (minutes) => new Date(Date.now() + 60_000 * minutes).toLocaleTimeString("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit" });

test("who is due in a lesson is told when access opens", async () => {
  const head = await person(browser, school, accountsOf(school, "head")[0]);
  const pupil = await person(browser, school, accountsOf(school, "pupil")[0], { viewport: PHONE });

  // The demo school's lessons never stop. The head cancels the one that is on, so that the pupil is due in the
  // next, and moves that one to half an hour from now: access opens a quarter before it.
  await pupil.goto("/today");
  const [running, next] = await pupil.locator(".day a.slot:not(.past)").evaluateAll((all) => all.map((one) => one.getAttribute("href")));
  await head.goto(running);
  await head.locator("summary", { hasText: "Annuler ce cours" }).click();
  await head.getByRole("button", { name: "Annuler ce cours" }).click();
  await head.getByText("annulé").first().waitFor();
  await head.goto(next);
  await head.locator("summary", { hasText: "Déplacer" }).click();
  const form = head.locator(`form[action="${next}/move"]`);
  await form.locator('input[name="from"]').fill(hourIn(30));
  await form.locator('input[name="to"]').fill(hourIn(50));
  await form.getByRole("button").click();
  await head.getByText("a été déplacé", { exact: false }).or(head.locator(".change")).first().waitFor();

  // Everybody is sent out, and there is one seat, which the head takes again. The pupil's page is closed before:
  // it would ask by itself at once, and keep the place that it is given then.
  await pupil.goto("about:blank");
  await school.order("ceiling", 1);
  await school.order("end_sessions");
  await head.goto("/today");
  // The gate hears of the timetable once a minute.
  await new Promise((resolve) => setTimeout(resolve, 65_000));
  await pupil.goto("/today");
  const opens = pupil.getByText("L’accès ouvre à");
  const said = (await opens.textContent()).replaceAll(/\s/g, " ");
  assert.match(said, /^L’accès ouvre à \d{1,2} h \d\d\.$/);
  for (const [size, viewport] of [["phone", PHONE], ["desk", LAPTOP]]) {
    for (const colorScheme of ["light", "dark"]) {
      await pupil.setViewportSize(viewport);
      await pupil.emulateMedia({ colorScheme });
      await assertAccessible(pupil, `waiting for a lesson, ${size}, ${colorScheme}`);
      await assertFits(pupil, `waiting for a lesson, ${size}`);
      await shoot(pupil, `waiting-lesson-${size}-${colorScheme}`);
    }
  }
  await pupil.reload();
  assert.equal((await opens.textContent()).replaceAll(/\s/g, " "), said, "a reload changes nothing");
  assertNoComplaint(pupil, "waiting for a lesson");

  const stranger = await sitDown(browser, school, { viewport: PHONE });
  await stranger.goto("/today");
  await stranger.locator("#waiting").waitFor();
  assert.equal(await stranger.getByText("L’accès ouvre à").count(), 0, "a stranger is in no lesson");
});
