// The quota: a second browser waits with a place that survives a reload, and gets in by itself once
// the first has left. The waiting page is light, accessible, and works without JavaScript.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { PHONE, accountsOf, assertAccessible, assertFits, openBrowser, person, shoot, sitDown, startSchool, until } from "./harness.mjs";

let school, browser;

before(async () => {
  school = await startSchool({ environment: { PREAU_GATE__SESSIONS: "1", PREAU_GATE__LESSONS: "false" } });
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await school?.stop();
});

test("whoever comes beyond the quota waits, keeps the place, and gets in by itself", async () => {
  const inside = await person(browser, school, accountsOf(school, "pupil")[0]);
  const waiting = await sitDown(browser, school, { viewport: PHONE });
  const answer = await waiting.goto("/sign-in");
  const weight = (await answer.body()).length;
  assert.ok(weight < 10_000, `the waiting page weighs ${weight} bytes`);
  await waiting.locator("#waiting").waitFor();
  await assertAccessible(waiting, "waiting page");
  await assertFits(waiting, "waiting page");
  await shoot(waiting, "waiting-phone");
  const rank = await waiting.locator("#waiting").getAttribute("data-rank");
  await waiting.reload();
  assert.equal(await waiting.locator("#waiting").getAttribute("data-rank"), rank, "a reload neither wins nor loses a place");

  const plain = await sitDown(browser, school, { javaScriptEnabled: false });
  await plain.goto("/sign-in");
  assert.equal(await plain.locator("meta[http-equiv=refresh]").count(), 1, "without a script the page refreshes itself");
  await plain.context().close();

  await inside.goto("/today");
  await inside.locator(".me summary").click();
  await inside.getByRole("button", { name: "Se déconnecter" }).click();
  await until("the waiting browser is in", async () => (await waiting.getByLabel("Identifiant").count()) === 1, 90_000);
});
