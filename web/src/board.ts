// The drawing board: Excalidraw over a Yjs document. A bundle of its own, loaded by the live page when the first board
// is opened: whoever has a lesson without one never pays for it.
//
// Excalidraw draws; `board/paper.ts` says what there is to draw. This file puts the two together, and keeps away what
// is not for a school's board: pictures, links, pages of other sites, files, other people's servers.
import { CaptureUpdateAction, Excalidraw, MainMenu, getCommonBounds, getVisibleSceneBounds } from "@excalidraw/excalidraw";
import type { AppState, Collaborator, ExcalidrawImperativeAPI, SocketId } from "@excalidraw/excalidraw/types";
import { createElement } from "react";
import { createRoot } from "react-dom/client";
import { isKnown, isSound, type Thing } from "./board/things";

export { Paper } from "./board/paper";
export { soundOf } from "./board/things";
export type { Thing } from "./board/things";

/** What a board needs of the page. */
export interface Surroundings {
  /** Two letters. */
  readonly language: string;
  /** What the button for the list of keys is called. */
  readonly menu: string;
  /** Where the fonts lie, by the names of their files. */
  readonly fonts: Readonly<Record<string, string>>;
  /** What was changed by whoever draws here; nothing: it was rubbed out. */
  readonly drawn: (changes: ReadonlyMap<string, Thing | undefined>) => void;
  /** The own hand is over this place of the drawing. */
  readonly pointed?: (place: { readonly x: number; readonly y: number }) => void;
  /** Escape was pressed when there was nothing left to leave: the keyboard goes on outside. */
  readonly left: () => void;
}

/** Somebody else's hand over the drawing. */
export interface Hand {
  readonly id: string;
  readonly name: string;
  readonly x: number;
  readonly y: number;
}

/** A board on the page. */
export interface Board {
  /** Shows what there is now; `whole` forgets what was there and the steps back. */
  show(things: readonly Thing[], whole: boolean): void;
  /** Whether this person may draw. */
  lend(may: boolean): void;
  /** Shows where the others' hands are. */
  point(hands: readonly Hand[]): void;
  /** Everything that is drawn in sight. */
  fit(): void;
  close(): void;
}

type Piece = ReturnType<ExcalidrawImperativeAPI["getSceneElementsIncludingDeleted"]>[number];

/** The share of the board that what is drawn may take when it is fitted in. */
const share = 0.9;
/** How high the tools are over and under the drawing, in CSS pixels. */
const tools = 72;
/** Keys that lead to files, links, exports and lists of commands, with Control or Command. */
const elsewhere = new Set(["k", "o", "s", "e", "p", "/"]);

/** Excalidraw's markup where it says too little, or too much, to who listens. */
function repaired(host: HTMLElement, menu: string): void {
  for (const button of host.querySelectorAll(".main-menu-trigger:not([aria-label])")) button.setAttribute("aria-label", menu);
  // It is called by what it shows, and says what it does besides.
  for (const button of host.querySelectorAll(".reset-zoom-button[aria-label]")) button.removeAttribute("aria-label");
  // Lists of colours and fonts that stand in the page are no dialogs: nothing behind them is closed off.
  for (const list of host.querySelectorAll("[role=dialog]:not([aria-label], [aria-labelledby])")) {
    list.setAttribute("role", "group");
    list.removeAttribute("aria-modal");
  }
  // The page has one foot, and this is none.
  for (const foot of host.querySelectorAll("footer[role=contentinfo]")) foot.setAttribute("role", "presentation");
}

