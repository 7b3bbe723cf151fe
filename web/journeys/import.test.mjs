// The local administrator imports a file in three clicks (choose, check, apply), and finds that the
// same file changes nothing the second time.
import { after, before, test } from "node:test";
import { LAPTOP, accountsOf, assertAccessible, openBrowser, person, shoot, startSchool } from "./harness.mjs";

let school, browser;

before(async () => {
  school = await startSchool();
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await school?.stop();
});

test("three clicks import a table; a second time changes nothing", async () => {
  const admin = await person(browser, school, accountsOf(school, "local_admin")[0], { viewport: LAPTOP });
  const table = {
    name: "nouveaux.csv",
    mimeType: "text/csv",
    buffer: Buffer.from("profil;nom;prénom;classe\nélève;Test-Nouveau;Éloïse;4A\n"),
  };
  await admin.goto("/import");
  await assertAccessible(admin, "import, file");
  await admin.getByLabel(/Fichier ou fichiers/).setInputFiles(table);
  await admin.getByRole("button", { name: "Vérifier ce fichier" }).click();
  await admin.getByRole("heading", { name: "Ce qui changerait" }).waitFor();
  await admin.getByText(/Test-Nouveau/).first().waitFor();
  await assertAccessible(admin, "import, preview");
  await shoot(admin, "import-preview-laptop");
  await admin.getByRole("button", { name: "Appliquer" }).click();
  await admin.goto("/import");
  await admin.getByLabel(/Fichier ou fichiers/).setInputFiles(table);
  await admin.getByRole("button", { name: "Vérifier ce fichier" }).click();
  await admin.getByText("Tout est déjà à jour").waitFor();
});
