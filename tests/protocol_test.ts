// PROTOCOL.md, held against the library: its conversations are played with a live server over a raw WebSocket, and with
// the client over one that plays the server's part.
import { decode, encode } from "@msgpack/msgpack";
import { afterEach, describe, expect, test } from "bun:test";
import { z } from "zod";
import {
  CloseCode,
  createSocketServer,
  defineContract,
  type Serializer,
  SocketError,
} from "../mod.ts";
import { createClient } from "../src/client/client.ts";
import { comebackAfter } from "../src/wire/close_codes.ts";
import { PROTOCOL, read } from "../src/wire/protocol.ts";
import { createSettings } from "../src/server/options.ts";
import type { Data } from "../src/wire/bytes.ts";
import type { Socket } from "../src/seams/socket.ts";
import { offeredToken, tokenProtocol } from "../src/wire/token.ts";
import {
  blocks,
  conversation,
  pattern,
  type Step,
  table,
} from "./helpers/protocol_page.ts";
import { rejection, until, within } from "./helpers/wait.ts";

const text: Serializer = {
  name: "text",
  encode: (value) => JSON.stringify(value),
  decode: (data) => JSON.parse(data as string),
};
const msgpack: Serializer = {
  name: "msgpack",
  encode: (value) => encode(value),
  decode: (data) => decode(data as Uint8Array),
};
const expiresAt = Date.UTC(2100, 0, 1);

/** The contract that the page's conversations are of. */
const contractWith = (serializer?: Serializer) =>
  defineContract({
    shared: {
      clientToServer: {
        typing: { input: z.object({ room: z.string() }) },
        join: {
          input: z.object({ room: z.string() }),
          output: z.object({ ok: z.boolean() }),
        },
        leave: { input: z.undefined(), output: z.undefined() },
        wait: { input: z.undefined(), output: z.undefined() },
        spell: {
          input: z.object({ word: z.string() }),
          yields: z.string(),
          output: z.object({ letters: z.number() }),
          errors: { NOT_A_LETTER: z.object({ found: z.string() }) },
        },
      },
      serverToClient: {
        message: { payload: z.object({ from: z.string(), text: z.string() }) },
        presence: {
          payload: z.object({ room: z.string(), count: z.number() }),
          subscribe: true,
        },
        order: {
          payload: z.object({ state: z.string() }),
          subscribe: true,
          params: z.object({ id: z.string() }),
        },
        trade: {
          payload: z.object({ price: z.number() }),
          subscribe: true,
          params: z.object({ symbol: z.string() }),
          keep: { last: 10 },
          snapshot: z.array(z.number()),
        },
        confirm: {
          input: z.object({ text: z.string() }),
          output: z.object({ ok: z.boolean() }),
        },
        guess: { input: z.undefined(), output: z.undefined() },
      },
    },
    roles: {
      user: {
        clientToServer: {
          say: {
            input: z.object({ room: z.string(), text: z.string() }),
            output: z.object({ id: z.string() }),
          },
          book: {
            input: z.object({ seats: z.number() }),
            output: z.object({ ok: z.boolean() }),
          },
        },
      },
      agent: {
        serverToClient: {
          task: { payload: z.object({ prompt: z.string() }), subscribe: true },
        },
      },
    },
    ...(serializer && { serializer }),
  });

