// The operator's console: opens with the token and not without, reads well on a phone and on a desk, gives
// orders, and lets nothing that is being typed vanish.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { LAPTOP, PHONE, PATIENCE, accountsOf, assertAccessible, assertFits, assertNoComplaint, assertSteady, betweenBells, openBrowser, person, shoot, sitDown, startSchool, until } from "./harness.mjs";

let school, browser;

before(async () => {
  school = await startSchool({ operated: true, zone: betweenBells(), environment: { PREAU_GATE__LESSONS: "false" } });
  browser = await openBrowser();
  await person(browser, school, accountsOf(school, "pupil")[0]);
});

after(async () => {
  await browser?.close();
  await school?.stop();
});

/** The operator before a browser, with the token or without. */
async function operator({ viewport = LAPTOP, colorScheme = "light", token = true } = {}) {
  const httpCredentials = token ? await school.operator() : undefined;
  const context = await browser.newContext({ baseURL: school.consoleOrigin, locale: "fr-FR", viewport, colorScheme, ...(httpCredentials && { httpCredentials }) });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  page.complaints = [];
  page.on("console", (message) => {
    if (message.type() === "error" && /Content Security Policy|Refused to/.test(message.text())) page.complaints.push(message.text());
  });
  return page;
}

test("without the token nothing is shown", async () => {
  const stranger = await operator({ token: false });
  const answer = await stranger.request.get("/");
  assert.equal(answer.status(), 401);
  assert.ok(!(await answer.text()).includes("<table"));
  await stranger.context().close();
});

test("figures and orders read well on a phone and on a desk", async () => {
  for (const [size, viewport] of [["phone", PHONE], ["desk", LAPTOP]]) {
    for (const colorScheme of ["light", "dark"]) {
      const page = await operator({ viewport, colorScheme });
      for (const [what, path] of [["figures", "/"], ["orders", "/?orders"]]) {
        await page.goto(path);
        await page.getByRole("heading", { level: 1 }).waitFor();
        await assertSteady(page, `console, ${what}, ${size}`);
        await assertAccessible(page, `console, ${what}, ${size}, ${colorScheme}`);
        await assertFits(page, `console, ${what}, ${size}`);
        await shoot(page, `console-${what}-${size}-${colorScheme}`);
      }
      // Dense tables scroll inside themselves, by keyboard as well.
      for (const table of await page.locator(".scroll").all()) {
        const [inner, outer] = await table.evaluate((one) => [one.scrollWidth, one.clientWidth]);
        if (inner > outer) assert.equal(await table.getAttribute("tabindex"), "0", "a table that scrolls can be reached");
      }
      assertNoComplaint(page, "console");
      await page.context().close();
    }
  }
});

test("the figures renew themselves, and what is being typed stays", async () => {
  const page = await operator();
  await page.goto("/");
  await page.evaluate(() => (window.loadedOnce = true));
  const answer = await page.waitForResponse((response) => new URL(response.url()).pathname === "/" && response.request().resourceType() === "fetch");
  assert.equal(answer.status(), 200);
  assert.equal(await page.evaluate(() => window.loadedOnce), true, "the page itself is not loaded again");
  await page.getByRole("link", { name: "Donner un ordre…" }).click();
  await page.getByLabel("Message à tous ceux qui attendent").fill("La cantine");
  await page.waitForTimeout(12_000);
  assert.equal(await page.getByLabel("Message à tous ceux qui attendent").inputValue(), "La cantine");
  await page.context().close();
});

test("orders are carried out and can be taken back", async () => {
  const page = await operator();
  const order = async (control) => {
    await page.goto("/?orders");
    await control();
    await page.waitForURL((url) => url.search === "");
    // In force with the gate's next second.
    await page.waitForTimeout(1_500);
  };
  await order(async () => {
    await page.getByLabel("Plafond (personnes)", { exact: true }).fill("1");
    await page.getByRole("button", { name: "Fixer Plafond" }).click();
  });
  await order(async () => {
    await page.getByLabel("Message à tous ceux qui attendent").fill("La salle <machines> ouvre à 8 h 30.");
    await page.getByRole("button", { name: "Afficher" }).click();
  });
  assert.ok(await page.getByText("La salle <machines> ouvre à 8 h 30.").isVisible(), "the console says what is told");

  const waiting = await sitDown(browser, school, { viewport: PHONE });
  await waiting.goto("/sign-in");
  assert.equal(await waiting.getByRole("note").textContent(), "La salle <machines> ouvre à 8 h 30.");
  await assertAccessible(waiting, "waiting page with a message");
  await assertFits(waiting, "waiting page with a message");
  await shoot(waiting, "waiting-message-phone");
  await page.goto("/");
  await until("the console counts who waits, by itself", async () => {
    return Number(await page.locator(".figures dd").first().textContent()) >= 1;
  });

  await order(() => page.getByRole("button", { name: "Fermer : appareils inconnus" }).click());
  await page.goto("/");
  assert.ok(await page.getByText("n’entrent pas").isVisible());
  await order(() => page.getByRole("button", { name: "Rouvrir : appareils inconnus" }).click());
  await order(() => page.getByRole("button", { name: "Arrêt d’urgence" }).click());
  await page.goto("/");
  assert.ok(await page.getByText("Arrêt d’urgence : plus personne n’entre.", { exact: false }).isVisible());
  await shoot(page, "console-stopped-desk");
  await assertAccessible(page, "console, stopped");
  await order(() => page.getByRole("button", { name: "Lever l’arrêt d’urgence" }).click());

  // A number that is none is refused in words, and changes nothing.
  await page.goto("/?orders");
  await page.getByLabel("Plafond (personnes)", { exact: true }).fill("0");
  await page.getByRole("button", { name: "Fixer Plafond" }).click();
  await page.getByRole("alert").first().waitFor();
  assert.match(await page.getByRole("alert").first().textContent(), /Ordre refusé, rien n’a changé/);
  await assertAccessible(page, "console, an order refused");

  await order(async () => {
    await page.getByLabel("Plafond (personnes)", { exact: true }).fill("");
    await page.getByRole("button", { name: "Fixer Plafond" }).click();
  });
  await until("who waited is in", async () => (await waiting.getByLabel("Identifiant").count()) === 1, 90_000);
});
