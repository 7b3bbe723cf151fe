// Builds what the binary embeds: web/dist/{live.js, playback.js, today.js, waiting.js, seat.js, worker.js, console.js, *.css,
// texts/*.json}, and what a lesson loads when captions are switched on, a document or the board is shown:
// web/dist/{captions.js, document.js, document-worker.js, *.wasm, *.pfb, board.js, board.css, board-*.woff2}.
// (What Excalidraw depends on and a board does not need is another, small package under that name in package.json: the
// lock file stays short, and `excalidraw` below leaves it out.)
// (PDF.js would like a canvas of its own under Node. Nothing here runs it there; package.json holds that one at a version
// which registries have for every platform, or the lock file could not be complete.)
//
// Not a bundler configuration to grow: one esbuild call a script, then the two promises that the
// pages make to slow phones and to people are checked here, so that a broken one fails the build:
// the weight of every script, and that all languages of the live page hold the same sentences.
import { copyFile, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { brotliCompressSync, constants } from "node:zlib";
import { build } from "esbuild";

const here = new URL("./", import.meta.url);
const at = (path) => new URL(path, here);

/** Greatest weight of each output in bytes after brotli 11; what the pages were promised. */
const budgets = {
  "live.js": 160_000,
  "today.js": 2_000,
  "waiting.js": 1_800,
  // It stands in every page.
  "seat.js": 450,
  // Loads what draws a page or the board when the first one is due, as the live page does.
  "playback.js": 4_800,
  "worker.js": 800,
  "console.js": 500,
  "live.css": 5_000,
  "playback.css": 1_600,
  // Only for a teacher who switches captions on.
  "captions.js": 20_000,
  // Only for lessons in which a document is shown.
  "document.js": 135_000,
  "document-worker.js": 340_000,
  // Only for lessons in which the board is shown.
  "board.js": 365_000,
  "board.css": 20_000,
};

await rm(at("dist"), { recursive: true, force: true });
await mkdir(at("dist/texts"), { recursive: true });

// The oldest browsers that the platform serves: Android 8's last Chrome, Firefox ESR, Safari 15.
const target = ["chrome100", "firefox102", "safari15"];
const common = { bundle: true, minify: true, target, legalComments: "eof", logLevel: "warning", absWorkingDir: here.pathname };
// What the licences of the files beside PDF.js ask for: their words go where the files go.
const papers = ["wasm/LICENSE_JBIG2", "wasm/LICENSE_PDFJS_JBIG2", "wasm/LICENSE_OPENJPEG", "wasm/LICENSE_PDFJS_OPENJPEG", "standard_fonts/LICENSE_FOXIT"];
const licences = await Promise.all(papers.map(async (paper) => `/* ${paper}\n${(await readFile(at(`node_modules/pdfjs-dist/${paper}`), "utf8")).replaceAll("*/", "* /")}*/`));

/** Excalidraw without what a board of the class does not have: diagrams from text, exports with their fonts cut to size,
 * pictures, and all languages but two. And without the server that it would ask for its fonts. */
const excalidraw = {
  name: "excalidraw",
  setup(built) {
    const without = /^@excalidraw\/mermaid-to-excalidraw$|^\.\/subset-(shared|worker)\.chunk\.js$|^\.\/data\/image-|^image-blob-reduce$|^pica$|^png-chunk|^pwacompat$/;
    const languages = /^\.\/locales\//;
    built.onResolve({ filter: without }, () => ({ path: "nothing", namespace: "without" }));
    // The search in its list of commands; the package for it says nowhere under which licence it is.
    built.onResolve({ filter: /^fuzzy$/ }, () => ({ path: "search", namespace: "instead" }));
    built.onLoad({ filter: /.*/, namespace: "instead" }, () => ({ contents: "export default { filter: (words, list, { extract }) => list.filter((one) => extract(one).toLowerCase().includes(words.toLowerCase())).map((original) => ({ original, string: extract(original), score: 1 })) };" }));
    built.onResolve({ filter: languages }, ({ path }) => (/\/(en|fr-FR|percentages)-/.test(path) ? undefined : { path: "nothing", namespace: "without" }));
    built.onLoad({ filter: /.*/, namespace: "without" }, () => ({ contents: "module.exports = {};" }));
    let cut = 0;
    built.onLoad({ filter: /@excalidraw\/excalidraw\/dist\/prod\/chunk-.*\.js$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      // A font comes from where the page says, or not at all.
      const asks = /createUrls\((\w)\)\{/;
      const contents = source.replace(asks, (head, name) => `${head}if(!${name}.startsWith("local:")){const at=globalThis.preauBoardFonts?.[${name}.split("/").pop()];return at?[new URL(at,location.href)]:[]}`);
      if (contents !== source) cut++;
      return { contents: contents.replaceAll("https://esm.sh/", "/"), loader: "js" };
    });
    built.onLoad({ filter: /@excalidraw\/excalidraw\/dist\/prod\/index\.css$/ }, async ({ path }) => ({ contents: (await readFile(path, "utf8")).replace(/@font-face\s*\{[^}]*\}/g, ""), loader: "css" }));
    built.onEnd(() => {
      if (built.initialOptions.outfile?.endsWith(".js") && cut !== 1) throw new Error("web: Excalidraw loads its fonts otherwise than this build knows: look at createUrls in it");
    });
  },
};
const board = { ...common, conditions: ["production"], define: { "process.env.NODE_ENV": '"production"', "process.env.IS_PREACT": '"false"' }, plugins: [excalidraw] };
const fonts = { hand: "Excalifont/Excalifont-Regular-a88b72a24fb54c9f94e3b5fdaa7481c9", plain: "Nunito/Nunito-Regular-XRXI3I6Li01BKofiOc5wtlZ2di8HDIkhdTQ3j6zbXWjgeg", code: "ComicShanns/ComicShanns-Regular-279a7b317d12eb88de06167bd672b4b4" };
await Promise.all([
  build({ ...common, entryPoints: ["src/live.ts"], format: "esm", outfile: "dist/live.js" }),
  build({ ...common, entryPoints: ["src/today.ts"], format: "iife", outfile: "dist/today.js" }),
  build({ ...common, entryPoints: ["src/waiting.ts"], format: "iife", outfile: "dist/waiting.js" }),
  build({ ...common, entryPoints: ["src/seat.ts"], format: "iife", outfile: "dist/seat.js" }),
  build({ ...common, entryPoints: ["src/worker.ts"], format: "iife", outfile: "dist/worker.js" }),
  build({ ...common, entryPoints: ["src/console.ts"], format: "iife", outfile: "dist/console.js" }),
  build({ ...common, entryPoints: ["src/playback.ts"], format: "esm", outfile: "dist/playback.js" }),
  build({ ...common, entryPoints: ["src/playback.css"], outfile: "dist/playback.css" }),
  build({ ...common, entryPoints: ["src/live.css"], outfile: "dist/live.css" }),
  build({ ...common, entryPoints: ["src/captions.ts"], format: "esm", outfile: "dist/captions.js" }),
  build({ ...common, entryPoints: ["src/document.ts"], format: "esm", outfile: "dist/document.js" }),
  build({ ...common, entryPoints: { "document-worker": "pdfjs-dist/legacy/build/pdf.worker.mjs" }, format: "iife", outdir: "dist", footer: { js: licences.join("\n") } }),
  build({ ...board, entryPoints: ["src/board.ts"], format: "esm", outfile: "dist/board.js" }),
  build({ ...board, entryPoints: ["src/board.css"], outfile: "dist/board.css" }),
  ...Object.entries(fonts).map(([name, file]) => copyFile(at(`node_modules/@excalidraw/excalidraw/dist/prod/fonts/${file}.woff2`), at(`dist/board-${name}.woff2`))),
  // What some files need: two kinds of scanned pictures, and the two fonts of signs that no device has.
  ...["wasm/jbig2.wasm", "wasm/openjpeg.wasm", "standard_fonts/FoxitDingbats.pfb", "standard_fonts/FoxitSymbol.pfb"].map((file) => copyFile(at(`node_modules/pdfjs-dist/${file}`), at(`dist/${file.split("/").pop()}`))),
]);

let failed = false;
const fail = (sentence) => {
  failed = true;
  console.error(sentence);
};

for (const [name, budget] of Object.entries(budgets)) {
  const bytes = await readFile(at(`dist/${name}`));
  const weight = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
  console.log(`${name.padEnd(18)} ${String(bytes.length).padStart(7)} bytes, ${String(weight).padStart(6)} with brotli (budget ${budget})`);
  if (weight > budget) fail(`web: ${name} weighs ${weight} bytes, over its budget of ${budget}: take something out, or argue for a new budget in build.mjs`);
}

// A file `live.fr-tu.json` holds only what differs from `live.fr.json`; it leaves here complete.
const source = async (name) => JSON.parse(await readFile(at(`texts/${name}`), "utf8"));
const reference = await source("live.fr.json");
const holes = (sentence) => [...sentence.matchAll(/\{(\w+)\}/g)].map((found) => found[1]).sort().join(" ");
for (const name of (await readdir(at("texts"))).sort()) {
  const variant = name.includes("-");
  const own = await source(name);
  for (const key of Object.keys(own)) {
    if (!(key in reference)) fail(`web: texts/${name} has the key "${key}", which texts/live.fr.json lacks: remove it or add it there`);
    else if (holes(own[key]) !== holes(reference[key])) fail(`web: texts/${name}, key "${key}": the names in braces differ from texts/live.fr.json`);
  }
  const base = variant ? await source(name.replace(/-\w+\.json$/, ".json")) : {};
  const whole = { ...base, ...own };
  for (const key of Object.keys(reference)) {
    if (!(key in whole)) fail(`web: texts/${name} lacks the key "${key}": translate it`);
  }
  await writeFile(at(`dist/texts/${name}`), JSON.stringify(whole));
}

process.exit(failed ? 1 : 0);
