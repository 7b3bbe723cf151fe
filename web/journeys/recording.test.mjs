// A lesson that is recorded: the head allows it, the teacher begins, everybody is told, also who comes later; it is
// played back by a pupil on a phone, seen, heard, in step, and in Firefox; a cut of the server leaves what was recorded; the teacher
// deletes it.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { LAPTOP, PHONE, accountsOf, assertAccessible, assertFits, assertNoComplaint, assertSeesAndHears, lessonNow, openBrowser, openFirefox, person, phase, shoot, startSchool, until } from "./harness.mjs";

let school, browser, firefox, teacher, pupil, other, pupilAccount, otherAccount, lesson, recordingPath;

before(async () => {
  school = await startSchool();
  browser = await openBrowser();
  lesson = await lessonNow(browser, school, { viewport: LAPTOP });
  teacher = lesson.page;
  [pupilAccount, otherAccount] = lesson.pupils;
  pupil = await person(browser, school, pupilAccount, { viewport: PHONE });
});

after(async () => {
  await firefox?.close();
  await browser?.close();
  await school?.stop();
});

const sign = (page) => page.locator("#recording");
const record = (page) => page.getByRole("button", { name: "Enregistrer le cours", exact: true });

test("without the head's word there is no button", async () => {
  await teacher.goto(lesson.livePath);
  await teacher.getByRole("button", { name: "Ouvrir la classe" }).click();
  await until("the teacher is live", async () => (await phase(teacher)) === "live");
  await teacher.getByRole("button", { name: "Réglages" }).waitFor();
  assert.equal(await record(teacher).count(), 0);
});

test("the head allows the teacher and voices", async () => {
  const head = await person(browser, school, accountsOf(school, "head")[0], { viewport: PHONE });
  await head.goto("/recordings");
  await head.getByLabel("Pendant une classe en direct").selectOption("voices");
  await head.getByLabel("Jours de conservation").fill("14");
  await assertAccessible(head, "the head's choice");
  await assertFits(head, "the head's choice");
  await shoot(head, "recordings-head-phone");
  await head.getByRole("button", { name: "Enregistrer", exact: true }).click();
  await head.getByText("Le choix est enregistré.").waitFor();
  assertNoComplaint(head, "the head");
  await head.context().close();
});

test("the teacher begins, and everybody is told, also who comes later", async () => {
  await teacher.reload();
  await until("the teacher is live again", async () => (await phase(teacher)) === "live");
  await pupil.goto(lesson.livePath);
  await until("the pupil is live", async () => (await phase(pupil)) === "live");
  assert.equal(await sign(pupil).isVisible(), false);
  await record(teacher).click();
  await teacher.getByRole("dialog").getByRole("button", { name: "Enregistrer le cours" }).click();
  await sign(pupil).getByText("Ce cours est enregistré").waitFor();
  await sign(teacher).getByText("la voix de ceux qui ont la parole").waitFor();
  await teacher.getByRole("button", { name: "Arrêter l’enregistrement" }).waitFor();
  await assertAccessible(pupil, "live page, recorded");
  await assertFits(pupil, "live page, recorded");
  await assertAccessible(teacher, "live page of the teacher, recorded");
  await shoot(pupil, "recording-live-phone");
  await shoot(teacher, "recording-live-laptop");
  other = await person(browser, school, otherAccount, { viewport: PHONE, colorScheme: "dark" });
  await other.goto(lesson.livePath);
  await sign(other).getByText("Ce cours est enregistré").waitFor();
  await assertAccessible(other, "live page, recorded, in dark colours");
  await assertSeesAndHears(pupil, "a pupil of a recorded lesson");
});