/** Puts a board into `host`. */
export function open(host: HTMLElement, page: Surroundings): Promise<Board> {
  // Read by the fonts' loader, which `build.mjs` has cut off from the server that it comes with.
  (globalThis as { preauBoardFonts?: Surroundings["fonts"] }).preauBoardFonts = page.fonts;
  const root = createRoot(host);
  /** The versions of what is shown, so that only what changes here is sent. */
  const known = new Map<string, string>();
  let lent = false;
  let api: ExcalidrawImperativeAPI | undefined;
  /** Whether this person has moved the board by hand: then nobody else does. */
  let moved = false;

  const stamp = ({ version, versionNonce }: Thing): string => `${String(version)} ${String(versionNonce)}`;
  const changed = (elements: readonly Piece[]): void => {
    if (!lent) return;
    const changes = new Map<string, Thing | undefined>();
    let strange = false;
    for (const element of elements) {
      const thing = element as unknown as Thing;
      strange ||= !element.isDeleted && !isKnown(thing);
      if (known.get(thing.id) === stamp(thing)) continue;
      if (element.isDeleted) {
        if (!known.delete(thing.id)) continue;
        changes.set(thing.id, undefined);
      } else if (isSound(thing)) {
        known.set(thing.id, stamp(thing));
        changes.set(thing.id, structuredClone(thing));
      }
    }
    if (changes.size > 0) page.drawn(changes);
    // A picture that was pasted, say: nobody else would ever see it.
    if (strange && !api?.getAppState().newElement) queueMicrotask(() => api?.updateScene({ elements: api.getSceneElements().filter((element) => isKnown(element as unknown as Thing)), captureUpdate: CaptureUpdateAction.NEVER }));
  };

  /** Whether Escape still means something to Excalidraw. */
  const isBusy = (state: AppState): boolean =>
    Boolean(state.activeTool.type !== "selection" || state.newElement || state.editingTextElement || state.selectedLinearElement || state.openMenu || state.openPopup || state.openDialog || state.contextMenu || Object.keys(state.selectedElementIds).length > 0);
  let escaped = false;
  const escape = (event: KeyboardEvent): void => {
    const types = (event.target as Element).matches("input, textarea");
    const away = event.ctrlKey || event.metaKey ? elsewhere.has(event.key.toLowerCase()) : event.key === "f" && !types;
    if (away) event.stopPropagation();
    // The first press leaves what is being done, the next one the board.
    const first = event.key === "Escape" && !escaped && lent && api !== undefined && isBusy(api.getAppState());
    escaped = first;
    if (first || event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    page.left();
  };
  host.addEventListener("keydown", escape, true);
  const nothing = (event: Event): void => {
    event.preventDefault();
    event.stopPropagation();
  };
  for (const kind of ["contextmenu", "drop"]) host.addEventListener(kind, nothing, true);
  const byHand = (): void => {
    escaped = false;
    moved = true;
  };
  host.addEventListener("wheel", byHand, { passive: true });
  host.addEventListener("pointerdown", byHand, { passive: true });

  const watch = new MutationObserver(() => repaired(host, page.menu));
  watch.observe(host, { childList: true, subtree: true, attributes: true, attributeFilter: ["aria-label", "role"] });
  const night = window.matchMedia("(prefers-color-scheme: dark)");
  const draw = (ready?: (api: ExcalidrawImperativeAPI) => void): void => {
    root.render(
      createElement(
        Excalidraw,
        {
          ...(ready ? { excalidrawAPI: ready } : {}),
          langCode: page.language === "fr" ? "fr-FR" : "en",
          viewModeEnabled: !lent,
          zenModeEnabled: false,
          detectScroll: false,
          handleKeyboardGlobally: false,
          autoFocus: false,
          aiEnabled: false,
          validateEmbeddable: false,
          theme: night.matches ? "dark" : "light",
          onChange: changed,
          onPointerUpdate: ({ pointer: { x, y } }) => lent && page.pointed?.({ x, y }),
          onLinkOpen: (_element, event) => event.preventDefault(),
          UIOptions: { canvasActions: { changeViewBackgroundColor: false, clearCanvas: false, export: false, loadScene: false, saveToActiveFile: false, saveAsImage: false, toggleTheme: false }, tools: { image: false } },
          initialData: { appState: { currentItemRoughness: 0, currentItemFontFamily: 6, zenModeEnabled: false, viewBackgroundColor: "#ffffff" }, scrollToContent: false },
        },
        // A menu of our own, so that nothing in it leads away from the lesson.
        createElement(MainMenu, null, createElement(MainMenu.DefaultItems.Help)),
      ),
    );
  };

  return new Promise((resolve) => {
    const scheme = (): void => draw();
    night.addEventListener("change", scheme);
    const fit = (animate: boolean): void => {
      const elements = api?.getSceneElements() ?? [];
      if (!api || elements.length === 0) return;
      const offset = lent ? tools : 0;
      api.scrollToContent(elements, { fitToViewport: true, viewportZoomFactor: share, maxZoom: 1, canvasOffsets: { top: offset, bottom: offset }, animate });
    };
    /** Whether something lies outside of what is in sight. */
    const isOut = (): boolean => {
      const elements = api?.getSceneElements() ?? [];
      if (!api || elements.length === 0) return false;
      const [left, top, right, bottom] = getCommonBounds(elements);
      const sight = getVisibleSceneBounds(api.getAppState());
      return left < sight[0] || top < sight[1] || right > sight[2] || bottom > sight[3];
    };
    const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
    const board: Board = {
      show(things, whole) {
        if (!api) return;
        const local = new Map(api.getSceneElementsIncludingDeleted().map((element) => [element.id, element]));
        const state = api.getAppState();
        const held = new Set([state.newElement?.id, state.editingTextElement?.id, state.resizingElement?.id, state.selectionElement?.id]);
        if (whole) known.clear();
        const elements: Piece[] = [];
        const there = new Set<string>();
        for (const thing of things) {
          there.add(thing.id);
          const mine = local.get(thing.id);
          // What somebody has under their own finger stays as it is: it is sent when it is done, and wins then.
          const keep = mine && (stamp(mine as unknown as Thing) === stamp(thing) || (!whole && held.has(thing.id)));
          if (!keep) known.set(thing.id, stamp(thing));
          elements.push((keep ? mine : { ...thing, isDeleted: false }) as Piece);
        }
        for (const [id, element] of local) {
          if (there.has(id)) continue;
          // Begun here and not sent yet.
          if (!whole && (!known.has(id) || held.has(id)) && !element.isDeleted) elements.push(element);
          else known.delete(id);
        }
        const before = api.getSceneElements();
        // What comes back of one's own is there already, and is one's own to undo.
        const same = elements.length === before.length && elements.every((element, place) => element === before[place]);
        if (!same) api.updateScene({ elements, captureUpdate: CaptureUpdateAction.NEVER });
        if (whole) api.history.clear();
        // Whoever looks on need not look for what is new; as long as it is in sight nothing moves.
        if (whole || (!lent && !moved && isOut())) fit(false);
      },
      lend(may) {
        if (lent === may) return;
        lent = may;
        if (!may) {
          // What was begun and may not be finished.
          api?.updateScene({ appState: { selectedElementIds: {}, editingTextElement: null } as unknown as AppState, captureUpdate: CaptureUpdateAction.NEVER });
        }
        draw();
      },
      point(hands) {
        const told = hands.map(({ id, name, x, y }): [SocketId, Collaborator] => [id as SocketId, { id, username: name, pointer: { x, y, tool: "pointer" } }]);
        api?.updateScene({ collaborators: new Map(told), captureUpdate: CaptureUpdateAction.NEVER });
      },
      fit() {
        moved = false;
        fit(!calm.matches);
      },
      close() {
        night.removeEventListener("change", scheme);
        host.removeEventListener("keydown", escape, true);
        for (const kind of ["contextmenu", "drop"]) host.removeEventListener(kind, nothing, true);
        host.removeEventListener("wheel", byHand);
        host.removeEventListener("pointerdown", byHand);
        watch.disconnect();
        root.unmount();
      },
    };
    draw((given) => {
      api = given;
      resolve(board);
    });
  });
}