const createServer = (serializer?: Serializer) => {
  let said = 0;
  const srv = createSocketServer(contractWith(serializer), {
    authenticate: () => ({ role: "user", ctx: "ada", expiresAt }),
    authorizeSubscribe: () => Promise.resolve(true),
    refresh: (token) => {
      expect(token).toBe("a new token");
      return { role: "user", expiresAt };
    },
  });
  srv.implement({
    shared: {
      typing: ({ room }) => srv.publish("presence", { room, count: 1 }),
      join: async ({ room }, _ctx, conn) => {
        await srv.room(room).add(conn);
        return { ok: true };
      },
      leave: () => undefined,
      wait: (_input, _ctx, _conn, { signal }) =>
        new Promise((resolve) =>
          signal.addEventListener("abort", () => resolve(undefined))
        ),
      *spell({ word }, _ctx, _conn, call) {
        for (const letter of word) {
          if (/\d/.test(letter)) {
            throw call.error(
              "NOT_A_LETTER",
              { found: letter },
              `${letter} is none`,
            );
          }
          yield letter;
        }
        return { letters: word.length };
      },
    },
    user: {
      say: ({ room, text }, from) => {
        srv.room(room).broadcast("message", { from, text });
        return { id: `m${++said}` };
      },
      book: () => {
        throw new SocketError("SOLD_OUT", "No seat is left", {
          waitingList: 12,
        });
      },
    },
  });
  return srv;
};

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A WebSocket as any language has it: whole messages in and out. */
function dial(url: string | URL, protocols: string[]) {
  const socket = new WebSocket(url, protocols);
  socket.binaryType = "arraybuffer";
  const inbox: Data[] = [];
  const { promise: closed, resolve } = Promise.withResolvers<CloseEvent>();
  socket.onclose = resolve;
  socket.onmessage = ({ data }) =>
    inbox.push(typeof data === "string" ? data : new Uint8Array(data));
  ends.push(() => socket.close());
  const next = async () => {
    await until(() => inbox.length > 0, "a message");
    return inbox.shift();
  };
  return { socket, inbox, next, closed: within(closed, 10_000) };
}

function serve(srv: ReturnType<typeof createServer>): URL {
  const bun = Bun.serve({
    port: 0,
    fetch: srv.fetch,
    websocket: srv.websocket,
  });
  ends.push(() => bun.stop(true), () => srv.close());
  return new URL(`ws://localhost:${bun.port}/?role=user`);
}

function expectMessage(message: Data | undefined, { data, lines }: Step): void {
  if (typeof data !== "string") return expect(message).toEqual(data);
  expect(typeof message).toBe("string");
  const frames = (message as string).split("\n");
  expect(frames).toHaveLength(lines.length);
  for (const [at, line] of lines.entries()) {
    expect(frames[at]).toMatch(pattern(line));
  }
}

const conversations = [
  { heading: "A conversation", serializer: undefined },
  { heading: "Text payloads", serializer: text },
  { heading: "Binary payloads", serializer: msgpack },
];

