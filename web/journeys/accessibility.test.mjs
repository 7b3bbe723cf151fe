// Every page that a role's navigation leads to, in light and dark, on a phone: axe-core finds
// nothing, the page fits, the browser complains of nothing.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { PHONE, assertAccessible, assertFits, assertNoComplaint, assertSteady, openBrowser, person, shoot, sitDown, startSchool } from "./harness.mjs";

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
      await assertSteady(page, path);
    }
    await page.context().close();
  }
});

/** Addresses that differ in their numbers only show the same page. */
const shape = (path) => path.replaceAll(/\d+/g, "N");

test("every page that a role's links lead to", async (t) => {
  const roles = new Map(school.accounts.filter((one) => one.password).map((one) => [one.role, one]));
  for (const [role, account] of roles) {
    await t.test(role, async () => {
      const page = await person(browser, school, account, { viewport: PHONE });
      const left = ["/today"];
      const seen = new Set(left);
      while (left.length > 0) {
        const path = left.shift();
        const answer = await page.goto(path);
        if (!/html/.test(answer.headers()["content-type"] ?? "")) continue;
        assert.ok(answer.status() < 400, `${path} of ${role} is offered and answers ${answer.status()}`);
        await assertSteady(page, `${path} of ${role}`);
        for (const colorScheme of ["light", "dark"]) {
          await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
          await assertAccessible(page, `${path} of ${role}, ${colorScheme}`);
        }
        await assertFits(page, `${path} of ${role}`);
        await shoot(page, `${role}${shape(path).replaceAll(/\W+/g, "-")}-phone`);
        const links = await page.locator(":is(nav, main, .page) a[href]").evaluateAll((all) =>
          all.map((one) => new URL(one.href)).filter((url) => url.origin === location.origin).map((url) => url.pathname),
        );
        for (const link of links) {
          // Files are downloads, not pages.
          if (seen.has(shape(link)) || /\.csv$|\/files\//.test(link)) continue;
          seen.add(shape(link));
          left.push(link);
        }
      }
      // An authority has a desk and nothing on it yet; everybody else has a menu.
      assert.ok(seen.size >= (role === "authority" ? 2 : 4), `${role} reached only ${[...seen]}`);
      assertNoComplaint(page, role);
      await page.context().close();
    });
  }
});
