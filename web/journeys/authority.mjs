// An authority for certificates that lives as long as a journey: the server shows what it signed, and a Chromium or a
// Firefox that was told so trusts it. It needs `openssl`, and `certutil` (Debian: libnss3-tools) to tell it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Why there can be none here; nothing if there can. */
export function noAuthority() {
  const missing = [["openssl", "version"], ["certutil", "-H"]].filter(([command, word]) => spawnSync(command, [word]).error).map(([command]) => command);
  return missing.length === 0 ? undefined : `${missing.join(" and ")} missing (openssl, libnss3-tools)`;
}

function run(command, ...words) {
  const { status, error, stderr } = spawnSync(command, words, { encoding: "utf8" });
  assert.equal(status, 0, `${command} ${words.join(" ")}: ${error ?? stderr}`);
}

/** An authority, and a certificate of it for `localhost`. */
export function makeAuthority() {
  const folder = mkdtempSync(join(tmpdir(), "preau-authority-"));
  // The server may be somebody else's process.
  chmodSync(folder, 0o755);
  const at = (name) => join(folder, name);
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  run("openssl", "req", "-x509", ...curve, "-days", "2", "-subj", "/CN=Journey", "-keyout", at("root.key"), "-out", at("root.pem"));
  run("openssl", "req", ...curve, "-subj", "/CN=localhost", "-keyout", at("server.key"), "-out", at("server.csr"));
  writeFileSync(at("server.ext"), "subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n");
  const signing = ["-CA", at("root.pem"), "-CAkey", at("root.key"), "-CAcreateserial", "-extfile", at("server.ext")];
  run("openssl", "x509", "-req", "-days", "1", "-in", at("server.csr"), ...signing, "-out", at("server.pem"));
  chmodSync(at("server.key"), 0o644);

  // A store of certificates as browsers keep theirs, where Chromium looks for it.
  const store = at("home/.pki/nssdb");
  mkdirSync(store, { recursive: true });
  run("certutil", "-N", "--empty-password", "-d", `sql:${store}`);
  run("certutil", "-A", "-n", "journey", "-t", "C,,", "-i", at("root.pem"), "-d", `sql:${store}`);

  return {
    chain: at("server.pem"),
    key: at("server.key"),
    /** A home in which Chromium trusts it. */
    home: at("home"),
    /**
     * A program that starts this Firefox, which then trusts it. Firefox asks nobody but its profile, and gets a fresh one
     * each time; so the store is laid into the profile that it is told to use.
     */
    firefox(program) {
      const starter = at("firefox");
      const text = `#!/bin/sh
        for word; do
          [ "$before" = --profile ] && cp "${store}"/*.db "$word"/
          before=$word
        done
        exec "${program}" "$@"
      `;
      writeFileSync(starter, text, { mode: 0o755 });
      return starter;
    },
    write(name, text) {
      writeFileSync(at(name), text);
      return at(name);
    },
    end: () => rmSync(folder, { recursive: true, force: true }),
  };
}
