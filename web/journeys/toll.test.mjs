// Strangers in a crowd: the gate asks their browsers for some work, the page's worker does it while one waits,
// and the challenge is gone. Whoever has no script, or no strength, types the class code that the teacher reads out.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { LAPTOP, PHONE, assertAccessible, assertFits, assertNoComplaint, betweenBells, lessonNow, openBrowser, person, shoot, sitDown, startSchool, until } from "./harness.mjs";

/** Strangers a second: some times what the gate takes for people at a school of this size. */
const CROWD = 80;

let school, browser, teacher;
let coming = true;
let crowd;

/** Browsers that come, get a place and never come back, as long as the journeys last. */
async function comeInCrowds() {
  while (coming) {
    const began = Date.now();
    const visits = Array.from({ length: CROWD }, () => fetch(`${school.origin}/sign-in`, { headers: { Accept: "text/html" } }).then((answer) => answer.arrayBuffer()));
    await Promise.allSettled(visits);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, 1_000 - (Date.now() - began))));
  }
}

before(async () => {
  school = await startSchool({ operated: true, zone: betweenBells(), environment: { PREAU_GATE__LESSONS: "false" } });
  browser = await openBrowser();
  teacher = await lessonNow(browser, school);
  await school.order("ceiling", 1);
  crowd = comeInCrowds();
  await until("the gate asks strangers for a toll", async () => {
    const page = await (await fetch(`${school.origin}/sign-in`, { headers: { Accept: "text/html" } })).text();
    return page.includes("data-challenge");
  }, 60_000);
});

after(async () => {
  coming = false;
  await crowd;
  await browser?.close();
  await school?.stop();
});

const challengeOn = (page) => page.locator("#waiting").getAttribute("data-challenge");
const rankOf = (page) => page.locator("#waiting").getAttribute("data-rank");

/** A stranger whose browser has no worker, as old and locked-down ones do not: nothing is paid. */
async function strangerWithoutWorker(options) {
  const page = await sitDown(browser, school, options);
  await page.addInitScript(() => {
    window.Worker = class {
      postMessage() {}
    };
  });
  await page.goto("/sign-in");
  return page;
}

test("the page's worker pays, and the challenge disappears", async () => {
  const stranger = await sitDown(browser, school, { viewport: PHONE });
  // The page as it came: by now the worker may have found what it looks for.
  const first = await (await stranger.goto("/sign-in")).text();
  assert.match(first, /data-challenge="[\w-]+"/, "a stranger in a crowd is asked for work");
  const rank = /data-rank="([0-9a-f]{16})"/.exec(first)[1];
  await until("the toll is paid", async () => (await challengeOn(stranger).catch(() => "")) === null, 90_000);
  assert.ok((await stranger.context().cookies()).some(({ name }) => name === "preau_proof"), "the proof lies in its cookie");
  assert.equal(await rankOf(stranger), rank, "paying changes no place");
  assert.equal(await stranger.locator("form").count(), 0, "who has paid is asked for no code");
  await shoot(stranger, "waiting-toll-paid-phone");
  assertNoComplaint(stranger, "waiting page with a toll");
  await stranger.context().close();
});

test("the form for the class code is accessible and fits", async () => {
  for (const [size, viewport] of [["phone", PHONE], ["desk", LAPTOP]]) {
    for (const colorScheme of ["light", "dark"]) {
      const stranger = await strangerWithoutWorker({ viewport, colorScheme });
      await assertAccessible(stranger, `class code, ${size}, ${colorScheme}`);
      await assertFits(stranger, `class code, ${size}`);
      await stranger.locator("form.code").scrollIntoViewIfNeeded();
      await shoot(stranger, `waiting-toll-${size}-${colorScheme}`);
      await stranger.context().close();
    }
  }
});

/** The code as the teacher of the lesson reads it out. */
async function codeOfTheLesson() {
  await teacher.page.goto(teacher.livePath.replace(/\/live$/, ""));
  const box = teacher.page.locator("details", { hasText: "Code de la classe" });
  await box.locator("summary").click();
  const shown = box.locator(".plate");
  await shown.waitFor();
  await assertAccessible(teacher.page, "the lesson's page with its class code");
  await shoot(teacher.page, "lesson-class-code-desk");
  const code = (await shown.textContent()).trim();
  assert.match(code, /^[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}$/);
  return code;
}

/**
 * By keyboard to the field: the first thing it reaches. Without a script, where the waiting page loads itself anew
 * and would take away what is half typed, the first thing is the way to a page that stands still.
 */
async function reachTheCode(page, javaScriptEnabled) {
  if (!javaScriptEnabled) {
    // The waiting page may load itself between the two keys; then one presses them again, as a person would.
    await until("the page for the code", async () => {
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      return page.waitForURL(/class-code/, { timeout: 2_000 }).then(() => true, () => false);
    });
    await assertFits(page, "the page for the class code");
  }
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.id), "code", "the code is the first thing the keyboard reaches");
}

test("the page for the class code is accessible and fits", async () => {
  for (const [size, viewport] of [["phone", PHONE], ["desk", LAPTOP]]) {
    const stranger = await sitDown(browser, school, { viewport });
    await stranger.goto("/class-code?back=/sign-in");
    await assertAccessible(stranger, `the page for the class code, ${size}`);
    await assertFits(stranger, `the page for the class code, ${size}`);
    await shoot(stranger, `class-code-${size}`);
    await stranger.getByRole("link", { name: "Attendre sans code" }).click();
    await stranger.waitForURL(/\/sign-in$/);
    await stranger.context().close();
  }
});

for (const javaScriptEnabled of [true, false]) {
  test(`the class code by keyboard, ${javaScriptEnabled ? "with" : "without"} JavaScript`, async () => {
    const code = await codeOfTheLesson();
    const pupil = javaScriptEnabled ? await strangerWithoutWorker({ viewport: PHONE }) : await sitDown(browser, school, { viewport: PHONE, javaScriptEnabled });
    await pupil.goto("/sign-in");
    assert.ok(await challengeOn(pupil));
    const rank = await rankOf(pupil);

    // A wrong code: no error page, one simply goes on waiting and may type again.
    await reachTheCode(pupil, javaScriptEnabled);
    await pupil.keyboard.type("AAAA-BBBB-CCCC");
    // The page before and the one after have the same address.
    const back = pupil.waitForNavigation({ url: /\/sign-in$/ });
    await pupil.keyboard.press("Enter");
    await back;
    assert.ok(await challengeOn(pupil), "a wrong code changes nothing");
    assert.equal(await rankOf(pupil), rank);

    // The right one, as people type: small letters and blanks.
    await reachTheCode(pupil, javaScriptEnabled);
    await pupil.keyboard.type(code.toLowerCase().replaceAll("-", " "));
    await pupil.keyboard.press("Tab");
    await pupil.keyboard.press("Enter");
    await until("the code is taken", async () => (await challengeOn(pupil).catch(() => "")) === null);
    assert.ok((await rankOf(pupil)) < rank, "whoever is in the class stands no longer behind the crowd of the same network");
    assert.equal(await pupil.locator("form").count(), 0);
    await pupil.context().close();
  });
}
