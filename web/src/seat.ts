// Tells the gate that a page was closed, so that a seat nobody needs any more is free in half a minute instead of
// ten. It stands in every page, and says nothing while one page of ours follows another.
//
// The gate takes it for a hint: a seat in a lesson stays as it is, and whoever is still there says so. That is a
// page that followed after all (a reload, the way back), and every other tab; both wait a moment, so that they are
// heard after what they correct. A browser that cannot tell a page closed from a page turned (no Navigation API)
// says nothing at all: its seat is free when it has been silent for ten minutes, as always.
export {};

/** Until the correction is sent, and until a page that was to follow and did not is forgotten; in milliseconds. */
const AFTERWARDS = 2_000;
const FOLLOWS = 10_000;
const LEFT = "left";

if ("navigation" in window) {
  let follows = 0;
  let tabs: BroadcastChannel;
  const stay = (): void => void setTimeout(() => navigator.sendBeacon("/seat/return"), AFTERWARDS);
  const arrive = (): void => {
    follows = 0;
    tabs = new BroadcastChannel("seat");
    tabs.onmessage = stay;
    if (sessionStorage.getItem(LEFT)) stay();
    sessionStorage.removeItem(LEFT);
  };

  arrive();
  navigation.addEventListener("navigate", ({ destination, downloadRequest }) => {
    if (!destination.sameDocument && downloadRequest === null && new URL(destination.url).origin === location.origin) follows = Date.now() + FOLLOWS;
  });
  addEventListener("pageshow", ({ persisted }) => persisted && arrive());
  addEventListener("pagehide", () => {
    if (Date.now() > follows) {
      navigator.sendBeacon("/seat/departure");
      sessionStorage.setItem(LEFT, LEFT);
      tabs.postMessage(LEFT);
    }
    // A page that the browser keeps for the way back keeps no channel open, or it could not be kept.
    tabs.close();
  });
}