test("small groups are not recorded, and read so", async () => {
  const group = (page) => page.locator("#group");
  await teacher.getByRole("button", { name: "Outils", exact: true }).click();
  await teacher.locator("#tools summary").filter({ hasText: "Groupes" }).click();
  await teacher.getByRole("combobox", { name: pupilAccount.name, exact: true }).selectOption("Groupe 1");
  await teacher.getByRole("button", { name: "Ouvrir les groupes" }).click();
  await group(pupil).getByText("Groupe 1").waitFor();
  await sign(pupil).getByText("Le cours est enregistré, mais pas les groupes").waitFor();
  await sign(other).getByText("Ce cours est enregistré").waitFor();
  await assertAccessible(pupil, "a group while the class is recorded");
  await assertFits(pupil, "a group while the class is recorded");
  await shoot(pupil, "recording-group-phone");
  // A hand in a group is not the class's.
  await pupil.getByRole("button", { name: "Lever la main" }).click();
  await pupil.getByRole("button", { name: "Baisser la main" }).click();
  await teacher.getByRole("button", { name: "Visiter : Groupe 1" }).click();
  await group(teacher).getByText("Groupe 1").waitFor();
  await sign(teacher).getByText("Le cours est enregistré, mais pas les groupes").waitFor();
  await assertSeesAndHears(pupil, "the group that is visited");
  // It is ended from there, and the group hears of it.
  await teacher.getByRole("button", { name: "Arrêter l’enregistrement" }).click();
  await teacher.locator("#notices").getByText("L’enregistrement est terminé").waitFor();
  for (const page of [pupil, other, teacher]) await sign(page).waitFor({ state: "hidden" });
  await teacher.getByRole("button", { name: "Rappeler tout le monde" }).click();
  for (const page of [pupil, teacher]) await group(page).waitFor({ state: "hidden" });
  await teacher.getByRole("button", { name: "Fermer le panneau" }).click();
  await until("both are live", async () => (await phase(teacher)) === "live" && (await phase(pupil)) === "live");
  await record(teacher).click();
  await teacher.getByRole("dialog").getByRole("button", { name: "Enregistrer le cours" }).click();
  await sign(pupil).getByText("Ce cours est enregistré").waitFor();
});

test("a pupil with the floor speaks and writes; the teacher ends the recording", async () => {
  await pupil.getByRole("button", { name: "Lever la main" }).click();
  await teacher.getByRole("button", { name: `Donner la parole à ${pupilAccount.name}` }).click();
  await pupil.getByRole("button", { name: "Ouvrir le micro" }).click();
  await assertSeesAndHears(other, "the class hears the pupil");
  await pupil.getByRole("button", { name: "Discussion" }).click();
  await pupil.getByLabel("Écrire à la classe").fill("Est-ce que c’est enregistré ?");
  await pupil.getByLabel("Écrire à la classe").press("Enter");
  await teacher.locator(".chat-log .message-text").first().waitFor();
  await new Promise((resolve) => setTimeout(resolve, 8_000));
  await teacher.getByRole("button", { name: "Arrêter l’enregistrement" }).click();
  await teacher.locator("#notices").getByText("L’enregistrement est terminé").waitFor();
  await sign(pupil).waitFor({ state: "hidden" });
  await record(teacher).waitFor();
});

/** What the player's elements are doing. */
const media = (page) =>
  page.evaluate(() =>
    [...document.querySelectorAll("#player video, #player audio")].map((one) => ({
      kind: one.tagName.toLowerCase(),
      on: one.currentSrc !== "" && !one.paused,
      at: one.currentTime,
      frames: one.getVideoPlaybackQuality?.().totalVideoFrames ?? 0,
      width: one.videoWidth ?? 0,
      error: one.error?.message ?? "",
    })),
  );

