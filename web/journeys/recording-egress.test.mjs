// A lesson on a real LiveKit server that its recorder (Egress) records: everybody is told once it really begins, pauses and
// pupils' voices are in it, it is played back like any other; what a crash of either side leaves is found; and nothing is
// recorded that is no longer allowed. Runs where PREAU_LIVEKIT and PREAU_EGRESS name both programs.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { withEgress } from "./livekit.mjs";
import { LAPTOP, PHONE, accountsOf, assertAccessible, assertFits, assertNoComplaint, lessonNow, openBrowser, person, phase, shoot, startSchool, until } from "./harness.mjs";

const skip = withEgress ? false : "PREAU_LIVEKIT and PREAU_EGRESS do not both name a program";
/** Longest wait for the recorder to begin or to finish a file, in milliseconds: each is a process of its own. */
const RECORDER = 60_000;

let school, browser, lesson, teacher, pupil, head, pupilAccount, recordingPath;

before(async () => {
  if (skip) return;
  school = await startSchool();
  browser = await openBrowser();
  lesson = await lessonNow(browser, school, { viewport: LAPTOP });
  teacher = lesson.page;
  [pupilAccount] = lesson.pupils;
  pupil = await person(browser, school, pupilAccount, { viewport: PHONE });
  head = await person(browser, school, accountsOf(school, "head")[0], { viewport: PHONE });
});

after(async () => {
  await browser?.close();
  await school?.stop();
});

const sign = (page) => page.locator("#recording");
const record = (page) => page.getByRole("button", { name: "Enregistrer le cours", exact: true });
const stop = (page) => page.getByRole("button", { name: "Arrêter l’enregistrement" });
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function allow(what) {
  await head.goto("/recordings");
  await head.getByLabel("Pendant une classe en direct").selectOption(what);
  await head.getByRole("button", { name: "Enregistrer", exact: true }).click();
  await head.getByText("Le choix est enregistré.").waitFor();
}

async function begin() {
  await record(teacher).click();
  await teacher.getByRole("dialog").getByText("Les premières secondes peuvent manquer.").waitFor();
  await teacher.getByRole("dialog").getByRole("button", { name: "Enregistrer le cours" }).click();
  await stop(teacher).waitFor({ timeout: RECORDER });
  await sign(pupil).getByText("Ce cours est enregistré").waitFor({ timeout: RECORDER });
}

/** The lesson's recordings, the latest first, once none is being made. */
async function closed(count) {
  const path = lesson.livePath.replace(/\/live$/, "");
  await until(`${count} recordings are closed`, async () => {
    await head.goto(path);
    return (await head.locator("a[href^='/recordings/']").count()) === count && (await head.getByText("en cours", { exact: true }).count()) === 0;
  }, RECORDER);
  return head.locator("a[href^='/recordings/']").first().getAttribute("href");
}

const contents = (page, path) => page.evaluate((path) => fetch(`${path}/contents.json`).then((answer) => answer.json()), path);
const kinds = ({ tracks }) => tracks.map((track) => `${track.leads ? "teacher" : "pupil"} ${track.shows}`);

test("everybody is told once it really begins", { skip }, async () => {
  await allow("voices");
  await teacher.goto(lesson.livePath);
  await teacher.getByRole("button", { name: "Ouvrir la classe" }).click();
  await until("the teacher is live", async () => (await phase(teacher)) === "live");
  await pupil.goto(lesson.livePath);
  await until("the pupil is live", async () => (await phase(pupil)) === "live");
  assert.equal(await sign(pupil).isVisible(), false);
  const told = [teacher, pupil].map((page) => page.locator("#notices").getByText("Les premières secondes peuvent manquer.").waitFor({ timeout: RECORDER }));
  await begin();
  await Promise.all(told);
  for (const [page, who] of [[teacher, "teacher"], [pupil, "pupil"]]) {
    await assertAccessible(page, `live page of the ${who}, recorded by Egress`);
    await assertFits(page, `live page of the ${who}, recorded by Egress`);
    await shoot(page, `recording-egress-${who}`);
  }
});

test("a pause, a pupil's voice, and the end", { skip }, async () => {
  await pupil.getByRole("button", { name: "Lever la main" }).click();
  await teacher.getByRole("button", { name: `Donner la parole à ${pupilAccount.name}` }).click();
  await pupil.getByRole("button", { name: "Ouvrir le micro" }).click();
  await pause(6_000);
  await teacher.getByRole("button", { name: "Couper le micro", exact: true }).click();
  await pause(5_000);
  await teacher.getByRole("button", { name: "Ouvrir le micro", exact: true }).click();
  await pause(8_000);
  await stop(teacher).click();
  await sign(pupil).waitFor({ state: "hidden", timeout: RECORDER });
  await sign(teacher).waitFor({ state: "hidden", timeout: RECORDER });
  recordingPath = await closed(1);
  const made = await contents(pupil, recordingPath);
  const found = kinds(made).sort();
  assert.deepEqual(found, ["pupil microphone", "teacher camera", "teacher microphone"], JSON.stringify(made.tracks));
  const of = (kind) => made.tracks.find((track) => `${track.leads ? "teacher" : "pupil"} ${track.shows}` === kind);
  // Twenty seconds and more, with the pause in it.
  for (const kind of ["teacher camera", "teacher microphone"]) assert.ok(of(kind).length > 15_000, `${kind}: ${of(kind).length} ms`);
  const ends = ["teacher camera", "teacher microphone"].map((kind) => of(kind).begins + of(kind).length);
  assert.ok(Math.abs(ends[0] - ends[1]) < 1_500, `voice and picture end ${ends} ms after the beginning`);
  assert.ok(of("pupil microphone").begins > of("teacher microphone").begins);
});

