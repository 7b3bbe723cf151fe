// What a document's pages are drawn with: a bundle of its own, fetched when it is first needed, and why a file
// cannot be shown.
import type { Fault, Pages } from "../../document";
import type { LivePage } from "../page";

export type { Drawn, Pages } from "../../document";

/** Most pages of a document; the server holds the same bound. */
export const mostPages = 300;

/** Opens a PDF. Throws an error whose `fault` says why not. */
export async function openPaper(page: Pick<LivePage, "parts">, bytes: ArrayBuffer): Promise<Pages> {
  const script = page.parts["document.js"] ?? "";
  const { open } = (await import(script)) as typeof import("../../document");
  return open(bytes, { worker: page.parts["document-worker.js"] ?? "", files: page.parts });
}

/** What was wrong with a file; `failed` where the browser or the network failed. */
export function faultOf(error: unknown): Fault {
  return (error as { readonly fault?: Fault }).fault ?? "failed";
}
