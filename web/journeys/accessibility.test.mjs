// Every page that a role's navigation leads to, in light and dark, on a phone: axe-core finds
// nothing, the page fits, the browser complains of nothing.
import { after, before, test } from "node:test";
import { PHONE, assertAccessible, assertFits, assertNoComplaint, openBrowser, person, shoot, sitDown, startSchool } from "./harness.mjs";

let school, browser;

before(async () => {
  school = await startSchool();
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await school?.stop();
});

test("pages before signing in", async () => {
  for (const colorScheme of ["light", "dark"]) {
    const page = await sitDown(browser, school, { viewport: PHONE, colorScheme });
    for (const path of ["/sign-in", "/activation", "/this-page-does-not-exist"]) {
      await page.goto(path);
      await assertAccessible(page, `${path}, ${colorScheme}`);
      await assertFits(page, path);
    }
    await page.context().close();
  }
});

test("every page of every role's navigation", async (t) => {
  const roles = new Map(school.accounts.filter((one) => one.password).map((one) => [one.role, one]));
  for (const [role, account] of roles) {
    await t.test(role, async () => {
      const page = await person(browser, school, account, { viewport: PHONE });
      await page.goto("/today");
      const links = await page.locator("nav a, main a, .page a").evaluateAll((all) => all.map((one) => new URL(one.href)).filter((url) => url.origin === location.origin).map((url) => url.pathname));
      for (const path of new Set(["/today", ...links])) {
        const answer = await page.goto(path);
        if (!/html/.test(answer.headers()["content-type"] ?? "")) continue;
        for (const colorScheme of ["light", "dark"]) {
          await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
          await assertAccessible(page, `${path} of ${role}, ${colorScheme}`);
        }
        await assertFits(page, `${path} of ${role}`);
        await shoot(page, `${role}${path.replaceAll(/\W+/g, "-")}-phone`);
      }
      assertNoComplaint(page, role);
      await page.context().close();
    });
  }
});
