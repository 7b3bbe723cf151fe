// Weighs what a phone has to load, through a real Chromium with an empty cache, and leaves the results
// for `cargo xtask bench` (WEIGHTS names the folder, PREAU_BIN the server's binary).
//
// A weight is what the network carried, counted by the browser: heads and bodies as they were sent,
// compressed or not. Redirects are requests of their own; a stream that stays open (live updates) is one
// too. Each value is the heaviest of several people, not the middle: a budget holds for everybody.
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PHONE, accountsOf, betweenBells, lessonNow, openBrowser, person, phase, signIn, sitDown, startSchool, until } from "./journeys/harness.mjs";

const folder = process.env.WEIGHTS ?? "../target/bench";
/** How many people of a kind are weighed. */
const PEOPLE = 5;

/** Counts what this page's network carries from now on. `close` returns the answers, one per request. */
async function scales(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  await session.send("Network.setCacheDisabled", { cacheDisabled: false });
  const answers = [];
  const open = new Map();
  session.on("Network.requestWillBeSent", ({ requestId, request, type, redirectResponse }) => {
    if (redirectResponse) {
      open.get(requestId).bytes = redirectResponse.encodedDataLength;
      open.get(requestId).coding = redirectResponse.headers["content-encoding"];
    }
    if (!/^https?:/.test(request.url)) return;
    const answer = { url: new URL(request.url).pathname, type, bytes: 0 };
    answers.push(answer);
    open.set(requestId, answer);
  });
  session.on("Network.requestServedFromCache", ({ requestId }) => {
    const at = answers.indexOf(open.get(requestId));
    if (at >= 0) answers.splice(at, 1);
  });
  session.on("Network.responseReceived", ({ requestId, response }) => {
    const answer = open.get(requestId);
    if (!answer) return;
    answer.bytes = response.encodedDataLength;
    answer.coding = response.headers["content-encoding"];
    if (response.fromDiskCache) answers.splice(answers.indexOf(answer), 1);
  });
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    const answer = open.get(requestId);
    if (answer) answer.bytes = Math.max(answer.bytes, encodedDataLength);
  });
  return {
    async close() {
      await session.detach();
      return answers;
    },
  };
}

const kilobytes = (answers) => answers.reduce((sum, one) => sum + one.bytes, 0) / 1_000;

/** Leaves one result: the heaviest of `values`, with their spread. */
async function leave(name, unit, values) {
  const value = Math.max(...values);
  const spread = value === 0 ? 0 : (value - Math.min(...values)) / value;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${name}.json`), JSON.stringify([{ name, value, unit, runs: values.length, spread, peers: [] }], null, 2));
  console.log(`${name}: ${value} ${unit}, the heaviest of ${values.length}`);
}

/** What one account loads from the first page to today, with nothing in the cache. */
async function signInToToday(browser, school, account, tell) {
  const page = await sitDown(browser, school, { viewport: PHONE });
  const scale = await scales(page);
  await signIn(page, account);
  await page.waitForLoadState("load");
  // What a page asks for after it has been shown counts as well.
  await page.waitForTimeout(1_500);
  assert.ok(["/", "/today"].includes(new URL(page.url()).pathname), `${account.login} arrived at ${page.url()}`);
  const answers = await scale.close();
  await page.context().close();
  if (tell) for (const { url, type, bytes, coding } of answers) console.log(`  ${String(bytes).padStart(7)} ${type} ${url} ${coding ?? ""}`);
  return answers;
}

const browser = await openBrowser();
try {
  const school = await startSchool({ zone: betweenBells() });
  try {
    const people = ["pupil", "teacher", "guardian", "counsellor", "head"].flatMap((role) => accountsOf(school, role).slice(0, role === "pupil" ? PEOPLE : 1));
    const [weights, requests] = [[], []];
    for (const account of people) {
      const answers = await signInToToday(browser, school, account, account === people[0]);
      weights.push(kilobytes(answers));
      requests.push(answers.length);
    }
    await leave("weight_sign_in_to_today_kb", "kB", weights);
    await leave("requests_sign_in_to_today", "requests", requests);

    const lesson = await lessonNow(browser, school);
    const scripts = [];
    for (const account of lesson.pupils.slice(0, 2)) {
      const page = await person(browser, school, account, { viewport: PHONE });
      const scale = await scales(page);
      await page.goto(lesson.livePath);
      await until("the live page's script runs", async () => (await phase(page)) !== undefined);
      await page.waitForTimeout(1_500);
      const loaded = (await scale.close()).filter(({ type, url }) => type === "Script" || url.endsWith(".js"));
      assert.ok(loaded.length > 0, "the live page loaded no script at all");
      scripts.push(kilobytes(loaded));
      await page.context().close();
    }
    await leave("weight_live_script_kb", "kB", scripts);
  } finally {
    await school.stop();
  }

  const full = await startSchool({ operated: true, zone: betweenBells(), environment: { PREAU_GATE__LESSONS: "false" } });
  try {
    await person(browser, full, accountsOf(full, "pupil")[0]);
    await full.order("ceiling", 1);
    const waits = [];
    for (let one = 0; one < PEOPLE; one++) {
      const page = await sitDown(browser, full, { viewport: PHONE });
      const scale = await scales(page);
      await page.goto("/");
      await page.locator("#waiting").waitFor();
      // The first questions of `/now` are not the page.
      const answers = (await scale.close()).filter(({ url }) => url !== "/now");
      waits.push(kilobytes(answers));
      await page.context().close();
    }
    await leave("weight_waiting_kb", "kB", waits);
  } finally {
    await full.stop();
  }
} finally {
  await browser.close();
}
