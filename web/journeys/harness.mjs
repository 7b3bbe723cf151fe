// What every browser journey stands on: the real binary with its demo school, a real Chromium, and
// people who sign in as people do. No page is reached but by its address or its links, nothing is
// looked up in a database, and nothing is pretended but the camera and the microphone.
//
// PREAU_BIN    the server binary (required)
// PREAU_LIVEKIT  a LiveKit server's binary: lessons are then held there (livekit.mjs)
// PREAU_EGRESS   the binary of its recorder: they can then be recorded there
// CHROMIUM     the browser, /usr/bin/chromium if absent
// FIREFOX      the other browser, /usr/bin/firefox-esr if absent
// SCREENSHOTS  a folder: journeys then leave pictures of the pages they pass
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chown, copyFile, link, mkdtemp, mkdir, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import assert from "node:assert/strict";
import { chromium, firefox } from "playwright-core";
import { onLiveKit, startLiveKit } from "./livekit.mjs";

const axeSource = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Longest wait for the demo school to be made and served, in milliseconds. */
const START = 90_000;
/** Longest wait for the gate to take the hour's lessons in, in milliseconds: some hundred seats, at its first pace. */
const SETTLED = 40_000;
/** Longest wait for anything on a page, in milliseconds; two busy cores are slow. */
export const PATIENCE = 30_000;

/** A port that is free now, on the loopback address. */
export async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}

/**
 * A time zone in which it is day and no bell is near for a quarter of an hour: the demo school's lessons begin
 * with every hour of its own clock, and around a bell the gate has much to do that some journeys are not about.
 */
export function betweenBells() {
  const now = new Date();
  const minute = now.getUTCMinutes();
  // Places without summer time; Firefox takes no "Etc/GMT" for one.
  const whole = { "Africa/Abidjan": 0, "Asia/Dhaka": 6, "America/Costa_Rica": -6, "Pacific/Tarawa": 12 };
  const half = { "Asia/Tehran": 3.5, "Asia/Yangon": 6.5, "Australia/Darwin": 9.5, "Pacific/Marquesas": -9.5 };
  const hourAt = (offset) => (now.getUTCHours() + minute / 60 + offset + 24) % 24;
  const zones = Object.entries(minute >= 2 && minute < 32 ? whole : half);
  return zones.find(([, offset]) => hourAt(offset) >= 4 && hourAt(offset) < 18)[0];
}

/**
 * Starts the demo school. `options` are appended to the command line, `environment` to the
 * environment (the configuration's overrides). With `operated` it has an operator's console, and `order` gives
 * the gate orders as the operator does; `zone` is where it lies. Returns its origin, its accounts, and `stop`.
 */
