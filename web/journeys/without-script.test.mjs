// A browser without JavaScript: signing in, the day and the homework work all the same.
import { after, before, test } from "node:test";
import { PHONE, accountsOf, openBrowser, person, shoot, startSchool } from "./harness.mjs";

let school, browser;

before(async () => {
  school = await startSchool();
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await school?.stop();
});

test("a pupil signs in, reads the day and ticks homework off", async () => {
  // The second of the class: the first has ticked some work off already.
  const pupil = await person(browser, school, accountsOf(school, "pupil")[1], { viewport: PHONE, javaScriptEnabled: false });
  await pupil.goto("/today");
  await pupil.getByRole("heading", { level: 1 }).waitFor();
  await shoot(pupil, "today-without-script-phone");
  await pupil.goto("/homework");
  const first = pupil.locator("main").getByRole("link").first();
  await first.click();
  await pupil.getByRole("button", { name: "C’est fait" }).click();
  await pupil.getByRole("button", { name: "Finalement, pas encore" }).waitFor();
  await pupil.reload();
  await pupil.getByRole("button", { name: "Finalement, pas encore" }).waitFor();
});

test("the live page says that it needs the script", async () => {
  const pupil = await person(browser, school, accountsOf(school, "pupil")[0], { javaScriptEnabled: false });
  const link = pupil.getByRole("link", { name: "Rejoindre" });
  if ((await link.count()) === 0) return; // No lesson is open for this pupil: nothing is promised.
  await link.first().click();
  await pupil.getByText(/JavaScript/).first().waitFor();
});
