// The first visit with the code from the sheet: four screens, then signed in with the new password.
// The demo school prints one unused code a role in its accounts as `{activation: CODE, …}`.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { PHONE, assertAccessible, assertFits, openBrowser, shoot, signIn, sitDown, startSchool } from "./harness.mjs";

let school, browser;

before(async () => {
  school = await startSchool();
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await school?.stop();
});

test("a code leads to an account in four screens", async () => {
  const newcomer = school.accounts.find((one) => one.activation);
  assert.ok(newcomer, "the demo school's accounts hold one with an unused activation code (key \"activation\")");
  const page = await sitDown(browser, school, { viewport: PHONE });
  await page.goto("/sign-in");
  await assertAccessible(page, "sign-in");
  await page.getByRole("link", { name: /Première visite/ }).click();
  await page.getByLabel("Code d’activation").fill(newcomer.activation);
  await assertAccessible(page, "activation, code");
  await assertFits(page, "activation, code");
  await shoot(page, "activation-code-phone");
  await page.getByRole("button", { name: "Continuer" }).click();
  await page.getByText(newcomer.name).first().waitFor();
  await assertAccessible(page, "activation, person");
  await page.getByRole("button", { name: /Oui, c’est/ }).click();
  const password = "soleil cartable marron";
  await page.getByLabel(/Choisi.* un mot de passe/).fill(password);
  await page.getByLabel("Le même, encore une fois").fill(password);
  await assertAccessible(page, "activation, password");
  await page.getByRole("button", { name: /Choisir ce mot de passe/ }).click();
  await page.getByRole("heading", { name: /compte est prêt/ }).waitFor();
  const login = (await page.locator("strong").first().textContent()).trim();
  await assertAccessible(page, "activation, done");
  await signIn(page, { login, password });
  await page.goto("/today");
  await page.getByRole("heading", { level: 1 }).waitFor();

  // A code is good once.
  const again = await sitDown(browser, school);
  await again.goto("/activation");
  await again.getByLabel("Code d’activation").fill(newcomer.activation);
  await again.getByRole("button", { name: "Continuer" }).click();
  await again.getByText(/Ce code n’est pas connu ou ne vaut plus/).waitFor();
});
