/** `client_program.ts <parse | ours> <times>`: what a client does with a thousand events that came in one turn. */
import process from "node:process";
import { defineContract } from "../../mod.ts";
import { createClient } from "../../src/client/client.ts";
import { event } from "../targets/target.ts";

const [what, times] = process.argv.slice(2);
const count = 1_000;
const frames = Array.from(
  { length: count },
  (_, at) => JSON.stringify(["evt", "m", { t: String(at).padStart(105, "x") }]),
);
const api = defineContract({
  shared: { serverToClient: { m: { payload: event } } },
  roles: { user: {} },
});

let heard = 0;
let last: { readonly t: string } | undefined;
const hear = (data: { readonly t: string }) => {
  heard++;
  last = data;
};

/** A socket that opens at once and gives what it is told to give. */
class ScriptedSocket extends EventTarget {
  static last: ScriptedSocket | undefined;
  binaryType = "";
  readyState = 1;
  bufferedAmount = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onerror: (() => void) | null = null;
  onclose: (() => void) | null = null;

  constructor() {
    super();
    ScriptedSocket.last = this;
    queueMicrotask(() => this.onopen?.());
  }
  give(data: string): void {
    this.onmessage?.({ data });
  }
  send(): void {}
  close(): void {}
}

let take = (frame: string) => hear(JSON.parse(frame)[2]);
if (what === "ours") {
  const client = createClient(api, {
    url: "ws://localhost",
    role: "user",
    WebSocket: ScriptedSocket as never, // what the client uses of one
  });
  client.on("m", hear);
  for (let i = 0; i < 100 && !ScriptedSocket.last?.onmessage; i++) {
    await new Promise((later) => setTimeout(later, 1));
  }
  await new Promise((later) => setTimeout(later, 10));
  const socket = ScriptedSocket.last!;
  socket.give(JSON.stringify(["hi", {
    ...{ v: 1, id: "a.b", role: "user", serializer: "json" },
    ...{ heartbeatMs: 25_000, maxMessageBytes: 1_048_576 },
    ...{ maxInFlight: 64, maxSubscriptions: 1_000 },
  }]));
  take = (frame) => socket.give(frame);
}

const samples: number[] = [];
for (let round = 0; round < Number(times); round++) {
  const start = performance.now();
  for (const frame of frames) take(frame);
  samples.push((performance.now() - start) * 1_000);
}
if (heard !== count * Number(times) || last === undefined) {
  throw new Error(`only ${heard} events were heard`);
}
samples.sort((a, b) => a - b);
console.log(JSON.stringify({ us: samples[samples.length >> 1] }));
process.exit(0);
