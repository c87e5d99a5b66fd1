// Raw TCP readers for the fan-out bench: `readers.mjs <port> <how many>`. They upgrade, count bytes, and end with the server.
import net from "node:net";
import process from "node:process";

const [port, count] = process.argv.slice(2).map(Number);
const upgrade = [
  "GET / HTTP/1.1",
  `Host: localhost:${port}`,
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Protocol: superline.v1",
  "",
  "",
].join("\r\n");

let bytes = 0;
let open = 0;
let left = count;
for (let i = 0; i < count; i++) {
  const socket = net.connect(port, "127.0.0.1", () => socket.write(upgrade));
  socket.once("data", () => {
    if (++open === count) setTimeout(() => console.log("ready"), 300);
  });
  socket.on("data", (data) => bytes += data.length);
  socket.on("error", () => {});
  socket.on("close", () => {
    if (--left === 0) console.log(`bytes ${bytes}`);
  });
}
