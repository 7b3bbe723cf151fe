// A way to the school on which things happen: it breaks, or swallows some of what travels on it.
import { once } from "node:events";
import { connect, createServer } from "node:net";

/**
 * A way to the school that can be cut: every connection over it breaks, and new ones are taken at once. Connections of
 * whose first line (the request's) `swallows` says so are taken as well, and then nothing ever comes of them.
 */
export async function cuttable(origin, swallows = () => false) {
  const open = new Set();
  const keep = (socket) => {
    open.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => open.delete(socket));
  };
  const server = createServer((near) => {
    keep(near);
    near.once("data", (first) => {
      if (swallows(String(first).split("\r\n", 1)[0])) return near.resume();
      const far = connect(new URL(origin).port, "127.0.0.1");
      keep(far);
      far.write(first);
      for (const [socket, other] of [[near, far], [far, near]]) {
        socket.pipe(other);
        socket.on("close", () => other.destroy());
      }
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = () => open.forEach((socket) => socket.destroy());
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    cut,
    stop: () => (cut(), server.close()),
  };
}
