// What the engine carries besides what our own page chooses to send: every video codec in layers, and
// speech with its pauses. LiveKit's own JavaScript client, as it is published, in Chromium: one sends, one receives on `/rtc/v1`
// (one peer connection) and one on `/rtc` (two).
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { LAPTOP, lessonNow, openBrowser, person, phase, startSchool, until } from "./harness.mjs";

const client = await readFile(createRequire(import.meta.url).resolve("livekit-client").replace(/[^/]*$/, "livekit-client.umd.js"), "utf8");

/** Longest wait for a layer that is asked for, in milliseconds: a busy machine encodes three of them. */
const LAYERS = 60_000;

let school, browser, sender, receivers;

before(async () => {
  school = await startSchool();
  browser = await openBrowser();
  const lesson = await lessonNow(browser, school, { viewport: LAPTOP });
  const teacher = lesson.page;
  await teacher.goto(lesson.livePath);
  await teacher.getByRole("button", { name: "Ouvrir la classe" }).click();
  await until("the teacher is live", async () => (await phase(teacher)) === "live");
  const granted = await teacher.evaluate((path) => {
    const headers = { "Content-Type": "application/json", "X-CSRF-Token": document.getElementById("live").dataset.csrf };
    return fetch(path, { method: "POST", headers, body: JSON.stringify({ microphone: true, camera: true }) }).then((answer) => answer.status);
  }, `${lesson.livePath}/permission`);
  assert.equal(granted, 204);
  // From here on nobody uses our page.
  await teacher.goto("/today");
  const pages = await Promise.all([0, 1].map((index) => person(browser, school, lesson.pupils[index], { viewport: LAPTOP })));
  await Promise.all(pages.map((page) => page.goto("/today")));
  await enter(teacher, lesson, false);
  // Nobody sends anything yet: what is to carry the rest must stand already.
  await until("who receives nothing is connected on both connections", async () => {
    const states = await teacher.evaluate(() => ["publisher", "subscriber"].map((name) => window.tried.engine.pcManager[name].getConnectionState()));
    return states.every((state) => state === "connected");
  });
  await enter(pages[0], lesson, true);
  await enter(pages[1], lesson, true);
  [sender, receivers] = [pages[1], { "/rtc/v1": pages[0], "/rtc": teacher }];
});

after(async () => {
  await browser?.close();
  await school?.stop();
});

/** Enters the room with LiveKit's client, as the person who sits before this page. */
async function enter(page, lesson, singlePeerConnection) {
  await page.evaluate(client);
  await page.evaluate(
    async ([path, singlePeerConnection]) => {
      const entry = await fetch(path).then((answer) => answer.json());
      const room = new window.LivekitClient.Room({ singlePeerConnection, dynacast: true });
      room.on("trackSubscribed", (track) => document.body.append(track.attach()));
      await room.connect(entry.url, entry.token);
      window.tried = room;
    },
    [`${lesson.livePath}.json`, singlePeerConnection],
  );
}

/** Sends a moving picture of 960 by 540 in this codec. */
const film = (codec) =>
  sender.evaluate(async (videoCodec) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 960, height: 540 });
    const brush = canvas.getContext("2d");
    let at = 0;
    window.filming = setInterval(() => {
      at += 9;
      for (let x = 0; x < 960; x += 60) {
        brush.fillStyle = `hsl(${(x + at) % 360} 80% 50%)`;
        brush.fillRect(x, 0, 60, 540);
      }
    }, 100);
    const { Track } = window.LivekitClient;
    const [track] = canvas.captureStream(10).getVideoTracks();
    window.published = await window.tried.localParticipant.publishTrack(track, {
      source: Track.Source.Camera,
      videoCodec,
      backupCodec: false,
      simulcast: true,
      videoEncoding: { maxBitrate: 900_000, maxFramerate: 10 },
      degradationPreference: "maintain-resolution",
    });
  }, codec);

const stop = () =>
  sender.evaluate(async () => {
    clearInterval(window.filming);
    await window.tried.localParticipant.unpublishTrack(window.published.track);
  });

