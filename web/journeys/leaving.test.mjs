// Closing the page gives the seat back in half a minute; a reload, the way back, or another tab that is still open
// do not.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { PHONE, accountsOf, assertNoComplaint, betweenBells, openBrowser, signIn, sitDown, startSchool, until } from "./harness.mjs";

let school, browser;

before(async () => {
  school = await startSchool({ operated: true, zone: betweenBells(), environment: { PREAU_GATE__LESSONS: "false" } });
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await school?.stop();
});

const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, 1_000 * seconds));
const status = async () => (await fetch(`${school.origin}/status.json`)).json();
/** When the seat was taken, as the browser's session has it: six bytes of it. */
const seatOf = async (page) => {
  const { value } = (await page.context().cookies()).find(({ name }) => name.endsWith("_gate"));
  return Buffer.from(value, "base64url").subarray(4, 10).toString("hex");
};
/** What the pages of a browser say of their seat from now on. */
function listen(context) {
  const said = [];
  context.on("request", (request) => {
    const { pathname } = new URL(request.url());
    if (pathname.startsWith("/seat/")) said.push(pathname);
  });
  return said;
}

test("who turns pages says nothing, who reloads forty times keeps the seat, and who closes the page makes room", async () => {
  const inside = await sitDown(browser, school, { viewport: PHONE });
  const said = listen(inside.context());
  await signIn(inside, accountsOf(school, "pupil")[0]);
  await school.order("ceiling", 1);
  const waiting = await sitDown(browser, school, { viewport: PHONE });
  await waiting.goto("/sign-in");
  await waiting.locator("#waiting").waitFor();
  const rank = await waiting.locator("#waiting").getAttribute("data-rank");

  await inside.goto("/today");
  const seat = await seatOf(inside);
  said.length = 0;
  for (const name of ["Emploi du temps", "Cahier de textes"]) {
    await inside.getByRole("link", { name }).first().click();
    await inside.waitForLoadState();
  }
  assert.deepEqual(said, [], "a page that follows another says nothing");
  await inside.goBack();
  await inside.goForward();
  for (let time = 1; time <= 40; time++) await inside.reload();
  await pause(40);
  assert.equal(await seatOf(inside), seat, "the same seat");
  assert.equal(await waiting.locator("#waiting").getAttribute("data-rank"), rank, "the same place");
  assert.equal((await status()).inside, 1);

  // Another tab is still there, in the background, and says so.
  const tab = await inside.context().newPage();
  await tab.goto("/today");
  said.length = 0;
  await inside.close();
  await until("the other tab has said that it is there", async () => said.includes("/seat/return"));
  await pause(40);
  assert.equal(await waiting.locator("#waiting").count(), 1, "nobody takes the seat of an open tab");
  await tab.goto("/timetable");
  assert.equal(await seatOf(tab), seat);
  assertNoComplaint(inside, "leaving");

  const closed = Date.now();
  await tab.close();
  await until("the seat has gone to the next one", async () => (await waiting.getByLabel("Identifiant").count()) === 1, 90_000);
  const seconds = (Date.now() - closed) / 1_000;
  assert.ok(seconds > 25 && seconds < 75, `the seat was free after ${seconds} s`);
  // Whoever opens it again within ten minutes does not queue: a few seats are kept beyond the quota for that.
  const again = await inside.context().newPage();
  await again.goto("/today");
  assert.match(await again.locator("h1").textContent(), /^Bonjour/);
  assertNoComplaint(waiting, "waiting");
});
