// The day kept on a device of one's own: there when the platform is gone and while one waits, and gone with
// its owner. On a shared computer nothing is ever kept.
import { after, afterEach, before, test } from "node:test";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LAPTOP, PHONE, accountsOf, assertAccessible, assertFits, assertNoComplaint, betweenBells, freePort, openBrowser, shoot, signIn, signOut, sitDown, startSchool, until } from "./harness.mjs";

let school, browser;

before(async () => {
  school = await startSchool({ operated: true, zone: betweenBells(), environment: { PREAU_GATE__LESSONS: "false" } });
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await school?.stop();
});

// A journey that failed leaves the school up, and the house roomy, for the next.
let full = false;
afterEach(async () => {
  await fetch(`${school.origin}/now`).catch(() => school.start());
  if (full) await school.order("ceiling", null);
  full = false;
});

const KEPT = "/today/kept";
/** Whether this browser holds a copy, and whether a worker would show it. */
const holds = (page) =>
  page.evaluate(async () => ({ copy: (await caches.match("/today/kept")) !== undefined, worker: (await navigator.serviceWorker.getRegistration()) !== undefined }));

/** Somebody signed in on a device of their own, who has looked at the day long enough for it to be kept. */
async function withACopy(account, options = { viewport: PHONE }) {
  const page = await sitDown(browser, school, options);
  await page.clock.install();
  await signIn(page, account, { own: true });
  // Only a calm house offers a copy: those who waited in the journey before must have been let in.
  await until("a copy is offered", async () => {
    await page.goto("/today");
    return (await page.locator("#today[data-keep-after]").count()) === 1;
  }, 90_000);
  await page.clock.fastForward(600_000);
  await until("the copy is kept", async () => (await holds(page)).copy);
  // The worker is in charge of the pages to come once it is active.
  await page.evaluate(async () => void (await navigator.serviceWorker.ready));
  return page;
}

const headline = (page) => page.locator("h1").textContent();

test("the day is there when the platform is gone, and goes as soon as it is back", async () => {
  const pupil = await withACopy(accountsOf(school, "pupil")[0]);
  const lessons = await pupil.locator(".day .slot b").allTextContents();
  assert.ok(lessons.length > 0);
  // While the platform answers, it is what is shown.
  for (const path of ["/", "/today"]) {
    await pupil.goto(path);
    assert.match(await headline(pupil), /^Bonjour/);
  }
  await school.cut();
  for (const path of ["/today", "/"]) {
    await pupil.goto(path);
    assert.equal(await headline(pupil), "Ta journée");
    assert.match(await pupil.locator(".as-of").textContent(), /Enregistrée \p{L}+ \d+(er)?\s\p{L}+ à \d+\sh\s\d\d/u);
    assert.ok(await pupil.getByText("Préau ne répond pas pour l’instant.").isVisible());
  }
  assert.deepEqual((await pupil.locator("[data-day]").first().locator("b").allTextContents()).slice(0, lessons.length), lessons, "the lessons of the day, in their order");
  assert.equal(await pupil.locator("form, button, script, input").count(), 0, "nothing to do with but read");
  for (const [size, viewport] of [["phone", PHONE], ["desk", LAPTOP]]) {
    for (const colorScheme of ["light", "dark"]) {
      await pupil.setViewportSize(viewport);
      await pupil.emulateMedia({ colorScheme });
      await assertAccessible(pupil, `the kept day, ${size}, ${colorScheme}`);
      await assertFits(pupil, `the kept day, ${size}`);
      await shoot(pupil, `kept-${size}-${colorScheme}`);
    }
  }
  // Any other page is the browser's own affair.
  const elsewhere = await pupil.context().newPage();
  await assert.rejects(elsewhere.goto("/homework"));
  await elsewhere.close();
  await school.start();
  await pupil.getByRole("link", { name: "Réessayer" }).click();
  await pupil.getByRole("heading", { level: 1, name: /^Bonjour/ }).waitFor();
  assertNoComplaint(pupil, "the kept day");
  await pupil.context().close();
});

test("days that are over are not shown, and after two weeks nothing is", async () => {
  const pupil = await withACopy(accountsOf(school, "pupil")[1]);
  const last = await pupil.evaluate(async () => {
    const copy = await caches.match("/today/kept");
    const shelf = await caches.open("preau-day");
    const headers = new Headers(copy.headers);
    const text = await copy.text();
    const days = [...text.matchAll(/<div data-day="([^"]+)"/g)].map((found) => found[1]);
    // All days but the last are made ten years older.
    const older = text.replaceAll(/data-day="(\d{4})(-\d\d-\d\d)"/g, (whole, year, rest) => (year + rest === days.at(-1) ? whole : `data-day="${Number(year) - 10}${rest}"`));
    await shelf.put("/today/kept", new Response(older, { headers }));
    return days.at(-1);
  });
  await school.cut();
  await pupil.goto("/today");
  assert.deepEqual(await pupil.locator("div[data-day]").evaluateAll((all) => all.map((one) => one.dataset.day)), [last]);
  assert.equal(await pupil.getByText("Pas de cours enregistré").isVisible(), false);
  await school.start();
  await pupil.goto("/today");
  await pupil.evaluate(async () => {
    const copy = await caches.match("/today/kept");
    const headers = new Headers(copy.headers);
    headers.set("preau-kept", String(Date.now() - 15 * 86_400_000));
    await (await caches.open("preau-day")).put("/today/kept", new Response(await copy.text(), { headers }));
  });
  await school.cut();
  await assert.rejects(pupil.goto("/today"), "an old copy is not shown");
  await school.start();
  await pupil.goto("/today");
  assert.equal((await holds(pupil)).copy, false, "and thrown away");
  await pupil.context().close();
});

