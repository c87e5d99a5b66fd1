// `requests.mjs <port> <dialect> <connections> <in flight>`: a line with a number makes that many requests, and the
// answer says how long they took. Answers are found by a word in them, wherever frames begin and end.
import process from "node:process";
import { createInterface } from "node:readline";
import { dialAll, dialects, textFrame } from "./socket.mjs";

const [port, dialect, connections, inFlight] = process.argv.slice(2);
const { request } = dialects[dialect];
const mark = Buffer.from('"answer"');
const input = JSON.stringify({ n: 7, text: "x".repeat(40) });

let toSend = 0;
let toCome = 0;
let done = () => {};
let id = 0;

function send(socket, most) {
  const frames = [];
  for (; most > 0 && toSend > 0; most--, toSend--) {
    id++;
    frames.push(textFrame(request(id, input)));
  }
  if (frames.length > 0) socket.write(Buffer.concat(frames));
}

function listen(socket) {
  let rest = Buffer.alloc(0);
  socket.on("data", (data) => {
    const all = rest.length > 0 ? Buffer.concat([rest, data]) : data;
    let came = 0;
    let at = all.indexOf(mark);
    let end = 0;
    while (at >= 0) {
      came++;
      end = at + mark.length;
      at = all.indexOf(mark, end);
    }
    rest = all.subarray(Math.max(end, all.length - mark.length + 1));
    toCome -= came;
    if (toCome === 0) done();
    else send(socket, came);
  });
}

const sockets = await dialAll(
  Number(port),
  dialect,
  Number(connections),
  listen,
);
console.log("{}");
for await (const line of createInterface({ input: process.stdin })) {
  toSend = toCome = Number(line);
  const finished = new Promise((resolve) => done = resolve);
  const started = performance.now();
  for (const socket of sockets) send(socket, Number(inFlight));
  await finished;
  console.log(JSON.stringify({ ms: performance.now() - started }));
}
