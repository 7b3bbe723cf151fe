// How long it takes from the click on "Rejoindre" to the first picture of the teacher, in a real Chromium on the
// loopback address, and leaves the result for `cargo xtask bench` (FIRST_FRAME names the folder, PREAU_BIN the
// server's binary).
//
// The click and the picture are timed by the page itself: the event, and the moment at which the browser hands the
// frame to its compositor (requestVideoFrameCallback). In between lie a new page, its token, the signalling socket, ICE,
// DTLS and a key frame. The script is in the browser's cache, as it is after one's first lesson; everything runs on
// this machine: two browsers' worth of pages, the server and the encoder.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LAPTOP, PHONE, lessonNow, openBrowser, person, phase, startSchool, until } from "./journeys/harness.mjs";

const folder = process.env.FIRST_FRAME ?? "../target/bench";
const RUNS = 40;

const school = await startSchool();
const browser = await openBrowser();
try {
  const lesson = await lessonNow(browser, school, { viewport: LAPTOP });
  await lesson.page.goto(lesson.livePath);
  await lesson.page.getByRole("button", { name: "Ouvrir la classe" }).click();
  await until("the teacher is live", async () => (await phase(lesson.page)) === "live");
  const pupil = await person(browser, school, lesson.pupils[0], { viewport: PHONE });
  await pupil.context().addInitScript(() => {
    document.addEventListener("click", () => sessionStorage.setItem("clicked", String(performance.timeOrigin + performance.now())), { capture: true });
    const seen = new WeakSet();
    const look = () => {
      for (const video of document.querySelectorAll("video")) {
        if (seen.has(video)) continue;
        seen.add(video);
        video.requestVideoFrameCallback((_, frame) => (window.firstFrame ??= performance.timeOrigin + frame.presentationTime));
      }
    };
    // The page's own observers run as often.
    new MutationObserver(look).observe(document, { childList: true, subtree: true });
  });
  const times = [];
  for (let run = -1; run < RUNS; run++) {
    await pupil.goto("/today");
    await pupil.getByRole("link", { name: "Rejoindre" }).first().click();
    await until("a picture is there", () => pupil.evaluate(() => window.firstFrame !== undefined).catch(() => false));
    const time = await pupil.evaluate(() => window.firstFrame - Number(sessionStorage.getItem("clicked")));
    // The first time fills the cache.
    if (run >= 0) times.push(time);
  }
  times.sort((a, b) => a - b);
  console.log(`from click to first picture, ms: ${times.map(Math.round).join(" ")}`);
  await mkdir(folder, { recursive: true });
  for (const [name, share] of [["live_first_frame_p50_ms", 0.5], ["live_first_frame_p95_ms", 0.95]]) {
    const value = times[Math.min(Math.floor(times.length * share), times.length - 1)];
    const spread = (times.at(-1) - times[0]) / value;
    await writeFile(join(folder, `${name}.json`), JSON.stringify([{ name, value, unit: "ms", runs: times.length, spread, peers: [] }], null, 2));
    console.log(`${name}: ${value.toFixed(0)} ms`);
  }
} finally {
  await browser.close();
  await school.stop();
}
