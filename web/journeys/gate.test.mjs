// The quota: a second browser waits with a place that survives whatever happens to its tab, and gets in by
// itself once there is room. The waiting page is light, accessible, and works without JavaScript.
//
// The operator makes the house full and roomy again: seats are also set aside for the demo school's lessons,
// so that a house of one seat would say nothing about who leaves it.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { LAPTOP, PHONE, accountsOf, assertAccessible, assertFits, assertNoComplaint, betweenBells, openBrowser, person, shoot, sitDown, startSchool, until } from "./harness.mjs";

let school, browser;

before(async () => {
  school = await startSchool({ operated: true, zone: betweenBells(), environment: { PREAU_GATE__LESSONS: "false" } });
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await school?.stop();
});

const rankOf = (page) => page.locator("#waiting").getAttribute("data-rank");
const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, 1_000 * seconds));

/** Tells the page what a browser tells one whose tab goes behind another, or comes back. */
const hide = (page, hidden) =>
  page.evaluate((hidden) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);

test("whoever comes beyond the quota waits, keeps the place whatever happens, and gets in by itself", async () => {
  const inside = await person(browser, school, accountsOf(school, "pupil")[0]);
  await school.order("ceiling", 1);
  const waiting = await sitDown(browser, school, { viewport: PHONE });
  const answer = await waiting.goto("/sign-in");
  const weight = (await answer.body()).length;
  assert.ok(weight < 10_000, `the waiting page weighs ${weight} bytes`);
  await waiting.locator("#waiting").waitFor();
  const rank = await rankOf(waiting);
  assert.match(rank, /^[0-9a-f]{16}$/);

  for (const [size, viewport] of [["phone", PHONE], ["desk", LAPTOP]]) {
    for (const colorScheme of ["light", "dark"]) {
      await waiting.setViewportSize(viewport);
      await waiting.emulateMedia({ colorScheme });
      await assertAccessible(waiting, `waiting page, ${size}, ${colorScheme}`);
      await assertFits(waiting, `waiting page, ${size}`);
      await shoot(waiting, `waiting-${size}-${colorScheme}`);
    }
  }
  await waiting.setViewportSize(PHONE);

  // The tab goes behind another one: the page asks nothing, and at once when it comes back.
  let asked = 0;
  waiting.on("request", (request) => (asked += new URL(request.url()).pathname === "/now" ? 1 : 0));
  await hide(waiting, true);
  await pause(0.5);
  asked = 0;
  await pause(9);
  assert.equal(asked, 0, "a hidden tab asks nothing");
  const answered = waiting.waitForResponse((response) => new URL(response.url()).pathname === "/now");
  await hide(waiting, false);
  assert.equal((await answered).status(), 200);
  assert.equal(await rankOf(waiting), rank, "who looked elsewhere keeps the place");

  // The network goes: the page stays as it is, a reload finds nothing, and the place is still there.
  const lost = waiting.waitForEvent("requestfailed", (request) => new URL(request.url()).pathname === "/now");
  await waiting.context().setOffline(true);
  await hide(waiting, false);
  await lost;
  assert.ok(await waiting.locator("#waiting").isVisible(), "without a network the page stays");
  await waiting.reload().catch(() => undefined);
  assert.equal(await waiting.locator("#waiting").count(), 0, "a reload without a network shows the browser's own page");
  await waiting.context().setOffline(false);
  await waiting.goto("/sign-in");
  assert.equal(await rankOf(waiting), rank, "who lost the network keeps the place");

  for (let time = 1; time <= 40; time++) {
    await waiting.reload();
    assert.equal(await rankOf(waiting), rank, `reload ${time} neither wins nor loses a place`);
  }
  assertNoComplaint(waiting, "waiting page");

  const plain = await sitDown(browser, school, { javaScriptEnabled: false });
  await plain.goto("/sign-in");
  assert.equal(await plain.locator("meta[http-equiv=refresh]").count(), 1, "without a script the page refreshes itself");
  assert.ok((await rankOf(plain)) > rank, "who comes later stands behind");
  await plain.context().close();

  await inside.goto("/today");
  assert.match(await inside.locator("h1").textContent(), /^Bonjour/, "who is in stays in");
  await school.order("ceiling", null);
  await until("the waiting browser is in", async () => (await waiting.getByLabel("Identifiant").count()) === 1, 90_000);
});

test("whoever sends a form and has to wait is told that nothing was saved", async () => {
  const writer = await sitDown(browser, school, { viewport: PHONE });
  await writer.goto("/sign-in");
  await writer.getByLabel("Identifiant").waitFor({ timeout: 90_000 });
  await school.order("ceiling", 1);
  // As after the night: the seat is gone, and the cookie of the seat with it.
  const cookies = (await writer.context().cookies()).filter(({ name }) => !name.endsWith("_gate"));
  await writer.context().clearCookies();
  await writer.context().addCookies(cookies);
  await writer.getByLabel("Identifiant").fill("quelqu.un");
  await writer.getByLabel("Mot de passe").fill("platane gomme tricycle");
  await writer.getByRole("button", { name: "Entrer" }).click();
  const unsaved = writer.getByRole("alert");
  await unsaved.waitFor();
  assert.match(await unsaved.textContent(), /n’a pas été enregistré/);
  await assertAccessible(writer, "waiting page after a form");
  await assertFits(writer, "waiting page after a form");
  await shoot(writer, "waiting-after-a-form-phone");
  // It goes on to the page of the form, and never sends the form again.
  assert.equal(await writer.locator("#waiting").getAttribute("data-back"), "/sign-in");
});