export async function startSchool({ uid, options = [], environment = {}, operated = false, zone = "Europe/Paris" } = {}) {
  let binary = process.env.PREAU_BIN;
  assert.ok(binary, "PREAU_BIN must name the server's binary, for example target/debug/preau");
  const folder = await mkdtemp(join(tmpdir(), "preau-journey-"));
  if (uid !== undefined) {
    // Somebody who may not go where the binary lies finds it in the folder that is theirs.
    const mine = join(folder, "preau");
    await link(binary, mine).catch(() => copyFile(binary, mine));
    await chown(folder, uid, uid);
    binary = mine;
  }
  const accountsFile = join(folder, "accounts.json");
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const command = ["demo", "--listen", `127.0.0.1:${port}`, "--data", join(folder, "data"), "--accounts", accountsFile, ...options];
  const consoleAt = operated ? `127.0.0.1:${await freePort()}` : "";
  const settings = { PREAU_PLACE__TIME_ZONE: zone, ...(operated && { PREAU_SERVER__CONSOLE: consoleAt }), ...environment };
  let output = "";
  let server;
  const liveKit = onLiveKit ? await startLiveKit(`${origin}/livekit/webhook`, freePort, folder) : undefined;

  async function start() {
    server = spawn(binary, command, { uid, gid: uid, env: { ...process.env, ...liveKit?.environment, ...settings }, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [server.stdout, server.stderr]) stream.on("data", (chunk) => (output = (output + chunk).slice(-8_000)));
    const deadline = Date.now() + START;
    for (;;) {
      assert.equal(server.exitCode, null, `the server ended by itself with status ${server.exitCode}:\n${output}`);
      assert.ok(Date.now() < deadline, `the server was not ready after ${START / 1_000} s:\n${output}`);
      try {
        const answer = await fetch(`${origin}/now`, { redirect: "manual" });
        if (answer.status < 500) return settled();
      } catch {
        // Not listening yet.
      }
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
  }

  /**
   * The gate has taken the lessons of the hour in. While their seats are being set aside it asks whoever comes to
   * wait, near a bell until the bell; a journey begins before that or after, not in between.
   */
  async function settled() {
    const deadline = Date.now() + SETTLED;
    let calm = 0;
    while (calm < 3 && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      const { waiting } = await (await fetch(`${origin}/status.json`)).json();
      calm = waiting === 0 ? calm + 1 : 0;
    }
  }

  async function end(signal) {
    if (server.exitCode !== null || server.signalCode !== null) return;
    server.kill(signal);
    const hard = setTimeout(() => server.kill("SIGKILL"), 10_000);
    await once(server, "exit");
    clearTimeout(hard);
  }

  const operator = async () => ({ username: "operator", password: (await readFile(join(folder, "data", "console.token"), "utf8")).trim() });

  await start();
  const accounts = JSON.parse(await readFile(accountsFile, "utf8"));
  return {
    origin,
    zone,
    accounts,
    /** The recorder of a LiveKit server, where there is one: `cut` and `again`. */
    recorder: liveKit?.recorder,
    /** What the media server and its recorder have said last. */
    mediaOutput: () => liveKit?.output() ?? "",
    /** What the server has said last, for the message of a failing test. */
    output: () => output,
    /** The process, for tests that measure it. */
    pid: () => server.pid,
    /** Kills without warning, as a power cut does. */
    cut: () => end("SIGKILL"),
    /** Starts again on the same data and port. */
    start,
    /** Cuts, and starts again. */
    async cutAndRestart(pause = 0) {
      await end("SIGKILL");
      await new Promise((resolve) => setTimeout(resolve, pause));
      await start();
    },
    /** Where the console is, and what opens it: a name and the token in the data folder. */
    consoleOrigin: `http://${consoleAt}`,
    operator,
    /** An order to the gate (`ceiling` 1, `end_sessions`); it is in force with the gate's next second. */
    async order(order, value) {
      const { username, password } = await operator();
      const headers = { "Content-Type": "application/json", Authorization: `Basic ${btoa(`${username}:${password}`)}` };
      const answer = await fetch(`http://${consoleAt}/order`, { method: "POST", headers, body: JSON.stringify({ order, value }) });
      assert.equal(answer.status, 200, `the order "${order}" was refused: ${await answer.text()}`);
      await new Promise((resolve) => setTimeout(resolve, 1_500));
    },
    async stop() {
      await end("SIGTERM");
      await liveKit?.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Accounts of a role, of one class if given. Fails when the demo school has none. */
export function accountsOf(school, role, schoolClass) {
  const found = school.accounts.filter((one) => one.role === role && (schoolClass === undefined || one.class === schoolClass));
  assert.ok(found.length > 0, `the demo school has no account with role "${role}"${schoolClass ? ` in ${schoolClass}` : ""}`);
  return found;
}

/** A browser with a false camera and microphone that may reach the loopback address; `home` is where it looks for what it trusts. */
export async function openBrowser({ options = [], home } = {}) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    env: home === undefined ? process.env : { ...process.env, HOME: home },
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--use-fake-device-for-media-stream",
      "--use-fake-ui-for-media-stream",
      "--allow-loopback-in-peer-connection",
      "--autoplay-policy=no-user-gesture-required",
      ...options,
    ],
  });
}

/**
 * The Firefox of the distribution, unchanged, driven over WebDriver BiDi; with a false camera and microphone of its
 * own, and allowed to reach the loopback address. Its pages take no `permissions`: the settings say yes. It trusts the
 * `authority` (authority.mjs), if there is one.
 */
export async function openFirefox({ authority } = {}) {
  const program = process.env.FIREFOX ?? "/usr/bin/firefox-esr";
  return firefox.launch({
    channel: "moz-firefox",
    executablePath: authority?.firefox(program) ?? program,
    firefoxUserPrefs: {
      "media.navigator.streams.fake": true,
      "media.navigator.permission.disabled": true,
      "media.peerconnection.ice.loopback": true,
      // Who only listens shows no more than the default address otherwise, which is not the loopback one.
      "permissions.default.camera": 1,
      "permissions.default.microphone": 1,
      "media.autoplay.default": 0,
      // Nothing is fetched from the network during a journey.
      "media.gmp-manager.updateEnabled": false,
    },
  });
}

/** Sizes at which pages are tried: a small phone and the laptop of a classroom. */
export const PHONE = { width: 360, height: 800 };
export const LAPTOP = { width: 1366, height: 768 };

/**
 * A person before a browser of their own: own cookies, own page. `page.complaints` collects what the
 * browser complained of (errors of scripts, refusals of the content security policy).
 */
export async function sitDown(browser, school, { viewport = LAPTOP, javaScriptEnabled = true, permissions = ["camera", "microphone"], colorScheme = "light", hasTouch = false } = {}) {
  const context = await browser.newContext({ ...(hasTouch && { hasTouch }), baseURL: school.origin, locale: "fr-FR", timezoneId: school.zone, viewport, javaScriptEnabled, permissions, colorScheme });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  page.complaints = [];
  // That nobody answers a WebSocket is an error of the page in Firefox, and none in Chromium.
  const nobodyAnswers = /^Firefox can’t establish a connection to the server at ws/;
  page.on("pageerror", (error) => nobodyAnswers.test(error.message) || page.complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && /Content Security Policy|Refused to|Uncaught/.test(message.text())) page.complaints.push(message.text());
  });
  return page;
}

