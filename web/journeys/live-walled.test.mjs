// The live lesson behind the wall of many a school: nothing gets through to the server but TCP to its web port. Sound
// and picture come through it as well: TURN, in the open for a school that has no certificate yet, and inside TLS.
//
// The wall is one of the kernel's: this file runs once more in a network of its own (a network namespace, which only
// root may make), where a packet filter drops what browsers send to the server otherwise. The server runs under
// another number, by which the filter tells its datagrams from the browsers'.
import { after, before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { makeAuthority, noAuthority } from "./authority.mjs";
import { LAPTOP, PHONE, assertNoComplaint, freePort, assertSeesAndHears, lessonNow, openBrowser, openFirefox, person, phase, startSchool, until } from "./harness.mjs";

/** Nobody's number: the server's behind the wall. */
const SERVER = 65_534;

const run = (command, ...options) => spawnSync(command, options, { encoding: "utf8" });

/** Why there can be no wall here; nothing if there can. */
function noWall() {
  if (process.getuid() !== 0) return "only root may make a network of its own";
  const tried = run("unshare", "--net", "sh", "-c", "ip link set lo up && nft add table inet tried");
  return tried.status === 0 ? undefined : `no network with a packet filter (iproute2 and nftables?): ${tried.error ?? tried.stderr}`;
}

if (!process.env.PREAU_WALLED) {
  test("behind a wall that lets only the web port through, the lesson goes on", (t) => {
    const reason = noWall();
    if (reason) return t.skip(reason);
    const { NODE_TEST_CONTEXT, ...environment } = process.env;
    const inside = `ip link set lo up && exec "${process.execPath}" --test "${fileURLToPath(import.meta.url)}"`;
    const { status, stdout, stderr } = spawnSync("unshare", ["--net", "sh", "-c", inside], {
      encoding: "utf8",
      env: { ...environment, PREAU_WALLED: "1" },
    });
    assert.equal(status, 0, `behind the wall:\n${stdout}\n${stderr}`);
  });
} else {
  wall("over plain TCP", ["Chromium", "Firefox"], async () => {
    const school = await startSchool({ uid: SERVER });
    return { school, browsers: { Chromium: openBrowser, Firefox: openFirefox }, end: () => school.stop() };
  });

  const reason = noAuthority();
  if (reason) test("inside TLS", (t) => t.skip(reason));
  else {
    wall("inside TLS", ["Chromium", "Firefox"], async () => {
      const authority = makeAuthority();
      const port = await freePort();
      const origin = `https://localhost:${port}`;
      const config = authority.write("preau.toml", `
        [server]
        public_url = "${origin}"
        https = ["127.0.0.1:${port}"]
        [tls]
        chain = "${authority.chain}"
        key = "${authority.key}"
      `);
      // The plain port stays, for this machine; the browsers are not told of it.
      const plain = await startSchool({ uid: SERVER, options: ["--config", config] });
      return {
        school: { ...plain, origin },
        browsers: { Chromium: () => openBrowser({ home: authority.home }), Firefox: () => openFirefox({ authority }) },
        async end() {
          await plain.stop();
          authority.end();
        },
      };
    });
  }
}

/** Tries the wall around the school that `build` makes, with pupils in these browsers. */
function wall(name, names, build) {
  describe(name, () => {
    let school, browsers, end;

    before(async () => {
      ({ school, browsers, end } = await build());
      // Nobody else is here: whatever listens is the server's.
      const listening = run("ss", "--no-header", "--tcp", "--listening", "--numeric").stdout.trim().split("\n");
      const ports = listening.map((line) => line.trim().split(/\s+/)[3].split(":").at(-1)).filter((port) => port !== new URL(school.origin).port);
      assert.ok(ports.length > 0, listening.join("\n"));
      const rules = `
        table inet wall
        delete table inet wall
        table inet wall {
          chain out {
            type filter hook output priority 0;
            meta skuid 0 meta l4proto udp counter drop
            meta skuid 0 tcp dport { ${ports.join(", ")} } drop
          }
        }`;
      const built = spawnSync("nft", ["-f", "-"], { input: rules, encoding: "utf8" });
      assert.equal(built.status, 0, built.stderr);
    });

    after(async () => {
      run("nft", "delete", "table", "inet", "wall");
      await end?.();
    });

    for (const browser of names) {
      test(`a pupil in ${browser} sees and hears the teacher`, async () => {
        const chromium = await browsers.Chromium();
        const pupils = await browsers[browser]();
        try {
          const lesson = await lessonNow(chromium, school, { viewport: LAPTOP });
          const teacher = lesson.page;
          await teacher.goto(lesson.livePath);
          const opens = teacher.getByRole("button", { name: "Ouvrir la classe" });
          if (await opens.count()) await opens.click();
          await until("the teacher is live", async () => (await phase(teacher)) === "live");
          const pupil = await person(pupils, school, lesson.pupils[0], browser === "Firefox" ? { viewport: PHONE, permissions: [] } : { viewport: PHONE });
          await pupil.goto(lesson.livePath);
          await until("the pupil is live", async () => (await phase(pupil)) === "live");
          await assertSeesAndHears(pupil, "the pupil behind the wall");
          for (const [page, who] of [[teacher, "teacher"], [pupil, "pupil"]]) {
            assert.deepEqual([...new Set(await page.evaluate(() => window.__preau.networks()))], ["relay"], who);
            assertNoComplaint(page, who);
          }
        } finally {
          await Promise.all([chromium.close(), pupils.close()]);
        }
        assert.ok(stopped() > 0, "the browsers tried to go straight, and could not");
      });
    }
  });
}

/** Datagrams that the wall has stopped. */
function stopped() {
  const { stdout } = run("nft", "--json", "list", "chain", "inet", "wall", "out");
  const parts = JSON.parse(stdout).nftables.flatMap(({ rule }) => rule?.expr ?? []);
  return parts.find((part) => part.counter).counter.packets;
}