test("it is played back like any other", { skip }, async () => {
  await pupil.goto(recordingPath);
  await pupil.getByRole("button", { name: "Lire", exact: true }).click();
  const media = () => pupil.evaluate(() => [...document.querySelectorAll("#player video, #player audio")].map((one) => ({ kind: one.tagName, on: one.currentSrc !== "" && !one.paused, at: one.currentTime, frames: one.getVideoPlaybackQuality?.().totalVideoFrames ?? 0, width: one.videoWidth ?? 0, error: one.error?.message ?? "" })));
  await until("pictures are decoded", async () => (await media()).some((one) => one.kind === "VIDEO" && one.frames > 20 && one.width >= 160));
  await until("sound plays", async () => (await media()).some((one) => one.kind === "AUDIO" && one.on && one.at > 1));
  assert.deepEqual((await media()).filter((one) => one.error), []);
  // What is heard: how loud each tenth of a second of the teacher's voice is.
  const loud = await pupil.evaluate(async (path) => {
    const { tracks } = await (await fetch(`${path}/contents.json`)).json();
    const file = await (await fetch(tracks.find((track) => track.shows === "microphone" && track.leads).url)).arrayBuffer();
    const sound = (await new OfflineAudioContext(1, 48_000, 48_000).decodeAudioData(file)).getChannelData(0);
    const tenths = [];
    for (let at = 0; at + 4_800 <= sound.length; at += 4_800) tenths.push(sound.subarray(at, at + 4_800).reduce((most, sample) => Math.max(most, Math.abs(sample)), 0));
    return tenths;
  }, recordingPath);
  assert.ok(Math.max(...loud) > 0.01, "the voice is silent");
  let [longest, quiet] = [0, 0];
  for (const one of loud) {
    quiet = one < 0.005 ? quiet + 1 : 0;
    longest = Math.max(longest, quiet);
  }
  assert.ok(longest >= 35 && longest <= 75, `the pause of five seconds is ${longest / 10} s long`);
  await pupil.getByLabel("Position").focus();
  await pupil.keyboard.press("Home");
  await pupil.getByLabel("Position").press("ArrowRight");
  await until("it goes on from there", async () => (await media()).some((one) => one.kind === "VIDEO" && one.at > 1));
  await shoot(pupil, "recording-egress-playback");
  assertNoComplaint(pupil, "playback");
});

test("nothing is recorded that the head no longer allows", { skip }, async () => {
  await pupil.goto(lesson.livePath);
  await until("the pupil is live", async () => (await phase(pupil)) === "live");
  await begin();
  await pause(6_000);
  await allow("teacher");
  await sign(pupil).waitFor({ state: "hidden", timeout: RECORDER });
  await teacher.locator("#notices").getByText("la direction ne l’autorise plus").waitFor({ timeout: RECORDER });
  await head.goto(await closed(2));
  await head.getByText("la direction ne l’autorisait plus").waitFor();
});

test("a recorder that goes down is told of, and recording goes on when it is back", { skip }, async () => {
  await begin();
  await pause(6_000);
  await school.recorder.cut();
  await teacher.locator("#notices").getByText("le service d’enregistrement a eu une panne").waitFor({ timeout: 2 * RECORDER });
  await shoot(teacher, "recording-egress-trouble");
  await school.recorder.again();
  await sign(pupil).getByText("Ce cours est enregistré").waitFor({ timeout: 2 * RECORDER });
  await pause(6_000);
  await stop(teacher).click();
  await sign(pupil).waitFor({ state: "hidden", timeout: RECORDER });
  const made = await contents(head, await closed(3));
  assert.deepEqual(kinds(made).sort(), ["teacher camera", "teacher microphone"], JSON.stringify(made.tracks));
});

test("a power cut of Préau leaves what the recorder wrote", { skip }, async () => {
  await begin();
  await pause(8_000);
  await school.cutAndRestart(500);
  const path = await closed(4);
  const made = await contents(head, path);
  assert.deepEqual(kinds(made).sort(), ["teacher camera", "teacher microphone"], JSON.stringify(made.tracks));
  assert.ok(made.length > 4_000, `${made.length} ms`);
  await head.goto(path);
  await head.getByText("s’est arrêté avec le serveur").waitFor();
  await until("the teacher is live again", async () => (await phase(teacher)) === "live", 90_000);
});

test("without a recorder the teacher reads that it does not answer", { skip }, async () => {
  // What ran has been closed by now; nobody is there for the next one.
  await school.recorder.cut();
  await teacher.reload();
  await until("the teacher is live again", async () => (await phase(teacher)) === "live");
  await record(teacher).click();
  await teacher.getByRole("dialog").getByRole("button", { name: "Enregistrer le cours" }).click();
  await teacher.locator("#notices").getByText("Le service d’enregistrement ne répond pas").waitFor({ timeout: 2 * RECORDER });
  await record(teacher).waitFor();
  assertNoComplaint(teacher, "the teacher");
});
