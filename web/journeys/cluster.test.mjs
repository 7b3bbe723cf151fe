// What only a lesson on a LiveKit server can get wrong: presence that comes from afar, and tokens that the server goes
// on believing after the teacher has decided otherwise. Runs where PREAU_LIVEKIT names a server (`make test-cluster`).
import { test } from "node:test";
import assert from "node:assert/strict";
import { onLiveKit } from "./livekit.mjs";
import { LAPTOP, PHONE, lessonNow, openBrowser, person, phase, startSchool, until } from "./harness.mjs";

const skip = onLiveKit ? false : "PREAU_LIVEKIT names no LiveKit server (make test-cluster)";

test("presence reaches the roll call, and a kept token opens nothing that was taken back", { skip }, async (t) => {
  const school = await startSchool();
  const browser = await openBrowser();
  t.after(async () => {
    await browser.close();
    await school.stop();
  });
  const lesson = await lessonNow(browser, school, { viewport: LAPTOP });
  const teacher = lesson.page;
  await teacher.goto(lesson.livePath);
  await teacher.getByRole("button", { name: "Ouvrir la classe" }).click();
  await until("the teacher is live", async () => (await phase(teacher)) === "live");

  // A pupil whose page is told the floor is theirs keeps the way in of that moment.
  const act = (path, body) =>
    teacher.evaluate(
      ([path, body]) => {
        const headers = { "Content-Type": "application/json", "X-CSRF-Token": document.getElementById("live").dataset.csrf };
        return fetch(path, { method: "POST", headers, body: JSON.stringify(body) }).then((answer) => answer.status);
      },
      [`${lesson.livePath}${path}`, body],
    );
  assert.equal(await act("/permission", { microphone: true, camera: true }), 204);
  const pupil = await person(browser, school, lesson.pupils[0], { viewport: PHONE });
  let kept;
  await pupil.route("**/live.json", async (route) => {
    const answer = await route.fetch();
    kept ??= answer.ok() ? await answer.json() : undefined;
    // From the first one on always the same token, as a changed client would.
    await route.fulfill(kept ? { json: kept } : { response: answer });
  });
  await pupil.goto(lesson.livePath);
  await until("the pupil is live", async () => (await phase(pupil)) === "live");

  // The floor is taken back while the pupil is away; the kept token still says otherwise.
  await pupil.getByRole("button", { name: "Quitter" }).click();
  await until("the pupil has left", async () => (await phase(pupil)) === "left");
  assert.equal(await act("/permission", { microphone: false, camera: false }), 204);
  await pupil.getByRole("button", { name: "Revenir dans la classe" }).click();
  await until("the pupil is back", async () => (await phase(pupil)) === "live");
  await until("the kept floor is taken", async () => (await pupil.getByRole("button", { name: "Ouvrir le micro" }).getAttribute("aria-disabled")) === "true");

  // Sent out, and back with the kept token: out again.
  assert.equal(await act(`/participants/${kept.identity}/removal`, {}), 204);
  await until("the pupil was sent out", async () => (await phase(pupil)) === "removed");
  await teacher.goto(lesson.livePath.replace(/live$/, "register"));
  await teacher.getByRole("listitem").filter({ hasText: lesson.pupils[0].name }).getByText(/dans la classe depuis/).waitFor();
});
