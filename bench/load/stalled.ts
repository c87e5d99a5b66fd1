// One reader that stopped among 1 000: how late the others get what is sent to all, beside a run in which it reads.
//   bun bench/load/stalled.ts [runtime…] [--readers N] [--pairs N]
import { connect } from "node:net";
import process from "node:process";
import { parseArgs } from "node:util";
import { type Runtime, startServer } from "./child.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    readers: { type: "string", default: "1000" },
    pairs: { type: "string", default: "5" },
  },
});
const readers = Number(values.readers);
const TICKS = 5;
const SECONDS = 5;
const FILL = 12_000_000;

for (
  const runtime of (positionals.length ? positionals : ["bun", "deno", "node"])
) {
  const ratios: number[] = [];
  const lines: string[] = [];
  for (let pair = 0; pair < Number(values.pairs); pair++) {
    const reads = await run(runtime as Runtime, false);
    const stalls = await run(runtime as Runtime, true);
    ratios.push(stalls.p99 / reads.p99);
    lines.push(
      `${reads.p99.toFixed(1)} → ${
        stalls.p99.toFixed(1)
      } ms, ${stalls.dropped} dropped, resident ${
        (stalls.resident - reads.resident).toFixed(1)
      } MB more`,
    );
  }
  const median = ratios.toSorted((a, b) => a - b)[ratios.length >> 1] ?? 0;
  console.log(
    `${runtime}: p99 of ${readers} readers with one stalled, to without: ${
      median.toFixed(2)
    } (median of ${ratios.length} pairs)\n  ${lines.join("\n  ")}`,
  );
}
process.exit(0);

async function run(runtime: Runtime, stalls: boolean) {
  const server = await startServer(runtime, {
    TICKS: String(TICKS),
    FILL: String(FILL),
  });
  const url = `ws://127.0.0.1:${server.port}/?role=user&name=`;
  const late: number[] = [];
  const sockets: WebSocket[] = [];
  for (let n = 0; n < readers; n++) {
    const socket = new WebSocket(`${url}r`, "superline.v1");
    socket.onmessage = ({ data }) => {
      if (data.startsWith('["hi"')) {
        socket.send('["req",1,"join",{"room":"all"}]');
      }
      if (!data.startsWith('["evt","tick"')) return;
      const now = performance.timeOrigin + performance.now();
      for (const frame of data.split("\n")) {
        late.push(now - JSON.parse(frame)[2].at);
      }
    };
    sockets.push(socket);
    if (n % 50 === 49) await new Promise((open) => socket.onopen = open);
  }
  const other = filled(server.port, stalls);
  await until(() => late.length >= readers * TICKS); // the first second is for what is under way
  late.length = 0;
  await until(() => late.length >= readers * TICKS * SECONDS);
  const { resident, stats } = await server.look();
  other.destroy();
  for (const socket of sockets) socket.close();
  await server.end();
  late.sort((a, b) => a - b);
  return {
    p99: late[Math.floor(late.length * 0.99)] ?? NaN,
    dropped: stats.dropped,
    resident: resident / 1e6,
  };
}

/** The one that the ticks wait for: reads, or stops after the upgrade. */
function filled(port: number, stalls: boolean) {
  const socket = connect(port, "127.0.0.1");
  socket.write(
    `GET /?role=user&name=filled HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: superline.v1\r\n\r\n",
  );
  let heard = "";
  socket.on("data", (data) => {
    if (heard.includes('"hi"')) return;
    heard += data.toString("latin1");
    if (!heard.includes('"hi"')) return;
    const text = '["req",1,"join",{"room":"all"}]';
    const frame = new Uint8Array([0x81, 0x80 | text.length, 0, 0, 0, 0]);
    socket.write(Buffer.concat([frame, Buffer.from(text)])); // masked with 0
    if (stalls) socket.pause();
  });
  return socket;
}

async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 120_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error("The ticks do not come");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