/** The loudest that the elements of sound are while they play, from 0 to 1. */
const loudness = (page) =>
  page.evaluate(async () => {
    const context = new AudioContext();
    let loudest = 0;
    for (const one of document.querySelectorAll("#player audio")) {
      const stream = one.captureStream();
      // Lanes in which nobody speaks now have no sound to measure.
      if (stream.getAudioTracks().length === 0) continue;
      const meter = context.createAnalyser();
      const source = context.createMediaStreamSource(stream);
      source.connect(meter);
      const samples = new Float32Array(meter.fftSize);
      for (let round = 0; round < 30; round += 1) {
        meter.getFloatTimeDomainData(samples);
        loudest = Math.max(loudest, ...samples.map(Math.abs));
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
    await context.close();
    return loudest;
  });

test("a pupil plays it back on a phone: pictures, sound, what was written, with the keyboard alone", async () => {
  await pupil.goto(lesson.livePath.replace(/\/live$/, ""));
  await pupil.locator("a[href^='/recordings/']").first().click();
  await pupil.waitForURL("**/recordings/*");
  recordingPath = new URL(pupil.url()).pathname;
  const play = pupil.getByRole("button", { name: "Lire", exact: true });
  await play.waitFor();
  await assertAccessible(pupil, "playback, before");
  await assertFits(pupil, "playback, before");
  await play.focus();
  await pupil.keyboard.press("Enter");
  await pupil.getByRole("button", { name: "Pause", exact: true }).waitFor();
  await until("pictures are decoded", async () => (await media(pupil)).some((one) => one.kind === "video" && one.frames > 20 && one.width >= 320));
  const loud = await loudness(pupil);
  assert.ok(loud > 0.01, `the sound is silent: ${loud}`);
  const playing = await media(pupil);
  assert.ok(playing.every((one) => one.error === ""), JSON.stringify(playing));
  await shoot(pupil, "recording-playback-phone");
  await assertAccessible(pupil, "playback, playing");
  await assertFits(pupil, "playback, playing");
  // Teacher's camera and voice began together, and stay so.
  const apart = await pupil.evaluate(async () => {
    const manifest = await (await fetch(document.querySelector("#player").dataset.contents)).json();
    const begins = Object.fromEntries(manifest.tracks.map((track) => [track.url, track.begins / 1_000]));
    const on = [...document.querySelectorAll("#player video, #player audio")].filter((one) => !one.paused);
    const places = on.map((one) => begins[new URL(one.currentSrc).pathname] + one.currentTime);
    return Math.max(...places) - Math.min(...places);
  });
  assert.ok(apart < 0.4, `the tracks are ${apart} s apart`);
  await pupil.locator(".log").getByText("Est-ce que c’est enregistré ?").waitFor();
  // … and whose hand was up, and when it went up.
  await pupil.locator(".log .hand").getByText(`${pupilAccount.name} lève la main`).waitFor();
  await pupil.locator("#player .hands").getByText(`Mains levées : ${pupilAccount.name}`).waitFor();
  // Places are reached with the keyboard, on the slider and in the list.
  await pupil.getByLabel("Position").focus();
  await pupil.keyboard.press("Home");
  const place = () => pupil.evaluate(() => window.__playback.at());
  await pupil.getByLabel("Position").press("ArrowRight");
  assert.ok((await place()) >= 5_000);
  await pupil.locator(".log button").first().press("Enter");
  // It may have come to its end meanwhile.
  if ((await play.count()) > 0) await play.click();
  await until("it goes on from there", async () => (await media(pupil)).some((one) => one.kind === "video" && one.on && one.at > 1));
  assertNoComplaint(pupil, "playback");
});

test("Firefox plays it as well, from any place", async () => {
  firefox = await openFirefox();
  const page = await person(firefox, school, pupilAccount, { viewport: LAPTOP, permissions: [] });
  await page.goto(recordingPath);
  await page.getByRole("button", { name: "Lire", exact: true }).click();
  await until("Firefox decodes pictures", async () => (await media(page)).some((one) => one.kind === "video" && one.frames > 20 && one.width >= 320));
  await until("sound plays", async () => (await media(page)).some((one) => one.kind === "audio" && one.on && one.at > 1));
  // What it plays is not silent: a graph of sound needs a device, decoding does not.
  const loud = await page.evaluate(async () => {
    const { tracks } = await (await fetch(document.querySelector("#player").dataset.contents)).json();
    const file = await (await fetch(tracks.find((track) => track.shows === "microphone" && track.leads).url)).arrayBuffer();
    const sound = await new OfflineAudioContext(2, 48_000, 48_000).decodeAudioData(file);
    return sound.getChannelData(0).reduce((loudest, sample) => Math.max(loudest, Math.abs(sample)), 0);
  });
  assert.ok(loud > 0.01, `the sound is silent in Firefox: ${loud}`);
  await page.getByLabel("Position").focus();
  await page.keyboard.press("End");
  await page.getByLabel("Position").press("ArrowLeft");
  const { at, frames } = (await media(page)).find((one) => one.kind === "video");
  await until("it goes on from there", async () => (await media(page)).some((one) => one.kind === "video" && one.frames > frames && one.at !== at));
  // A machine without a sound device is not the files' fault.
  assert.deepEqual((await media(page)).map((one) => one.error).filter((error) => error && error !== "OnMediaSinkAudioError"), []);
  // A picture is taken with a style sheet of its own, of which Firefox complains.
  assertNoComplaint(page, "playback in Firefox");
  await shoot(page, "recording-playback-firefox");
});

test("the files are whole WebM files, sent in parts", async () => {
  const checked = await pupil.evaluate(async () => {
    const manifest = await (await fetch(document.querySelector("#player").dataset.contents)).json();
    const answers = [];
    for (const track of manifest.tracks) {
      const part = await fetch(track.url, { headers: { Range: "bytes=0-3" } });
      const whole = await (await fetch(track.url)).arrayBuffer();
      answers.push({ shows: track.shows, leads: track.leads, status: part.status, first: [...new Uint8Array(await part.arrayBuffer())], size: whole.byteLength, range: part.headers.get("Content-Range") });
    }
    return answers;
  });
  for (const { status, first, range, size } of checked) {
    assert.deepEqual([status, first, range], [206, [0x1a, 0x45, 0xdf, 0xa3], `bytes 0-3/${size}`]);
    assert.ok(size > 1_000);
  }
  const kinds = checked.map((one) => `${one.leads ? "teacher" : "pupil"} ${one.shows}`);
  for (const kind of ["teacher camera", "teacher microphone", "pupil microphone"]) assert.ok(kinds.includes(kind), `${kind} is missing: ${kinds}`);
  assert.ok(!kinds.includes("pupil camera"));
});

test("others do not find it; the teacher sees it too", async () => {
  const stranger = school.accounts.find((one) => one.role === "pupil" && one.class !== lesson.schoolClass);
  const page = await person(browser, school, stranger, { viewport: PHONE });
  assert.equal((await page.goto(recordingPath)).status(), 404);
  await page.context().close();
  await teacher.goto(recordingPath);
  await teacher.getByRole("button", { name: "Lire", exact: true }).click();
  await until("the teacher sees it", async () => (await media(teacher)).some((one) => one.kind === "video" && one.frames > 10));
  await shoot(teacher, "recording-playback-laptop");
  await assertAccessible(teacher, "playback on a laptop");
});

test("a power cut leaves what was recorded until then", async () => {
  await teacher.goto(lesson.livePath);
  await until("the teacher is live", async () => (await phase(teacher)) === "live");
  await record(teacher).click();
  await teacher.getByRole("dialog").getByRole("button", { name: "Enregistrer le cours" }).click();
  await sign(teacher).getByText("Ce cours est enregistré").waitFor();
  await new Promise((resolve) => setTimeout(resolve, 8_000));
  await school.cutAndRestart(500);
  await until("the teacher is live again", async () => (await phase(teacher)) === "live", 90_000);
  assert.equal(await sign(teacher).isVisible(), false, "nothing is recorded any more");
  await pupil.goto(lesson.livePath.replace(/\/live$/, ""));
  await until("the second recording is closed", async () => {
    await pupil.reload();
    return (await pupil.locator("a[href^='/recordings/']").count()) === 3 && (await pupil.getByText("en cours", { exact: true }).count()) === 0;
  });
  await pupil.locator("a[href^='/recordings/']").first().click();
  await pupil.getByText("s’est arrêté avec le serveur").waitFor();
  await pupil.getByRole("button", { name: "Lire", exact: true }).click();
  await until("pictures are decoded", async () => (await media(pupil)).some((one) => one.kind === "video" && one.frames > 20));
});

test("the teacher deletes it, and it is gone", async () => {
  await teacher.goto(recordingPath);
  await teacher.getByText("Supprimer cet enregistrement", { exact: true }).click();
  await teacher.getByRole("button", { name: "Supprimer", exact: true }).click();
  await teacher.getByText("L’enregistrement est supprimé.").waitFor();
  assert.equal((await pupil.goto(recordingPath)).status(), 404);
});