/** Signs in at the sign-in page, as a person does; with `own`, on a device that they call their own. */
export async function signIn(page, account, { own = false } = {}) {
  await page.goto("/sign-in");
  await page.getByLabel("Identifiant").fill(account.login);
  await page.getByLabel("Mot de passe").fill(account.password);
  if (own) await page.getByLabel("Se souvenir de cet appareil").check();
  await page.getByRole("button", { name: "Entrer" }).click();
  await page.waitForURL((url) => url.pathname !== "/sign-in");
}

/** Signs out of the menu of one's own name. */
export async function signOut(page) {
  await page.goto("/account");
  await page.locator(".me summary").click();
  await page.getByRole("button", { name: "Se déconnecter", exact: true }).click();
  await page.waitForURL((url) => url.pathname === "/signed-out");
}

/** Sits down and signs in. */
export async function person(browser, school, account, options) {
  const page = await sitDown(browser, school, options);
  await signIn(page, account);
  return page;
}

/**
 * A lesson that is on now: signs teachers in until one is offered "Ouvrir la classe". Returns that
 * teacher's page (on the day's page), the account, the class, its pupils' accounts and the address
 * of the live page. With `except`, of none of these classes.
 */
export async function lessonNow(browser, school, { except = [], ...options } = {}) {
  for (const account of accountsOf(school, "teacher")) {
    const page = await person(browser, school, account, options);
    await page.goto("/today");
    const door = page.getByRole("button", { name: /^Ouvrir la classe/ }).or(page.getByRole("link", { name: /^Ouvrir la classe/ })).first();
    if ((await door.count()) > 0) {
      const schoolClass = (await door.textContent()).replace("Ouvrir la classe", "").trim();
      const address = await door.evaluate((one) => one.closest("form")?.getAttribute("action") ?? one.getAttribute("href"));
      const pupils = school.accounts.filter((one) => one.role === "pupil" && one.class === schoolClass);
      if (pupils.length >= 2 && !except.includes(schoolClass)) return { page, account, schoolClass, pupils, livePath: address.replace(/\/live.*$/, "/live") };
    }
    await page.context().close();
  }
  assert.fail("no teacher of the demo school has a lesson now with two pupils in the accounts");
}

/** Goes into the live lesson, and is there once the page is connected. */
export async function enter(page, { livePath }, who) {
  await page.goto(livePath);
  await until(`${who} is live`, async () => (await phase(page)) === "live");
}

/**
 * A lesson that is on, opened by its teacher on a laptop, with the first of its pupils on a phone. What `lessonNow` returns,
 * and `teacher` and `pupil`, whose pages are live, with the first two pupils' accounts. `how` is for the pupil's page.
 */
export async function liveLesson(browser, school, how = {}) {
  const lesson = await lessonNow(browser, school, { viewport: LAPTOP });
  const [pupilAccount, otherAccount] = lesson.pupils;
  const [teacher, pupil] = [lesson.page, await person(browser, school, pupilAccount, { viewport: PHONE, ...how })];
  await teacher.goto(lesson.livePath);
  await teacher.getByRole("button", { name: "Ouvrir la classe" }).click();
  await until("the teacher is live", async () => (await phase(teacher)) === "live");
  await enter(pupil, lesson, "the pupil");
  return { ...lesson, teacher, pupil, pupilAccount, otherAccount };
}

/** The head allows this to be recorded from now on. */
export async function allowRecording(browser, school, what) {
  const head = await person(browser, school, accountsOf(school, "head")[0]);
  await head.goto("/recordings");
  await head.getByLabel("Pendant une classe en direct").selectOption(what);
  await head.getByRole("button", { name: "Enregistrer", exact: true }).click();
  await head.getByText("Le choix est enregistré.").waitFor();
  await head.context().close();
}

