// Photographs every main page for each role: 360x800 and 1366x768, light and dark. `make screenshots`
// starts it; SCREENSHOTS names the folder, PREAU_BIN the server's binary.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { LAPTOP, PHONE, accountsOf, openBrowser, person, sitDown, startSchool } from "./journeys/harness.mjs";

const folder = process.env.SCREENSHOTS ?? "../target/screenshots";
const everybody = ["/today", "/timetable", "/notices"];
const pages = {
  pupil: [...everybody, "/homework", "/classes", "/account"],
  teacher: [...everybody, "/homework", "/homework/new", "/classes"],
  guardian: [...everybody, "/homework"],
  counsellor: [...everybody, "/classes"],
  supervisor: [...everybody, "/classes"],
  head: [...everybody, "/timetable/slots", "/timetable/import"],
  local_admin: ["/today", "/import", "/people", "/timetable/import"],
};
const open = ["/sign-in", "/activation", "/status", "/help", "/accessibility"];

await mkdir(folder, { recursive: true });
const school = await startSchool();
const browser = await openBrowser();
try {
  for (const [size, viewport] of [["360", PHONE], ["1366", LAPTOP]]) {
    for (const colorScheme of ["light", "dark"]) {
      const shoot = async (page, who, path) => {
        await page.goto(path);
        const name = `${who}${path.replaceAll("/", "-")}-${size}-${colorScheme}.png`;
        await page.screenshot({ path: join(folder, name), fullPage: true });
      };
      const visitor = await sitDown(browser, school, { viewport, colorScheme });
      for (const path of open) await shoot(visitor, "visitor", path);
      await visitor.context().close();
      for (const [role, paths] of Object.entries(pages)) {
        const page = await person(browser, school, accountsOf(school, role)[0], { viewport, colorScheme });
        for (const path of paths) await shoot(page, role, path);
        await page.context().close();
      }
    }
  }
} finally {
  await browser.close();
  await school.stop();
}