test("who waits reads the day on the waiting page, and gets in all the same", async () => {
  const account = accountsOf(school, "pupil")[2];
  const pupil = await withACopy(account);
  const other = await sitDown(browser, school);
  full = true;
  await school.order("ceiling", 1);
  await school.order("end_sessions");
  await other.goto("/sign-in");
  for (let reload = 0; reload < 3; reload++) {
    await pupil.goto("/today");
    assert.equal(await pupil.locator("#waiting").count(), 1, "the waiting page is shown as it comes, and nothing kept in its stead");
  }
  // Behind another tab the page asks nothing and stays as it is, while it is looked at closely.
  await pupil.evaluate(() => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => true });
    document.dispatchEvent(new Event("visibilitychange"));
  });
  const rank = await pupil.locator("#waiting").getAttribute("data-rank");
  const offer = pupil.locator("summary");
  assert.match(await offer.textContent(), /^Voir ma journéeEnregistrée/);
  await shoot(pupil, "waiting-with-a-day-phone");
  await offer.focus();
  await pupil.keyboard.press("Enter");
  assert.ok(await pupil.locator("#kept .slot").first().isVisible());
  for (const [size, viewport] of [["phone", PHONE], ["desk", LAPTOP]]) {
    for (const colorScheme of ["light", "dark"]) {
      await pupil.setViewportSize(viewport);
      await pupil.emulateMedia({ colorScheme });
      await assertAccessible(pupil, `waiting with the day, ${size}, ${colorScheme}`);
      await assertFits(pupil, `waiting with the day, ${size}`);
      await pupil.locator("summary").scrollIntoViewIfNeeded();
      await shoot(pupil, `waiting-reading-${size}-${colorScheme}`);
    }
  }
  await pupil.reload();
  // The copy is fetched from its shelf once the page is there.
  await offer.waitFor();
  assert.ok(await pupil.locator("#kept .slot").first().isVisible(), "what was open stays open");
  assert.equal(await pupil.locator("#waiting").getAttribute("data-rank"), rank, "reading costs no place");
  assertNoComplaint(pupil, "the waiting page with the day");
  await school.order("ceiling", null);
  full = false;
  await until("the pupil is in", async () => /^Bonjour/.test(await headline(pupil).catch(() => "")), 90_000);
  assert.ok((await holds(pupil)).copy, "and still has the copy");
  await other.context().close();
  await pupil.context().close();
});

test("the copy goes with its owner", async () => {
  const [one, another] = accountsOf(school, "pupil").slice(3);
  const page = await withACopy(one);
  await signOut(page);
  await page.goto("/sign-in");
  assert.deepEqual(await holds(page), { copy: false, worker: false }, "nothing is left after signing out");
  await page.context().close();

  // The session ends elsewhere: the first word of the platform about it is enough.
  const left = await withACopy(one);
  const phone = await sitDown(browser, school, { viewport: PHONE });
  await signIn(phone, one);
  await phone.goto("/account");
  await phone.getByRole("button", { name: "Déconnecter tous les appareils" }).click();
  await phone.waitForURL(/signed-out/);
  await left.goto("/today");
  assert.equal(new URL(left.url()).pathname, "/sign-in");
  await until("the copy is gone", async () => !(await holds(left)).copy);
  await left.context().close();
  await phone.context().close();

  // Somebody else signs in on the device: as soon as they do, whatever page they go to.
  const device = await withACopy(one);
  const cookies = (await device.context().cookies()).filter(({ name }) => !name.endsWith("_session"));
  await device.context().clearCookies();
  await device.context().addCookies(cookies);
  await device.goto("/sign-in?next=/homework");
  await device.getByLabel("Identifiant").fill(another.login);
  await device.getByLabel("Mot de passe").fill(another.password);
  await device.getByRole("button", { name: "Entrer" }).click();
  await device.waitForURL(/homework/);
  assert.equal((await holds(device)).copy, false, "nobody reads another's day");
  await device.goto("/today");
  await until("nothing is kept on a device that nobody has called their own", async () => !(await holds(device)).worker);
  await device.context().close();
});

