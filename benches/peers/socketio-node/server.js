// The arena as a user of Socket.IO would write it: `player:move` goes to everybody else in the sender's room. All settings
// are the library's own; clients come over WebSocket only, and `ws` finds its native part, bufferutil.
//
// `node server.js --listen ADDR --redis URL` serves; with `--publish N` it emits that many events to the room `arena`
// instead, from the server, as fast as it can.
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { createAdapter } from "@socket.io/redis-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";

const { values } = parseArgs({
  options: { listen: { type: "string" }, redis: { type: "string" }, publish: { type: "string" } },
});

const publisher = createClient({ url: values.redis });
const subscriber = publisher.duplicate();
await Promise.all([publisher.connect(), subscriber.connect()]);

const http = createServer();
const io = new Server(http, { adapter: createAdapter(publisher, subscriber), transports: ["websocket"] });

io.on("connection", (socket) => {
  const room = socket.handshake.query.room ?? "arena";
  socket.join(room);
  socket.on("player:move", (moved) => socket.to(room).emit("player:move", moved));
});

if (values.publish === undefined) {
  const at = values.listen.lastIndexOf(":");
  http.listen(Number(values.listen.slice(at + 1)), values.listen.slice(0, at), 65535, () => {
    const { address, port } = http.address();
    console.log(`socketio-node is on http://${address}:${port}`);
  });
} else {
  const count = Number(values.publish);
  for (let sent = 0; sent < count; sent++) {
    io.to("arena").emit("player:move", { x: 0.5, y: sent + 0.5 });
    // Nothing else bounds what waits: with much more of it, the heap is all that it works on.
    if (sent % 1024 === 1023) await publisher.ping();
  }
  await publisher.ping();
  process.exit(0);
}
