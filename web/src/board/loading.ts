// How a page comes by the board's bundle, its style sheet and its fonts when the first board is to be shown. None of the
// bundle is in here: whoever sees no board never pays for it.

/** The fonts that a board has, by the names that Excalidraw gives their files. */
const fonts: Readonly<Record<string, string>> = {
  "Excalifont-Regular-a88b72a24fb54c9f94e3b5fdaa7481c9.woff2": "board-hand.woff2",
  "Nunito-Regular-XRXI3I6Li01BKofiOc5wtlZ2di8HDIkhdTQ3j6zbXWjgeg.woff2": "board-plain.woff2",
  "ComicShanns-Regular-279a7b317d12eb88de06167bd672b4b4.woff2": "board-code.woff2",
};

/** Where files lie, by their names. */
export type Parts = Readonly<Record<string, string>>;

/** Where the fonts lie, as the bundle wants it said. */
export function fontsOf(parts: Parts): Parts {
  return Object.fromEntries(Object.entries(fonts).map(([file, part]) => [file, parts[part] ?? ""]));
}

/** The bundle, once its style sheet is there as well. */
export async function loadBoard(parts: Parts): Promise<typeof import("../board")> {
  const [bundle] = await Promise.all([import(parts["board.js"] ?? "") as Promise<typeof import("../board")>, styled(parts["board.css"] ?? "")]);
  return bundle;
}

/** Loads a style sheet once. */
function styled(address: string): Promise<void> {
  const known = document.querySelector<HTMLLinkElement>(`link[href="${CSS.escape(address)}"]`);
  if (known?.sheet) return Promise.resolve();
  known?.remove();
  return new Promise((resolve, reject) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = address;
    link.addEventListener("load", () => resolve());
    link.addEventListener("error", () => {
      link.remove();
      reject(new Error("no style sheet"));
    });
    document.head.append(link);
  });
}