describe("the page's conversation", () => {
  test.each(conversations)(
    "$heading is what a live server says",
    async ({ heading, serializer }) => {
      const srv = createServer(serializer);
      const peer = dial(serve(srv), [PROTOCOL]);
      const steps = conversation(heading);
      expect(steps.length).toBeGreaterThan(4);
      let closing: Promise<void> | undefined;
      for (const step of steps) {
        if (step.from === "client") {
          peer.socket.send(step.data as Uint8Array<ArrayBuffer>);
          continue;
        }
        if (step.lines[0]?.includes('"away"')) {
          closing = srv.close({ drainMs: 200 });
        }
        expectMessage(await peer.next(), step);
      }
      expect(peer.inbox).toEqual([]);
      if (!closing) return;
      await closing;
      expect((await peer.closed).code).toBe(CloseCode.restart);
    },
  );

  test.each(conversations)(
    "$heading is what a client says",
    async ({ heading, serializer }) => {
      const steps = conversation(heading);
      // From here on the page's client does what the library's never would.
      const end = steps.findIndex(({ lines }) => lines[0]?.includes("shout"));
      const script = new Script(end < 0 ? steps : steps.slice(0, end));
      const client = createClient(contractWith(serializer), {
        url: "ws://app.test",
        role: "user",
        WebSocket: script.WebSocket,
      });
      ends.push(() => client.close());
      await client.ready;

      const message = new Promise((resolve) => client.on("message", resolve));
      const words = heading === "A conversation" ? "two\nlines" : "hi";
      expect(await client.join({ room: "lobby" })).toEqual({ ok: true });
      expect(await client.say({ room: "lobby", text: words }))
        .toEqual({ id: "m1" });
      expect(await message).toEqual({ from: "ada", text: words });
      if (serializer === msgpack) {
        await client.leave();
        await rejection(client.book({ seats: 3 }));
        return script.expectDone();
      }

      const presence = new Promise((resolve) => {
        const subscription = client.subscribe("presence", (payload) => {
          resolve(payload);
          subscription();
        });
        subscription.ready.then((joined) => {
          expect(joined).toEqual({ live: true });
          client.typing({ room: "lobby" });
        });
      });
      expect(await presence).toEqual({ room: "lobby", count: 1 });
      await script.said(5);
      expect(await client.leave()).toBeUndefined();
      if (serializer === undefined) {
        const controller = new AbortController();
        const waiting = client.wait(undefined, { signal: controller.signal });
        await script.said(7);
        controller.abort("enough");
        expect(await rejection(waiting)).toBe("enough");
        await script.said(8);
        const wrong = { room: "lobby" } as { room: string; text: string };
        expect(await rejection(client.say(wrong))).toMatchObject({
          code: "VALIDATION",
          data: { issues: [{ path: ["text"] }] },
        });
      }
      expect(await rejection(client.book({ seats: 3 }))).toMatchObject({
        code: "SOLD_OUT",
        message: "No seat is left",
        data: { waitingList: 12 },
      });
      script.expectDone();
    },
  );

  test("A question is what a live server asks", async () => {
    const srv = createServer();
    const peer = dial(serve(srv), [PROTOCOL]);
    const [hi, ...steps] = conversation("A question");
    expectMessage(await peer.next(), hi as Step);
    const [conn] = srv.local.connections;
    const outcomes = [];
    for (const step of steps) {
      if (step.from === "client") peer.socket.send(step.data as string);
      else if (step.lines[0]?.startsWith('["req"')) {
        const [, , name, input] = JSON.parse(step.lines[0]);
        const slow = input?.text === "Slow?";
        const asked = srv.toConn(conn?.id ?? "").request(
          name as "confirm",
          input,
          {
            timeoutMs: slow ? 50 : 10_000,
          },
        );
        outcomes.push(Promise.resolve(asked).catch((error) => error));
        expectMessage(await peer.next(), step);
      } else expectMessage(await peer.next(), step);
    }
    expect(await Promise.all(outcomes)).toMatchObject([
      { ok: true },
      { code: "BUSY", data: { inMs: 500 } },
      { code: "NOT_FOUND" },
      { code: "TIMEOUT" },
    ]);
    expect(peer.inbox).toEqual([]);
  });

  test("Topics with parameters is what a live server says", async () => {
    const srv = createServer();
    const peer = dial(serve(srv), [PROTOCOL]);
    for (const step of conversation("Topics with parameters")) {
      if (step.from === "client") peer.socket.send(step.data as string);
      else {
        if (step.lines[0]?.startsWith('["pub"')) {
          srv.publish("order", { id: "42" }, { state: "packed" });
        }
        expectMessage(await peer.next(), step);
      }
    }
    expect(peer.inbox).toEqual([]);
  });

  test("A kept topic is what a live server says", async () => {
    const srv = createServer();
    const prices: number[] = [];
    srv.snapshot("trade", () => prices);
    const peer = dial(serve(srv), [PROTOCOL]);
    for (const step of conversation("A kept topic")) {
      if (step.from === "client") peer.socket.send(step.data as string);
      else {
        if (step.lines[0]?.startsWith('["pub"')) {
          prices.push(10);
          await srv.publish("trade", { symbol: "A" }, { price: 10 });
        }
        expectMessage(await peer.next(), step);
      }
    }
    expect(peer.inbox).toEqual([]);
  });

  test("Topics with parameters is what a client says", async () => {
    const steps = conversation("Topics with parameters");
    const end = steps.findIndex(({ lines }) =>
      lines[0] === '["sub",2,"order"]'
    );
    const script = new Script(steps.slice(0, end));
    const client = createClient(contractWith(), {
      url: "ws://app.test",
      role: "user",
      WebSocket: script.WebSocket,
    });
    ends.push(() => client.close());
    const got = new Promise((resolve) => {
      const sub = client.subscribe("order", { id: "42" }, (payload) => {
        resolve(payload);
        sub();
      });
    });
    expect(await got).toEqual({ state: "packed" });
    await script.said(2);
    script.expectDone();
  });

  const streams = [
    { heading: "A streamed answer", serializer: undefined },
    { heading: "A streamed answer in blocks", serializer: msgpack },
  ];

  test.each(streams)(
    "$heading is what a live server says",
    async ({ heading, serializer }) => {
      const peer = dial(serve(createServer(serializer)), [PROTOCOL]);
      for (const step of conversation(heading)) {
        if (step.from === "client") {
          peer.socket.send(step.data as Uint8Array<ArrayBuffer>);
        } else expectMessage(await peer.next(), step);
      }
      expect(peer.inbox).toEqual([]);
    },
  );

  test.each(streams)(
    "$heading is what a client says",
    async ({ heading, serializer }) => {
      const steps = conversation(heading);
      // A client that was told of the end asks for nothing more.
      const end = steps.findIndex(({ lines }) => lines[0] === '["more",3,1]');
      const script = new Script(end < 0 ? steps : steps.slice(0, end));
      const client = createClient(contractWith(serializer), {
        url: "ws://app.test",
        role: "user",
        WebSocket: script.WebSocket,
      });
      ends.push(() => client.close());
      await client.ready;
      const spell = async (word: string, most = Infinity) => {
        let letters = "";
        const answer = client.spell({ word });
        for await (const letter of answer) {
          letters += letter;
          if (letters.length === most) break;
        }
        return [letters, await answer.result.catch(({ code }) => code)];
      };
      expect(await spell("go")).toEqual(["go", { letters: 2 }]);
      if (!serializer) {
        const alphabet = "abcdefghijklmnopqrstuvwxyz";
        // One more is read, so that it has not asked for the last eight.
        await spell(alphabet, 15);
        expect(await rejection(spell("b4"))).toMatchObject({
          code: "NOT_A_LETTER",
          data: { found: "4" },
        });
      }
      script.expectDone();
    },
  );

  test("A question is what a client answers", async () => {
    const script = new Script(conversation("A question"));
    const aborted = Promise.withResolvers<void>();
    const client = createClient(contractWith(), {
      url: "ws://app.test",
      role: "user",
      WebSocket: script.WebSocket,
    });
    ends.push(() => client.close());
    client.implement({
      confirm: ({ text }, { signal }) => {
        if (text === "Pay?") {
          throw new SocketError("BUSY", "Not now", { inMs: 500 });
        }
        if (text === "Leave?") return { ok: true };
        return new Promise(() => {
          if (signal.aborted) aborted.resolve();
          signal.addEventListener("abort", () => aborted.resolve());
        });
      },
    });
    await script.said(3);
    await within(aborted.promise);
    script.expectDone();
  });

  test("holds every tag that the page's tables name", () => {
    const spoken = conversations.flatMap(({ heading }) => conversation(heading))
      .concat({ from: "server", lines: blocks("jsonl"), data: "" })
      .concat({ from: "server", lines: ['["skip",…]'], data: "" }); // of no conversation: nothing that is stored is invalid
    const rows = table("frame | meaning");
    expect(rows).toHaveLength(21);
    for (const [frame = ""] of rows) {
      const tag = /\["\w+"/.exec(frame)?.[0] ?? "?";
      expect(
        spoken.some(({ lines }) => lines.some((line) => line.includes(tag))),
      ).toBe(true);
    }
  });

  test("is read back frame by frame", () => {
    for (const { heading } of conversations) {
      for (const { data, lines } of conversation(heading)) {
        if (["ping", "pong", "hello"].includes(data as string)) continue;
        const frames = read(data);
        expect(frames).toHaveLength(lines.length);
        for (const [at, frame] of frames.entries()) {
          const line = lines[at] ?? "";
          const head = JSON.parse(
            line.startsWith("[") ? line : new TextDecoder().decode(
              Uint8Array.fromHex(line.split(" ")[1] ?? ""),
            ),
          );
          expect(frame).toMatchObject({ ok: true });
          if (frame.ok) {
            expect(frame.fields.slice(0, head.length)).toEqual(head);
          }
        }
      }
    }
  });
});

test("gap is sent once the reader keeps up, before what follows", async () => {
  const srv = createServer();
  ends.push(() => srv.close());
  const handshake = await srv.handshake(
    new Request("http://app.test/?role=user", {
      headers: { upgrade: "websocket", "sec-websocket-protocol": PROTOCOL },
    }),
  );
  if (handshake.kind !== "upgrade") throw new Error("It was refused");
  const sent: Data[] = [];
  let waiting = 0;
  const socket: Socket = {
    send: (data) => void sent.push(data),
    close: () => {},
    buffered: () => waiting,
    endOfTurn: queueMicrotask,
  };
  const events = handshake.open(socket);
  const [conn] = srv.local.connections;
  const say = async (text: string) => {
    conn?.emit("message", { from: "ada", text });
    await Promise.resolve();
  };
  await say("1");
  waiting = 2_000_000;
  await say("held"); // found to be too much when it was about to be written
  for (const text of ["lost", "lost", "lost"]) await say(text);
  waiting = 0;
  sent.length = 0;
  events.drained();
  await say("2");
  expect(sent.join("\n").split("\n").map((frame) => JSON.parse(frame)[0]))
    .toEqual(["evt", "gap", "evt"]);
  const [, gap] = blocks("jsonl");
  expect(sent.join("\n")).toContain(gap?.slice(2) ?? "?");
});

describe("the page's handshake", () => {
  const token = "s3cr€t/🔑";
  const [header = ""] = blocks("text").filter((line) =>
    line.startsWith("Sec-WebSocket-Protocol")
  );
  const offered = header.replace(/^.*: /, "").split(", ");

  test("carries its token as the page shows it", () => {
    expect(offered).toEqual([PROTOCOL, tokenProtocol(token)]);
    expect(offeredToken(offered)).toBe(token);
    expect(atob(offered[1]?.slice(16).replaceAll("-", "+") ?? ""))
      .toBe(String.fromCharCode(...new TextEncoder().encode(token)));
  });

  test("gives authenticate role, params and token, and echoes the protocol alone", async () => {
    const got: unknown[] = [];
    const srv = createSocketServer(contractWith(), {
      authenticate: (request, { token }) => {
        const { searchParams } = new URL(request.url);
        got.push(Object.fromEntries(searchParams), token);
        return { role: "user", ctx: "" };
      },
    });
    srv.implement({
      shared: {
        typing() {},
        join: () => ({ ok: true }),
        leave() {},
        wait() {},
        spell: () => [] as never,
      },
      user: { say: () => ({ id: "" }), book: () => ({ ok: true }) },
    });
    const url = new URL("?role=user&name=ada", serve(srv as never));
    const peer = dial(url, [...offered, "other"]);
    await peer.next();
    expect(got).toEqual([{ role: "user", name: "ada" }, token]);
    expect(peer.socket.protocol).toBe(PROTOCOL);
  });

  test.each([
    ["another path", 404, "/elsewhere", {
      upgrade: "websocket",
      "sec-websocket-protocol": PROTOCOL,
    }],
    ["no upgrade", 426, "/", {}],
    ["no subprotocol", 426, "/", { upgrade: "websocket" }],
    ["other subprotocols", 426, "/", {
      upgrade: "websocket",
      "sec-websocket-protocol": "superline.v2, superline.v1x",
    }],
  ])(
    "is answered over HTTP with %s: %i",
    async (_what, status, path, headers) => {
      const srv = createSocketServer(
        defineContract({ roles: { user: {} } }),
        { path: "/", authenticate: () => ({ role: "user" }) },
      ).implement({});
      const response = await srv.fetch(
        new Request(new URL(path, "http://app.test"), { headers }),
      );
      expect(response.status).toBe(status);
      expect(await response.text()).not.toBe("");
    },
  );

  test("is answered with 503 before implement and after close", async () => {
    const request = () =>
      new Request("http://app.test", {
        headers: { upgrade: "websocket", "sec-websocket-protocol": PROTOCOL },
      });
    const srv = createSocketServer(
      defineContract({
        roles: { user: { clientToServer: { ping: { input: z.null() } } } },
      }),
      { authenticate: () => ({ role: "user" }) },
    );
    expect((await srv.fetch(request())).status).toBe(503);
    srv.implement({ user: { ping: () => {} } });
    await srv.close();
    expect((await srv.fetch(request())).status).toBe(503);
  });

  test.each([
    ["UNAUTHORIZED", 4401],
    ["FORBIDDEN", 4403],
    ["BANNED", 4403],
    ["RATE_LIMITED", 1013],
    ["UNAVAILABLE", 1013],
  ])("that %s refuses is accepted and closed with %i", async (code, closed) => {
    const srv = createSocketServer(
      defineContract({ roles: { user: {} } }),
      {
        authenticate: (): { role: "user" } => {
          throw new SocketError(code, "not you");
        },
      },
    ).implement({});
    const peer = dial(serve(srv as never), [PROTOCOL]);
    const { code: got, reason } = await peer.closed;
    expect({ got, reason }).toEqual({ got: closed, reason: "not you" });
    expect(peer.inbox).toEqual([]);
  });

  test("that is followed by a frame before hi closes with 4400, and by a ping does not", async () => {
    const srv = createSocketServer(
      defineContract({ roles: { user: {} } }),
      {
        authenticate: () => ({ role: "user" }),
        onConnection: () => new Promise(() => {}),
      },
    ).implement({});
    const peer = dial(serve(srv as never), [PROTOCOL]);
    peer.socket.onopen = () => peer.socket.send("ping");
    expect(await peer.next()).toBe("pong");
    peer.socket.send('["sig","x"]');
    expect((await peer.closed).code).toBe(CloseCode.badProtocol);
  });

  test.each([
    ["another role", { role: "agent" }],
    ["another serializer", { serializer: "msgpack" }],
    ["another version", { v: 2 }],
    ["a role too long for a reason", { role: "é".repeat(200) }],
  ])("that ends in %s ends the client with 4400", async (_what, flaw) => {
    const [hi] = conversation("A conversation");
    const [, hello] = JSON.parse(hi?.lines[0] ?? "[]");
    const script = new Script([{
      from: "server",
      lines: [],
      data: JSON.stringify(["hi", { ...hello, ...flaw }]),
    }]);
    const errors: unknown[] = [];
    const client = createClient(contractWith(), {
      url: "ws://app.test",
      role: "user",
      WebSocket: script.WebSocket,
      onError: (error) => errors.push(error),
    });
    ends.push(() => client.close());
    expect(await rejection(client.ready)).toMatchObject({
      code: "DISCONNECTED",
    });
    expect(client.state).toBe("closed");
    expect(script.closed).toMatchObject({ code: 4400 });
    const bytes = new TextEncoder().encode(script.closed?.reason);
    expect(bytes.length).toBeWithin(1, 124);
    expect(errors).toEqual([]);
  });
});

describe("the page's frames", () => {
  const start = async () => {
    const peer = dial(serve(createServer()), [PROTOCOL]);
    await peer.next();
    return peer;
  };

  test("with an id in use close with 4400", async () => {
    const peer = await start();
    peer.socket.send('["req",1,"wait"]\n["req",1,"leave"]');
    expect((await peer.closed).code).toBe(4400);
  });

  test("that are malformed close with 1008 at the tenth, unknown tags and fields of another type among them", async () => {
    const peer = await start();
    const malformed = [
      '["hi"]',
      '["req",0,"leave"]',
      '["req",1.5,"leave"]',
      '["req","1","leave"]',
      '["sub",1]',
      '["unsub",1]',
      "null",
      "{}\n",
    ];
    peer.socket.send(malformed.join("\n"));
    const answers = await peer.next();
    expect((answers as string).split("\n").map((line) => JSON.parse(line)))
      .toEqual(Array(9).fill(["err", 0, "BAD_REQUEST", expect.any(String)]));
    peer.socket.send("[]");
    expect((await peer.closed).code).toBe(1008);
  });

  test("of a batch that is too large are not read, and count as one", async () => {
    const peer = await start();
    peer.socket.send(
      Array(257).fill('["sig","typing",{"room":"a"}]').join("\n"),
    );
    expect(JSON.parse(await peer.next() as string))
      .toEqual(["err", 0, "BAD_REQUEST", expect.stringContaining("256")]);
    peer.socket.send('["req",1,"leave"]');
    expect(await peer.next()).toBe('["res",1]');
  });

  test("have further elements that nobody reads", async () => {
    const peer = await start();
    peer.socket.send('["req",1,"leave",null,{"later":true}]');
    expect(JSON.parse(await peer.next() as string)[2]).toBe("VALIDATION");
    peer.socket.send('["sub",2,"presence",{"from":7}]\n["cancel",9,1]');
    expect(await peer.next()).toBe('["res",2,{"live":true}]');
  });

  test("larger than maxMessageBytes close with 1009", async () => {
    const peer = await start();
    peer.socket.send(`["sig","typing","${"x".repeat(1_048_576)}"]`);
    // Bun itself closes where its own limit is the same, without a close frame.
    expect([1006, 1009]).toContain((await peer.closed).code);
  });
});

describe("the page's table", () => {
  test("of close codes says what the library does", () => {
    const rows = table("code | meaning | the client comes back");
    const codes = rows.map(([code]) => Number(code));
    expect(codes).toEqual(Object.values(CloseCode).sort((a, b) => a - b));
    for (const [code, , comeback] of rows) {
      expect(`${code} ${comeback}`).toBe(
        `${code} ${comebackAfter(Number(code))}`,
      );
    }
    for (const other of [1003, 1015, 3000, 4000, 4999]) {
      expect(comebackAfter(other)).toBe("backoff");
    }
  });

  test("of limits has the library's defaults", () => {
    const { limits, ...rest } = createSettings({
      authenticate: () => ({ role: "a" }),
    });
    const settings = { ...rest, ...limits };
    const rows = table("option");
    expect(rows.length).toBeGreaterThan(8);
    for (const [option = "", number = ""] of rows) {
      const name = option.replaceAll("`", "");
      expect([name, settings[name as "maxRooms"]])
        .toEqual([name, Number(number.replaceAll(" ", ""))]);
    }
  });

  test("of hi names what the conversation's hi has", () => {
    const [hi] = conversation("A conversation");
    const [, hello] = JSON.parse(hi?.lines[0] ?? "[]");
    expect(table("member").map(([name]) => name?.replaceAll("`", "")))
      .toEqual(Object.keys(hello));
  });
});

/** Plays the server's part of a conversation to a client, and checks the client's. */
class Script {
  readonly WebSocket: new (url: string, protocols: string[]) => ScriptedSocket;
  closed: { code: number | undefined; reason: string | undefined } | undefined;
  readonly #steps: readonly Step[];
  #at = 0;
  #said = 0;
  #socket: ScriptedSocket | undefined;

  constructor(steps: readonly Step[]) {
    this.#steps = steps;
    const begin = (socket: ScriptedSocket) => {
      this.#socket = socket;
      setTimeout(() => {
        socket.onopen?.(undefined as never); // the event is not looked at
        this.#answer();
      });
    };
    const hear = (data: Data) => this.#hear(data);
    const end = (code?: number, reason?: string) => {
      this.closed ??= { code, reason };
    };
    this.WebSocket = class extends ScriptedSocket {
      constructor(_url: string, _protocols: string[]) {
        super(hear, end);
        begin(this);
      }
    };
  }

  /** Resolves when the client has said so many messages. */
  said(count: number): Promise<void> {
    return until(() => this.#said >= count, `${count} messages`);
  }

  expectDone(): void {
    expect(this.#steps.slice(this.#at)).toEqual([]);
  }

  #hear(data: Data): void {
    const step = this.#steps[this.#at++];
    this.#said++;
    expect({ from: "client", data }).toEqual(
      { from: step?.from, data: step?.data } as never,
    );
    this.#answer();
  }

  #answer(): void {
    while (this.#steps[this.#at]?.from === "server") {
      const data = this.#steps[this.#at++]?.data ?? "";
      this.#socket?.onmessage?.({
        data: typeof data === "string" ? data : data.slice().buffer,
      });
    }
  }
}

class ScriptedSocket {
  binaryType = "";
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;

  readonly send: (data: Data) => void;
  readonly close: (code?: number, reason?: string) => void;

  constructor(
    send: (data: Data) => void,
    close: (code?: number, reason?: string) => void,
  ) {
    this.send = send;
    this.close = close;
  }
}
