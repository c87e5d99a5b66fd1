/** The socket server on an `http.Server`, on every Node that can be had: its upgrades, others' upgrades, broken peers. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect as connectTcp } from "node:net";
import {
  dial,
  heldBy,
  join,
  TcpSocket,
  upgradeBytes,
} from "../helpers/tcp_socket.ts";
import { until, within } from "../helpers/wait.ts";
import { type Running, start } from "./host.ts";
import { bundle, bundles, hasNode, nodePath, nodeVersions } from "./places.ts";

const target = "/realtime?role=user";

beforeAll(() => bundle("node_edges", "node"));

describe.each(nodeVersions.filter(hasNode))("Node %s", (version) => {
  const run = (...args: string[]) =>
    start([nodePath(version), `${bundles}/node_edges.js`, ...args]);
  let host: Running;
  let port: number;

  beforeAll(async () => {
    host = run();
    port = await host.port;
  }, 40_000);
  afterAll(() => host?.[Symbol.asyncDispose]());

  test("upgrades to its path are taken, ordinary requests are not touched", async () => {
    await served(port);
    const hello = await fetch(`http://127.0.0.1:${port}/realtime`);
    expect(await hello.text()).toBe("hello");
  });

  test("upgrades to other paths are left to others", async () => {
    await using shared = run("shared");
    const port = await shared.port;
    const socket = await dial(port, { target: "/theirs" });
    expect(socket.status).toBe(418);
    await served(port);
  });

  test("a reset on a path of a listener that comes after ours ends no process", async () => {
    await using shared = run("shared");
    const port = await shared.port;
    for (let n = 0; n < 5; n++) {
      const socket = new TcpSocket(port);
      socket.bytes(upgradeBytes("/zzz")); // the other listener leaves it open
      await served(port);
      socket.reset();
    }
    await served(port);
  });

  test(
    "an upgrade that another listener leaves open is cut after handshakeTimeoutMs",
    async () => {
      await using shared = run("shared");
      const port = await shared.port;
      const socket = new TcpSocket(port);
      socket.bytes(upgradeBytes("/zzz"));
      await until(() => socket.gone, "an end", 15_000);
      await served(port);
    },
    30_000,
  );

  test("a Host with a path in it leads to no other path", async () => {
    const socket = new TcpSocket(port);
    socket.bytes(upgradeBytes("/zzz", "x/realtime?"));
    await until(() => socket.status !== 0, "an answer");
    expect(socket.status).toBe(400);
    socket.destroy();
    await served(port);
  });

  test("in an environment with another AbortController clients come in", async () => {
    await using host = run("jsdom");
    await served(await host.port);
  });

  test("in an environment without fetch the answer and the console say why", async () => {
    await using host = run("bare");
    const told: string[] = [];
    host.lines((line) => void told.push(line));
    const socket = await dial(await host.port, { target });
    expect(socket.status).toBe(400);
    await until(
      () => told.some((line) => line.includes("Cannot read an upgrade")),
      () => `a warning in ${told}`,
    );
  });

  test(
    "a silent and a trickled handshake, and a refused peer that stays half open, are gone within 30 s",
    async () => {
      const silent = new TcpSocket(port, { deaf: true });
      const trickled = new TcpSocket(port, { deaf: true });
      trickled.bytes("GET /realtime HTTP/1.1\r\nHost: a\r\nX-A: ");
      const refused = await dial(port, { target: "/elsewhere", deaf: true });
      expect(refused.status).toBe(404);
      const all = [silent, trickled, refused];
      const held = () => heldBy(port).filter((it) => isOneOf(all, it)).length;
      await until(() => all.every(({ port }) => port), "connections");
      const start = Date.now();
      while (held() > 0 && Date.now() - start < 30_000) {
        trickled.bytes("x");
        await Bun.sleep(500);
      }
      expect(held()).toBe(0);
      await served(port);
    },
    40_000,
  );

  test(
    "close is over within 2 s beside peers that answer nothing, and so is the HTTP server's",
    async () => {
      await using closing = run();
      const port = await closing.port;
      const told: string[] = [];
      closing.lines((line) => void told.push(line));
      const peers = await Promise.all(
        Array.from({ length: 5 }, () => join(port, { target, deaf: true })),
      );
      const refused = await dial(port, { target: "/elsewhere", deaf: true });
      await fetch(`http://127.0.0.1:${port}/end`);
      await until(
        () => told.some((it) => it.includes("httpMs")),
        "an end",
        15_000,
      );
      const { socketMs, httpMs } = JSON.parse(
        told.find((it) => it.includes("httpMs")) ?? "",
      );
      expect(socketMs).toBeLessThan(2_000);
      expect(httpMs).toBeLessThan(2_500);
      for (const peer of [...peers, refused]) peer.destroy();
    },
    30_000,
  );

  test("alone it answers upgrades to other paths with 404", async () => {
    const socket = await dial(port, { target: "/elsewhere" });
    expect(socket.status).toBe(404);
    await served(port);
  });

  test("two on one HTTP server each take their path, and one answers for the rest", async () => {
    await using both = run("two");
    const port = await both.port;
    const second = await join(port, { target: "/second?role=user" });
    second.say(["req", 1, "echo", "a"]);
    expect(await second.next("res", 1)).toEqual(["res", 1, "second a"]);
    second.destroy();
    const socket = await dial(port, { target: "/elsewhere" });
    expect(socket.status).toBe(404);
    await served(port);
  });

  test("while it drains it answers 503, afterwards it listens no more and the HTTP server goes on", async () => {
    await using closing = run();
    const port = await closing.port;
    const socket = await join(port, { target });
    const closed = fetch(`http://127.0.0.1:${port}/close`);
    await socket.next("away");
    expect((await dial(port, { target })).status).toBe(503);
    expect(await socket.closeCode()).toBe(1012);
    expect(await (await within(closed)).text()).toBe("0");
    const hello = await fetch(`http://127.0.0.1:${port}/`);
    expect(await hello.text()).toBe("hello");
  });

  test("a peer that goes during the login, by end or reset, leaves nothing", async () => {
    for (const how of ["end", "destroy", "resetAndDestroy"] as const) {
      const gone = connectTcp({ port, host: "127.0.0.1" });
      gone.on("error", () => {});
      gone.write(
        `GET ${target}&wait=300 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: superline.v1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
      );
      await Bun.sleep(30); // the login is under way
      gone[how]();
    }
    await served(port);
  });

  for (const target of ["//", "*", "//?role=user", "/%", "http://a/realtime"]) {
    test(`the request target ${target} costs that client only`, async () => {
      const socket = await dial(port, { target });
      expect(socket.status === 101 || socket.gone || socket.status >= 400)
        .toBeTrue();
      socket.destroy();
      await served(port);
    });
  }

  for (
    const [what, send] of [
      ["RSV bits", (it) => it.frame(1, "a", { rsv: 4 })],
      ["no mask", (it) => it.frame(1, "a", { masked: false })],
      ["an unknown opcode", (it) => it.frame(3, "a")],
      ["invalid UTF-8", (it) => it.frame(1, Uint8Array.of(0xff, 0xfe))],
      ["a continuation of nothing", (it) => it.frame(0, "a")],
      ["a ping that is too long", (it) => it.frame(9, "x".repeat(126))],
      ["a close of one byte", (it) => it.frame(8, Uint8Array.of(3))],
      ["HTTP", (it) => it.bytes("GET / HTTP/1.1\r\n\r\n")],
    ] as [string, (socket: TcpSocket) => void][]
  ) {
    test(`a frame with ${what} ends its own connection`, async () => {
      const socket = await join(port, { target });
      send(socket);
      await socket.closeCode();
      socket.destroy();
      await served(port);
    });
  }

  test("a reset during a broadcast ends its own connection, with 1006", async () => {
    const socket = await join(port, { target });
    socket.pause();
    socket.say(["req", 1, "flood", 100]);
    await Bun.sleep(50);
    socket.reset();
    await served(port);
    expect((await report(port)).closes).toContain(1006);
  });

  test("a message over the limit closes with 1009", async () => {
    const socket = await join(port, { target });
    socket.text("x".repeat(4_097));
    expect(await socket.closeCode()).toBe(1009);
    await served(port);
  });

  test("a reader that stops costs a bounded number of bytes, and is told of the gap", async () => {
    const socket = await join(port, { target });
    socket.pause();
    for (let id = 1; id <= 20; id++) socket.say(["req", id, "flood", 100]); // 20 MB
    await Bun.sleep(300);
    expect((await report(port)).stats.dropped).toBeGreaterThan(500);
    socket.resume();
    const [, gap] = await socket.next("gap");
    expect((gap as { dropped: number }).dropped).toBeGreaterThan(0);
    await socket.next("res", 20);
    socket.destroy();
    await served(port);
  });
});

function isOneOf(sockets: readonly TcpSocket[], port: number): boolean {
  return sockets.some((it) => it.port === port);
}

async function report(port: number): Promise<{
  stats: { sizes: Record<string, number>; dropped: number };
  closes: number[];
}> {
  return await (await fetch(`http://127.0.0.1:${port}/report`)).json();
}

/** Another client is served, and then nothing is left. */
async function served(port: number): Promise<void> {
  const next = await join(port, { target });
  next.say(["req", 1, "echo", "next"]);
  expect(await next.next("res", 1)).toEqual(["res", 1, "next"]);
  next.destroy();
  const end = Date.now() + 4_000;
  for (;;) {
    const { sizes } = (await report(port)).stats;
    const left = Object.entries(sizes).filter(([, size]) => size !== 0);
    if (left.length === 0) return;
    if (Date.now() > end) expect(left).toEqual([]);
    await Bun.sleep(20);
  }
}
