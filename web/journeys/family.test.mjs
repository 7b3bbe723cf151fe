// A parent of two children: a tile for each, one click from one to the other, and never a seat in
// the live lesson.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { PHONE, accountsOf, assertAccessible, assertFits, lessonNow, openBrowser, person, shoot, startSchool } from "./harness.mjs";

let school, browser;

before(async () => {
  school = await startSchool();
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await school?.stop();
});

test("a parent of two sees a tile for each child and goes from one to the other", async () => {
  let parent;
  for (const account of accountsOf(school, "guardian")) {
    parent = await person(browser, school, account, { viewport: PHONE });
    await parent.goto("/today");
    if ((await parent.locator(".children > li").count()) >= 2) break;
    await parent.context().close();
    parent = undefined;
  }
  assert.ok(parent, "the demo school has a parent of two children among its accounts");
  await assertAccessible(parent, "today of a parent");
  await assertFits(parent, "today of a parent");
  await shoot(parent, "today-guardian-phone");
  const names = await parent.locator(".children .name").allTextContents();
  for (const [index, name] of names.slice(0, 2).entries()) {
    await parent.goto("/today");
    await parent.locator(".children > li a").first().waitFor();
    await parent.locator(".children > li").nth(index).getByRole("link").first().click();
    await parent.getByText(name).first().waitFor();
    await assertAccessible(parent, "a child's page");
  }
});

test("a parent is never a participant of a lesson", async () => {
  const lesson = await lessonNow(browser, school);
  const parent = await person(browser, school, accountsOf(school, "guardian")[0]);
  for (const path of [lesson.livePath, `${lesson.livePath}.json`]) {
    const answer = await parent.goto(path);
    assert.equal(answer.status(), 404, `${path} does not exist for a parent`);
  }
});