/** A real PDF, printed by a browser: text in its own fonts, a drawing, as many pages as wished. */
export async function printed(browser, pages) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const verse = ["Le Corbeau et le Renard", "La Cigale et la Fourmi", "Le Loup et l’Agneau", "Le Lièvre et la Tortue", "Le Lion et le Rat"];
  const sheets = Array.from({ length: pages }, (_, number) => `<section><h1>${verse[number % verse.length]}</h1><p>Fable ${number + 1}. Maître Corbeau, sur un arbre perché, tenait en son bec un fromage.</p><svg width="300" height="200"><circle cx="150" cy="100" r="80" fill="#255d38"/></svg></section>`);
  await page.setContent(`<style>section { break-after: page; font: 18pt serif }</style>${sheets.join("")}`);
  const bytes = await page.pdf({ format: "A4", printBackground: true });
  await context.close();
  return bytes;
}

/** How many dots of a board are not paper. */
export const ink = (page) =>
  page.locator(".board-view canvas.static").evaluate((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let dots = 0;
    for (let at = 0; at < data.length; at += 4) if (data[at + 3] > 128 && Math.max(data[at], data[at + 1], data[at + 2]) < 200) dots++;
    return dots;
  });

/** Draws on the board with the pointer, in shares of its width and height. */
export async function stroke(page, tool, points) {
  await page.locator(`#board [data-testid="toolbar-${tool}"]`).first().locator("xpath=..").click();
  const box = await page.locator("#board canvas.interactive").boundingBox();
  const at = ([x, y]) => [box.x + box.width * x, box.y + box.height * y];
  const [first, ...rest] = points.map(at);
  await page.mouse.move(...first);
  await page.mouse.down();
  for (const point of rest) await page.mouse.move(...point, { steps: 6 });
  await page.mouse.up();
}

/** Fails with the list of what axe-core finds wrong with the page as it stands (WCAG 2.2 A, AA and best practices). */
export async function assertAccessible(page, what) {
  // Evaluated by the debugger, so that the page's own content security policy stays as it is.
  await page.evaluate(axeSource);
  const found = await page.evaluate(() =>
    window.axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) =>
      violations.map(({ id, help, nodes }) => `${id}: ${help}\n    ${nodes.map((node) => `${node.html} (${node.failureSummary.replaceAll("\n", " ")})`).join("\n    ")}`),
    ),
  );
  assert.equal(found.length, 0, `${what}: axe-core found\n  ${found.join("\n  ")}`);
}

/** Fails when the page is wider than its window, as a phone's reader would find. */
export async function assertFits(page, what) {
  const [page_, window_] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(page_ <= window_, `${what}: the page is ${page_} px wide in a window of ${window_} px`);
}

/** Fails when anything on the page moved after it was first shown, without the reader having done anything (Layout Instability API). */
export async function assertSteady(page, what) {
  const moved = await page.evaluate(
    () =>
      new Promise((resolve) => {
        let sum = 0;
        const observer = new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
        });
        observer.observe({ type: "layout-shift", buffered: true });
        // What is buffered arrives with the next task; scripts have settled by the second frame after it.
        setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(() => resolve(sum))), 100);
      }),
  );
  // A fifth of what counts as good (0.1): the header settling in its first frame on a busy machine.
  assert.ok(moved < 0.02, `${what}: the page moved by ${moved} after it was shown`);
}

/** Fails when the browser complained of anything on this page. */
export function assertNoComplaint(page, what) {
  assert.deepEqual(page.complaints, [], `${what}: the browser complained`);
}

/** Leaves a picture, if pictures are wanted. */
export async function shoot(page, name) {
  const folder = process.env.SCREENSHOTS;
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: false });
}

/** Asks again until `question` answers something true; fails with `what` after the patience is over. */
export async function until(what, question, patience = PATIENCE) {
  const deadline = Date.now() + patience;
  for (;;) {
    const answer = await question();
    if (answer) return answer;
    assert.ok(Date.now() < deadline, `waited ${patience / 1_000} s in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Where the live page stands ("waiting", "live", "interrupted", …). */
export const phase = (page) => page.evaluate(() => window.__preau?.phase());

/** Sums of what the live page has received: frames of video, samples and energy of sound. */
export async function received(page) {
  const tracks = await page.evaluate(() => window.__preau.received());
  const sum = (name) => tracks.reduce((total, track) => total + track[name], 0);
  return { tracks: tracks.length, frames: sum("framesDecoded"), samples: sum("samplesReceived"), energy: sum("audioEnergy") };
}

/** Waits until video is being decoded on the page and sound arrives that is not silence. */
export async function assertSeesAndHears(page, what) {
  const before = await received(page);
  await until(`${what}: frames and samples grow`, async () => {
    const now = await received(page);
    return now.frames > before.frames + 10 && now.samples > before.samples + 10_000 && now.energy > before.energy;
  });
}