test("on a shared computer nothing is kept, and who has no day of lessons is offered none", async () => {
  for (const [account, own] of [[accountsOf(school, "pupil")[4], false], [accountsOf(school, "head")[0], true]]) {
    const page = await sitDown(browser, school);
    await page.clock.install();
    await signIn(page, account, { own });
    const asked = [];
    page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    await page.goto("/today");
    await page.clock.fastForward(900_000);
    await page.waitForTimeout(1_500);
    assert.deepEqual(asked.filter((path) => path === KEPT || path === "/worker.js"), []);
    assert.deepEqual(await holds(page), { copy: false, worker: false });
    await page.context().close();
  }
});

test("a platform that neither answers nor refuses is gone as well", async () => {
  const guardian = await withACopy(accountsOf(school, "guardian")[0]);
  process.kill(school.pid(), "SIGSTOP");
  try {
    // A signal is on its way for a moment.
    await until("a stopped server answers nobody", () =>
      fetch(`${school.origin}/now`, { signal: AbortSignal.timeout(1_000) }).then(() => false, () => true),
    );
    await guardian.goto("/today", { timeout: 60_000 });
    assert.equal(await headline(guardian), "Votre journée");
    assert.ok((await guardian.locator("h2.who").count()) > 0, "each child has a part");
    await shoot(guardian, "kept-guardian-phone");
    await assertAccessible(guardian, "a guardian's kept day");
    await assertFits(guardian, "a guardian's kept day");
  } finally {
    process.kill(school.pid(), "SIGCONT");
  }
  await guardian.context().close();
});

test("coming in costs no request more", async () => {
  const teacher = await withACopy(accountsOf(school, "teacher")[0], { viewport: LAPTOP });
  const asked = [];
  teacher.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await teacher.goto("/today");
  await teacher.waitForTimeout(3_000);
  const more = asked.filter((path) => path === KEPT || path === "/worker.js");
  assert.deepEqual(more, [], "a copy that is fresh is not fetched again, and the worker comes from the cache");
  assert.ok(asked.length <= 6, `${asked.length} requests: ${asked}`);
  await school.cut();
  await teacher.goto("/today");
  await shoot(teacher, "kept-teacher-desk");
  await assertAccessible(teacher, "a teacher's kept day");
  await school.start();
  await teacher.context().close();
});

test("behind a gate whose service is gone the day is read on the gate's page, which goes on by itself", async () => {
  const pupil = await withACopy(accountsOf(school, "pupil")[5]);
  const [copy, at] = await pupil.evaluate(async () => {
    const kept = await caches.match("/today/kept");
    return [await kept.text(), kept.headers.get("preau-kept")];
  });
  await pupil.context().close();

  const [port, behind] = [await freePort(), await freePort()];
  const data = await mkdtemp(join(tmpdir(), "preau-journey-gate-"));
  const command = ["gate", "--listen", `127.0.0.1:${port}`, "--data", data, "--upstream", `http://127.0.0.1:${behind}`];
  const gate = spawn(process.env.PREAU_BIN, command, { env: { ...process.env, PREAU_PLACE__TIME_ZONE: school.zone }, stdio: "ignore" });
  const service = createServer((_, response) => response.setHeader("content-type", "text/html").end("<!doctype html><title>Back</title><h1>Back</h1>"));
  try {
    const gone = await sitDown(browser, { origin: `http://127.0.0.1:${port}`, zone: school.zone }, { viewport: PHONE });
    await until("the gate stands", () => gone.goto("/today").catch(() => undefined));
    assert.equal(await headline(gone), "Le service ne répond pas");
    assert.equal(await gone.locator("summary").count(), 0, "without a copy nothing is offered");
    await gone.evaluate(async ([copy, at]) => (await caches.open("preau-day")).put("/today/kept", new Response(copy, { headers: { "preau-kept": at } })), [copy, at]);
    await gone.reload();
    // The script looks for a copy first.
    await gone.locator("summary").waitFor();
    await gone.keyboard.press("Tab");
    await gone.keyboard.press("Enter");
    await gone.locator("#kept .slot").first().waitFor();
    for (const [size, viewport] of [["phone", PHONE], ["desk", LAPTOP]]) {
      for (const colorScheme of ["light", "dark"]) {
        await gone.setViewportSize(viewport);
        await gone.emulateMedia({ colorScheme });
        await assertAccessible(gone, `the service is gone, ${size}, ${colorScheme}`);
        await assertFits(gone, `the service is gone, ${size}`);
        await shoot(gone, `out-${size}-${colorScheme}`);
      }
    }
    // The page looks again while it is read, and stays as it is.
    await gone.evaluate(() => (window.loadedOnce = true));
    const looked = await gone.waitForResponse((response) => response.request().method() === "HEAD");
    assert.equal(looked.status(), 502);
    await gone.waitForTimeout(500);
    assert.equal(await gone.evaluate(() => window.loadedOnce), true, "whoever reads is not torn from it");
    service.listen(behind, "127.0.0.1");
    await gone.getByRole("heading", { name: "Back" }).waitFor();
    assertNoComplaint(gone, "the service is gone");
    await gone.context().close();
  } finally {
    service.close();
    if (gate.kill()) await once(gate, "exit");
    await rm(data, { recursive: true, force: true });
  }
});