/** What is being sent: of every layer its name, whether it is switched on, its codec, width and frames. */
const sent = () =>
  sender.evaluate(async () => {
    const report = await window.published.track.sender.getStats();
    return [...report.values()]
      .filter((entry) => entry.type === "outbound-rtp")
      .map((entry) => ({
        rid: entry.rid,
        codec: report.get(entry.codecId)?.mimeType,
        mode: entry.scalabilityMode,
        active: entry.active,
        width: entry.frameWidth,
        frames: entry.framesSent,
        packets: entry.packetsSent,
        bytes: entry.bytesSent,
      }));
  });

/** What a page receives of this kind. */
const taken = (page, wanted) =>
  page.evaluate(async (wanted) => {
    for (const person of window.tried.remoteParticipants.values()) {
      for (const { track } of person.trackPublications.values()) {
        if (track?.kind !== wanted) continue;
        const report = await track.receiver.getStats();
        for (const entry of report.values()) {
          if (entry.type !== "inbound-rtp") continue;
          return {
            codec: report.get(entry.codecId)?.mimeType,
            frames: entry.framesDecoded,
            width: entry.frameWidth,
            energy: entry.totalAudioEnergy,
            packets: entry.packetsReceived,
            bytes: entry.bytesReceived,
          };
        }
      }
    }
    return {};
  }, wanted);

/** Wishes for a quality on a page, as its viewer's settings would. */
const wish = (page, quality) =>
  page.evaluate((quality) => {
    for (const person of window.tried.remoteParticipants.values()) {
      for (const publication of person.videoTrackPublications.values()) publication.setVideoQuality(quality);
    }
  }, quality);
const [LOW, HIGH] = [0, 2];

/** Looks; what was sent and received is said when it did not see what it should. */
async function looking(kind, look) {
  try {
    await look();
  } catch (error) {
    const arrived = Object.entries(receivers).map(async ([path, page]) => [path, await taken(page, kind)]);
    error.message += `\nsent: ${JSON.stringify(await sent())}\nreceived: ${JSON.stringify(await Promise.all(arrived))}`;
    throw error;
  } finally {
    await stop();
  }
}

/** Films while `look` looks. */
async function filming(codec, look) {
  await film(codec);
  await looking("video", look);
  for (const [path, page] of Object.entries(receivers)) await until(`${path} lost the track`, async () => (await taken(page, "video")).codec === undefined);
}

for (const [codec, name, mode] of [["vp8", "video/VP8"], ["h264", "video/H264"], ["vp9", "video/VP9", "L3T3_KEY"]]) {
  test(`${codec} in three layers: everybody gets the one they wish for, and what nobody wishes for is not sent`, async (t) => {
    const can = await sender.evaluate((name) => RTCRtpSender.getCapabilities("video").codecs.some((one) => one.mimeType === name), name);
    if (!can) return t.skip(`this Chromium does not encode ${codec}`);
    await filming(codec, async () => {
      const pages = Object.entries(receivers);
      for (const [path, page] of pages) {
        await until(`${path} sees the whole picture`, async () => {
          const { codec, frames, width } = await taken(page, "video");
          return codec === name && frames > 5 && width === 960;
        }, LAYERS);
      }
      const layers = await sent();
      assert.deepEqual([...new Set(layers.map((layer) => layer.codec))], [name]);
      if (mode) assert.equal(layers[0].mode, mode);
      else assert.deepEqual(layers.map((layer) => layer.rid).sort(), ["f", "h", "q"]);

      const [[path, few], [, many]] = pages;
      await wish(few, LOW);
      await until(`${path} gets the small picture`, async () => (await taken(few, "video")).width < 480, LAYERS);
      const before = await taken(few, "video");
      await until("and it moves", async () => (await taken(few, "video")).frames > before.frames + 10);
      assert.equal((await taken(many, "video")).width, 960, "the other one's stays");

      // Dynacast: the engine says that nobody wants more, and the sender stops encoding it. (Of a stream that holds all
      // layers this client switches off none.)
      await wish(many, LOW);
      if (mode) await until("both get the small picture", async () => (await taken(many, "video")).width < 480, LAYERS);
      else await until("the large layers are not sent any more", async () => (await sent()).filter((layer) => layer.active).map((layer) => layer.rid).join() === "q", LAYERS);
      await wish(many, HIGH);
      await until("the whole picture comes back", async () => (await taken(many, "video")).width === 960, LAYERS);
    });
  });
}

