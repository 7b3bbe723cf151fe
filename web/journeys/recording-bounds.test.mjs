// Recordings that nobody ended: the disk is nearly full, or the greatest length is reached. The teacher is told why in
// words, the class that it is over, nothing begins while there is no room, and what came before is kept and played.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { mkdtemp, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { allowRecording, assertAccessible, assertNoComplaint, betweenBells, liveLesson, openBrowser, phase, shoot, startSchool, until } from "./harness.mjs";
import { onLiveKit } from "./livekit.mjs";

/** A disk in memory: nothing else that goes on here takes as much of it meanwhile as `ROOM`. */
const DISK = "/dev/shm";
const MIB = 1024 * 1024;
/** What may still be written before recordings end, and what then fills it, in MiB. */
const ROOM = 256;
const FILLER = 320;

const { bavail, bsize } = await statfs(DISK);
const free = Math.floor((bavail * bsize) / MIB);
const skip = onLiveKit ? "a LiveKit server's lessons are not recorded" : free < 2 * FILLER ? `${DISK} has only ${free} MiB` : false;

let school, browser, folder, lesson, teacher, pupil;

before(async () => {
  if (skip) return;
  folder = await mkdtemp(join(DISK, "preau-recordings-"));
  const environment = { PREAU_RECORDING__FOLDER: join(folder, "recordings"), PREAU_RECORDING__LEAST_FREE_MIB: String(free - ROOM), PREAU_RECORDING__LONGEST_MINUTES: "1" };
  school = await startSchool({ zone: betweenBells(), environment });
  browser = await openBrowser();
  await allowRecording(browser, school, "teacher");
  lesson = await liveLesson(browser, school);
  ({ teacher, pupil } = lesson);
});

after(async () => {
  await browser?.close();
  await school?.stop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

const sign = (page) => page.locator("#recording");
const told = (page, words) => page.locator("#notices").getByText(words).waitFor({ timeout: 90_000 });
async function record() {
  await teacher.getByRole("button", { name: "Enregistrer le cours", exact: true }).click();
  await teacher.getByRole("dialog").getByRole("button", { name: "Enregistrer le cours" }).click();
}

test("a recording ends when the disk is nearly full, and none begins until there is room", { skip }, async () => {
  await record();
  await sign(pupil).getByText("Ce cours est enregistré").waitFor();
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  await writeFile(join(folder, "filler"), Buffer.alloc(FILLER * MIB, 1));
  await told(teacher, "L’enregistrement s’est arrêté : il n’y a plus de place sur le serveur.");
  await told(pupil, "Le cours n’est plus enregistré.");
  await sign(pupil).waitFor({ state: "hidden" });
  await assertAccessible(teacher, "told that there is no room");
  await shoot(teacher, "recording-no-room-laptop");
  await teacher.locator("#notices").getByRole("button", { name: "Masquer" }).click();
  await record();
  await told(teacher, "Il n’y a plus assez de place sur le serveur pour enregistrer.");
  assert.equal(await sign(teacher).isVisible(), false);
  await teacher.locator("#notices").getByRole("button", { name: "Masquer" }).click();
  await rm(join(folder, "filler"));
});

test("a recording ends at the greatest length", { skip }, async () => {
  await record();
  await sign(pupil).getByText("Ce cours est enregistré").waitFor();
  await told(teacher, "L’enregistrement s’est arrêté : il a atteint la durée maximale.");
  await sign(pupil).waitFor({ state: "hidden" });
  assert.equal(await phase(teacher), "live", "the lesson goes on");
});

test("the class reads why, and watches what came before", { skip }, async () => {
  await pupil.goto(lesson.livePath.replace(/\/live$/, ""));
  const links = pupil.locator("a[href^='/recordings/']");
  const paths = await links.evaluateAll((all) => all.map((one) => one.getAttribute("href")));
  assert.equal(paths.length, 2);
  const reasons = ["L’enregistrement s’est arrêté à la durée maximale.", "L’enregistrement s’est arrêté : il n’y avait plus de place sur le serveur."];
  for (const [place, path] of paths.entries()) {
    await pupil.goto(path);
    await pupil.getByText(reasons[place]).waitFor();
    await pupil.getByRole("button", { name: "Lire", exact: true }).click();
    await until("pictures are decoded", () => pupil.evaluate(() => [...document.querySelectorAll("#player video")].some((one) => one.getVideoPlaybackQuality().totalVideoFrames > 20)));
  }
  const length = await pupil.evaluate(async () => (await (await fetch(document.querySelector("#player").dataset.contents)).json()).length);
  assert.ok(length > 3_000, `${length} ms are kept of what the full disk ended`);
  for (const [page, who] of [[teacher, "teacher"], [pupil, "pupil"]]) assertNoComplaint(page, who);
});
