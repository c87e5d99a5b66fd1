// How long five frames of a megabyte of nested arrays delay another client's request.
//   bun bench/load/nested.ts [--runtime bun|deno|node] [--rounds 20]
import process from "node:process";
import { parseArgs } from "node:util";
import { createClient } from "../../src/client/client.ts";
import { api } from "./api.ts";
import { type Runtime, startServer } from "./child.ts";

const { values } = parseArgs({
  args: process.argv.slice(2).filter((arg) => arg !== "--"), // Bun hands it on
  options: {
    runtime: { type: "string", default: "bun" },
    rounds: { type: "string", default: "20" },
  },
});
const server = await startServer(values.runtime as Runtime);
const url = `ws://127.0.0.1:${server.port}/?role=user`;
const client = createClient(api, { url, role: "user" });
await client.ready;
await client.echo({ text: "warm" });

const half = "[".repeat(500_000);
const frame = (id: number) =>
  `["req",${id},"echo",${half}${"]".repeat(half.length)}]`;
const frames = [1, 2, 3, 4, 5].map(frame);
const delays: number[] = [];
const quiet: number[] = [];

for (let round = 0; round < Number(values.rounds); round++) {
  const peer = new WebSocket(url, ["superline.v1"]);
  await new Promise((resolve) => peer.onmessage = resolve); // hi
  quiet.push(await timed());
  const refused = Promise.withResolvers<void>();
  let answers = 0;
  peer.onmessage = ({ data }) => {
    answers += String(data).split("\n").length;
    if (answers >= frames.length) refused.resolve();
  };
  peer.onclose = () => refused.resolve();
  for (const it of frames) peer.send(it);
  delays.push(await timed());
  await refused.promise;
  peer.close();
}

const of = (all: number[], part: number) =>
  all.sort((a, b) => a - b)[Math.floor(all.length * part)]?.toFixed(1);
console.log(
  `${values.runtime}: a request beside 5 nested megabytes took ${
    of(delays, 0.5)
  } ms in the median and ${of(delays, 0.95)} ms at most of 19 in 20; alone ${
    of(quiet, 0.5)
  } ms`,
);
client.close();
await server.end();

/** How long one request takes, in milliseconds. */
async function timed(): Promise<number> {
  const start = performance.now();
  await client.echo({ text: "x" });
  return performance.now() - start;
}