test("a codec that is not carried: the client is told so beforehand, and sends another", async () => {
  await filming("av1", async () => {
    for (const [path, page] of Object.entries(receivers)) {
      await until(`${path} sees it`, async () => {
        const { codec, frames } = await taken(page, "video");
        return codec === "video/VP8" && frames > 5;
      }, LAYERS);
    }
  });
});

/** Packets a second of what `count` counts, over two seconds. */
async function rate(count) {
  const before = (await count()).packets;
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  return ((await count()).packets - before) / 2;
}

/** Sends a tone as a microphone. */
const speak = (options) =>
  sender.evaluate(async (options) => {
    const context = new AudioContext();
    const [tone, volume, out] = [context.createOscillator(), context.createGain(), context.createMediaStreamDestination()];
    tone.connect(volume).connect(out);
    tone.start();
    window.volume = volume;
    const { Track } = window.LivekitClient;
    window.published = await window.tried.localParticipant.publishTrack(out.stream.getAudioTracks()[0], { source: Track.Source.Microphone, ...options });
  }, options);

/** Bytes a packet of what `count` counts, over fifty packets. */
async function weight(count) {
  const before = await count();
  await until("fifty packets more are counted", async () => (await count()).packets > (before.packets ?? 0) + 50);
  const after = await count();
  return (after.bytes - (before.bytes ?? 0)) / (after.packets - (before.packets ?? 0));
}

// Browsers call speech "audio/opus" either way (Statistics API), so it is weighed: a packet that carries the one before it
// as well is about twice as heavy.
test("speech carries each word twice where it may, and once where its sender says so", async () => {
  const ways = [["sent", async () => (await sent())[0]], ...Object.entries(receivers).map(([path, page]) => [`received on ${path}`, () => taken(page, "audio")])];
  const once = {};
  const heard = async () => {
    for (const [path, page] of Object.entries(receivers)) await until(`${path} hears it`, async () => (await taken(page, "audio")).energy > 0.1);
  };
  await speak({ dtx: true, red: false });
  await looking("audio", async () => {
    await heard();
    for (const [what, count] of ways) once[what] = await weight(count);
  });
  for (const [path, page] of Object.entries(receivers)) await until(`${path} lost the track`, async () => (await taken(page, "audio")).packets === undefined);
  await speak({ dtx: true });
  await looking("audio", async () => {
    await heard();
    // Its section was the other track's: until the answer is there it is sent as that one was.
    for (const [what, count] of ways) {
      await until(`what is ${what} weighs twice ${once[what]} bytes a packet`, async () => {
        const share = (await weight(count)) / once[what];
        return share > 1.7 && share < 2.4;
      });
    }
  });
});

test("speech flows, and its pauses are not sent", async () => {
  await speak({ dtx: true });
  const counted = [["sent", async () => (await sent())[0]], ...Object.entries(receivers).map(([path, page]) => [`received on ${path}`, () => taken(page, "audio")])];
  await looking("audio", async () => {
    for (const [path, page] of Object.entries(receivers)) await until(`${path} hears it`, async () => (await taken(page, "audio")).energy > 0.1);
    for (const [what, count] of counted) await until(`fifty packets a second are ${what}`, async () => (await rate(count)) > 40);
    await sender.evaluate(() => (window.volume.gain.value = 0));
    for (const [what, count] of counted) await until(`silence is hardly ${what}`, async () => (await rate(count)) < 10);
    await sender.evaluate(() => (window.volume.gain.value = 1));
    const energies = () => Promise.all(Object.values(receivers).map(async (page) => (await taken(page, "audio")).energy));
    const before = await energies();
    await until("and speech goes on", async () => (await energies()).every((energy, index) => energy > before[index] + 0.1));
  });
});
