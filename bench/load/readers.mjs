// `readers.mjs <port> <dialect> <how many>`: opens connections and counts the bytes that come. A line asks for the sum.
import process from "node:process";
import { createInterface } from "node:readline";
import { dialAll } from "./socket.mjs";

const [port, dialect, count] = process.argv.slice(2);
let bytes = 0;
const started = performance.now();
await dialAll(
  Number(port),
  dialect,
  Number(count),
  (socket) => socket.on("data", (data) => bytes += data.length),
);
console.log(JSON.stringify({ openMs: performance.now() - started }));
for await (const _ of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify({ bytes }));
}
