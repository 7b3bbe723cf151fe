// The pages of a PDF, drawn by PDF.js. A bundle of its own, loaded by the live page when the first document is
// shown: whoever has a lesson without documents never pays for it.
//
// The file's bytes are parsed in a worker that may reach nothing. No script in a file is ever run, and what a
// file asks to load is not loaded.
import { AnnotationMode, PDFWorker, TextLayer, getDocument, type PDFDocumentProxy, type RenderTask } from "pdfjs-dist/legacy/build/pdf.mjs";

/** Where the parts of this bundle are: the worker, and by its name every file that some documents need. */
export interface Parts {
  readonly worker: string;
  readonly files: Readonly<Record<string, string>>;
}

/** Why a file cannot be shown: it is no sound PDF, it wants a password, or this browser fails. */
export type Fault = "damaged" | "locked" | "failed";

export class Unreadable extends Error {
  constructor(readonly fault: Fault) {
    super(fault);
  }
}

/** Most dots of a drawn page; phones refuse larger ones. */
const mostDots = 8_000_000;
/** Dots of the largest picture in a file that is drawn at all. */
const largestPicture = 50_000_000;

/** A page as it was drawn. */
export interface Drawn {
  readonly root: HTMLElement;
  /** Whether there is text on it; a scanned page has none. */
  readonly hasText: boolean;
}

/** An open document. */
export interface Pages {
  readonly count: number;
  /** Width and height of a page in the file's own measure. */
  size(page: number): Promise<{ readonly width: number; readonly height: number }>;
  /** Draws a page, `width` CSS pixels wide; gives up what was being drawn. Nothing when it was given up itself. */
  draw(page: number, width: number): Promise<Drawn | undefined>;
  close(): void;
}

/** Opens a file. Throws `Unreadable`. */
export async function open(bytes: ArrayBuffer, parts: Parts): Promise<Pages> {
  const worker = new Worker(parts.worker);
  const pdfWorker = PDFWorker.create({ port: worker });
  const close = (): void => {
    pdfWorker.destroy();
    worker.terminate();
  };
  // A worker that does not start never answers.
  const broken = new Promise<never>((_, reject) => worker.addEventListener("error", () => reject(new Unreadable("failed")), { once: true }));
  const task = getDocument({
    data: bytes,
    worker: pdfWorker,
    maxImageSize: largestPicture,
    useWorkerFetch: false,
    // Named so that PDF.js asks the factory below for what lies there.
    wasmUrl: "/",
    standardFontDataUrl: "/",
    BinaryDataFactory: class {
      async fetch({ filename }: { readonly filename: string }): Promise<Uint8Array> {
        const address = parts.files[filename];
        const answer = address && (await fetch(address));
        if (!answer || !answer.ok) throw new Error(`no file ${filename}`);
        return new Uint8Array(await answer.arrayBuffer());
      }
    },
  });
  try {
    const pdf = await Promise.race([task.promise, broken, refusedPassword(task)]);
    return pagesOf(pdf, close);
  } catch (error) {
    close();
    throw error instanceof Unreadable ? error : new Unreadable(faultOf(error));
  }
}

/** Fails as soon as the file asks for a password: nobody is asked for one in front of a class. */
function refusedPassword(task: ReturnType<typeof getDocument>): Promise<never> {
  return new Promise((_, reject) => {
    task.onPassword = () => reject(new Unreadable("locked"));
  });
}

function faultOf(error: unknown): Fault {
  const name = error instanceof Error ? error.name : "";
  if (name === "PasswordException") return "locked";
  return name === "InvalidPDFException" || name === "FormatError" || name === "UnknownErrorException" ? "damaged" : "failed";
}

function pagesOf(pdf: PDFDocumentProxy, close: () => void): Pages {
  let drawing: RenderTask | undefined;
  let turn = 0;
  return {
    count: pdf.numPages,
    async size(number) {
      const { width, height } = (await pdf.getPage(number)).getViewport({ scale: 1 });
      return { width, height };
    },
    async draw(number, width) {
      const mine = ++turn;
      drawing?.cancel();
      const page = await pdf.getPage(number);
      const natural = page.getViewport({ scale: 1 });
      const viewport = page.getViewport({ scale: width / natural.width });
      const sharp = Math.min(window.devicePixelRatio || 1, Math.sqrt(mostDots / (viewport.width * viewport.height)));
      const canvas = document.createElement("canvas");
      canvas.width = Math.max(1, Math.floor(viewport.width * sharp));
      canvas.height = Math.max(1, Math.floor(viewport.height * sharp));
      canvas.setAttribute("aria-hidden", "true");
      if (mine !== turn) return undefined;
      drawing = page.render({ canvas, viewport, transform: [sharp, 0, 0, sharp, 0, 0], annotationMode: AnnotationMode.ENABLE });
      try {
        await drawing.promise;
      } catch (error) {
        if (error instanceof Error && error.name === "RenderingCancelledException") return undefined;
        throw new Unreadable("failed");
      }
      const words = document.createElement("div");
      words.className = "document-text";
      const content = await page.getTextContent();
      const root = document.createElement("div");
      root.className = "document-page";
      root.style.width = `${viewport.width}px`;
      root.style.height = `${viewport.height}px`;
      // PDF.js's own measures for the places of words.
      root.style.setProperty("--total-scale-factor", String(viewport.scale));
      root.append(canvas, words);
      await new TextLayer({ textContentSource: content, container: words, viewport }).render();
      if (mine !== turn) return undefined;
      return { root, hasText: content.items.some((item) => "str" in item && item.str.trim() !== "") };
    },
    close() {
      turn++;
      drawing?.cancel();
      close();
    },
  };
}
