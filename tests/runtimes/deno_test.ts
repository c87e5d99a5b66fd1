/** Deno's sharp edges, each on a real `deno`: whatever happens around an upgrade, the next client is served. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect as connectTcp } from "node:net";
import { dial, join, type TcpSocket } from "../helpers/tcp_socket.ts";
import { type Running, start } from "./host.ts";
import { denoProgram } from "./places.ts";

let host: Running;
let port: number;

beforeAll(async () => {
  host = start([
    ...denoProgram("run"),
    "tests/runtimes/deno_edges.ts",
    "listen",
  ]);
  port = await host.port;
}, 40_000);

afterAll(() => host?.[Symbol.asyncDispose]());

const at = (path: string, params = "") => ({
  target: `/${path}?role=user&name=ada${params}`,
});

/** Another client is served, on the same listener, and then nothing is left. */
async function served(): Promise<void> {
  const next = await join(port, at("plain"));
  next.say(["req", 1, "echo", "next"]);
  expect(await next.next("res", 1)).toEqual(["res", 1, "next"]);
  next.frame(8, "");
  await next.closeCode();
  const end = Date.now() + 4_000;
  for (;;) {
    const { stats: { sizes } } = await report();
    const left = Object.entries(sizes).filter(([, size]) => size !== 0);
    if (left.length === 0) return;
    if (Date.now() > end) expect(left).toEqual([]);
    await Bun.sleep(20);
  }
}

async function report(): Promise<{
  stats: { sizes: Record<string, number>; dropped: number };
  closes: number[];
}> {
  return await (await fetch(`http://127.0.0.1:${port}/report`)).json();
}

async function echoes(socket: TcpSocket): Promise<void> {
  await socket.next("hi");
  socket.say(["req", 1, "echo", "here"]);
  expect(await socket.next("res", 1)).toEqual(["res", 1, "here"]);
  socket.destroy();
}

describe("after the upgrade, the listener outlives", () => {
  for (const name of ["throws", "rejects"]) {
    test(`onConnection that ${name}, and onDisconnect and onError that throw`, async () => {
      const socket = await dial(port, { target: `/x?role=user&name=${name}` });
      expect(await socket.closeCode()).toBe(1011);
      await served();
    });
  }

  for (
    const [path, what] of [
      ["replaced", "middleware that replaces c.res"],
      ["emptied", "middleware that takes c.res away"],
      ["thrown", "middleware that throws"],
      ["read", "middleware that reads the request, which Deno has closed"],
    ] as const
  ) {
    test(`${what}, and the socket works`, async () => {
      await echoes(await dial(port, at(path)));
      await served();
    });
  }

  test("middleware that wraps c.res, and its headers arrive", async () => {
    const socket = await dial(port, at("wrapped"));
    expect(socket.head).toContain("x-wrapped: yes");
    expect(socket.head).toContain("x-header: yes");
    expect(socket.head.toLowerCase()).toContain(
      "sec-websocket-protocol: superline.v1",
    );
    await echoes(socket);
    await served();
  });

  test("middleware that answers while the login is under way", async () => {
    const socket = await dial(port, at("late", "&wait=200"));
    expect(socket.status).toBe(504);
    socket.destroy();
    await Bun.sleep(300); // the login ends meanwhile
    await served();
  });
});

describe("what cannot be upgraded costs that client only", () => {
  for (const path of ["cloned", "rebuilt"]) {
    test(`a ${path} request`, async () => {
      const socket = await dial(port, at(path));
      socket.destroy(); // with 101 it would be a broken one: Deno does not refuse copies
      await served();
    });
  }

  test("a client that is gone before its login ends", async () => {
    for (const how of ["destroy", "reset"] as const) {
      const gone = connectTcp({ port, host: "127.0.0.1" });
      gone.on("error", () => {});
      gone.write(
        `GET /plain?role=user&wait=100 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: superline.v1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
      );
      await Bun.sleep(40); // the login is under way
      if (how === "reset") gone.resetAndDestroy();
      else gone.destroy();
    }
    await served();
  });

  for (const target of ["//", "*", "//?role=user", "/%", "/\u00e9"]) {
    test(`the request target ${target}`, async () => {
      const socket = await dial(port, { target });
      expect(socket.gone || socket.status >= 101).toBeTrue();
      socket.destroy();
      await served();
    });
  }

  test("malformed frames", async () => {
    for (
      const malformed of [
        (it: TcpSocket) => it.frame(1, "a", { rsv: 4 }),
        (it: TcpSocket) => it.frame(3, "a"),
        (it: TcpSocket) => it.frame(1, Uint8Array.of(0xff, 0xfe)),
        (it: TcpSocket) => it.frame(0, "a"),
        (it: TcpSocket) => it.frame(9, "x".repeat(126)),
        (it: TcpSocket) => it.frame(8, Uint8Array.of(3)),
        (it: TcpSocket) => it.bytes("GET / HTTP/1.1\r\n\r\n"),
      ]
    ) {
      const socket = await join(port, at("plain"));
      malformed(socket);
      await socket.closeCode();
      socket.destroy();
    }
    const unmasked = await join(port, at("plain"));
    unmasked.frame(1, "null", { masked: false }); // Deno takes it
    expect((await unmasked.next("err", 0))[2]).toBe("BAD_REQUEST");
    unmasked.destroy();
    await served();
  });
});

describe("what Deno tells of a socket", () => {
  test("a cut connection closes with 1006, once", async () => {
    const before = (await report()).closes.length;
    const socket = await join(port, at("plain"));
    socket.reset();
    await served();
    const closes = (await report()).closes.slice(before);
    expect(closes).toEqual([1006, expect.any(Number)]); // and the next client's
  });

  test("a refusal comes from inside open, with code and reason", async () => {
    const refused = await dial(port, { target: "/plain?name=nobody" });
    expect(await refused.closeCode()).toBe(4401);
    expect(refused.end?.reason).toBe("Log in");
    const broken = await dial(port, { target: "/plain?name=broken" });
    expect(await broken.closeCode()).toBe(1011);
    expect([...refused.messages, ...broken.messages]).toEqual([]);
    await served();
  });

  test("nothing is sent before open: hi comes first, then what onConnection sent", async () => {
    const socket = await join(port, at("plain"));
    await socket.next("evt");
    expect(socket.frames.map(([tag]) => tag)).toEqual(["hi", "evt"]);
    socket.destroy();
  });

  test("a message over our own limit closes with 1009, long before Deno's 64 MB", async () => {
    const socket = await join(port, at("plain"));
    socket.text("x".repeat(4_097));
    expect(await socket.closeCode()).toBe(1009);
    await served();
  });

  test("a reader that stops costs a bounded number of bytes, and is told of the gap", async () => {
    const socket = await join(port, at("plain"));
    socket.pause();
    for (let id = 1; id <= 20; id++) socket.say(["req", id, "flood", 100]); // 20 MB
    await Bun.sleep(300);
    const { stats } = await report();
    expect(stats.dropped).toBeGreaterThan(500);
    socket.resume();
    const [, gap] = await socket.next("gap");
    expect((gap as { dropped: number }).dropped).toBeGreaterThan(0);
    await socket.next("res", 20);
    socket.destroy();
    await served();
  });
});

test(
  "where Deno's private way is out of reach, refusals are HTTP and closing peers are bounded",
  async () => {
    await using hidden = start([
      ...denoProgram("run"),
      "tests/runtimes/deno_closing.ts",
    ]);
    const port = await hidden.port;
    const target = "/?role=user";
    const refused = await dial(port, {
      target,
      headers: { Origin: "http://evil.test" },
    });
    expect(refused.status).toBe(403);
    const deaf = await Promise.all(
      Array.from({ length: 5 }, () => join(port, { target, deaf: true })),
    );
    for (const socket of deaf) socket.say(["req", 1, "end", "now"]);
    for (const socket of deaf) expect(await socket.closeCode()).toBe(4000);
    await Bun.sleep(300); // longer than closeTimeoutMs: nothing can cut them
    expect((await dial(port, { target })).status).toBe(503);
    const stats = await (await fetch(`http://127.0.0.1:${port}/report`)).json();
    expect(stats.sizes.closing).toBe(5);
    expect(stats.refusals).toMatchObject({ origin: 1, maxClosing: 1 });
    for (const socket of deaf) socket.destroy();
    const end = Date.now() + 4_000;
    let next = await dial(port, { target });
    while (next.status === 503 && Date.now() < end) {
      await Bun.sleep(20);
      next = await dial(port, { target });
    }
    await next.next("hi");
  },
  40_000,
);

test("export default srv is served by deno serve", async () => {
  await using served = start([
    ...denoProgram("serve"),
    "--host=127.0.0.1",
    "--port=0",
    "tests/runtimes/deno_default.ts",
  ]);
  const port = await served.port;
  await echoes(await dial(port, at("any")));
  const plain = await fetch(`http://127.0.0.1:${port}/`);
  expect(plain.status).toBe(426);
}, 40_000);
