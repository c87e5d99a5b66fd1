import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  test,
} from "bun:test";
import { connect as connectTcp } from "node:net";
import {
  dial,
  join,
  TcpSocket,
  webSocketFrame,
} from "../helpers/tcp_socket.ts";
import { settled, until } from "../helpers/wait.ts";
import { type Place, places, type Server, startServer } from "./child.ts";

for (const place of places) describe(place, () => cases(place));

function cases(place: Place): void {
  let child: Server;
  beforeAll(async () => {
    child = await startServer(place);
  }, 60_000);
  afterAll(async () => {
    await child[Symbol.asyncDispose]();
  });

  /** After each: it lives, serves the next client, and holds nothing. */
  afterEach(async () => void await child.expectWell(), 40_000);

  const request = (id: number, text = "a") =>
    JSON.stringify(["req", id, "echo", { text }]);

  /** Sends one text and waits until the server is through with it. */
  async function after(text: string): Promise<TcpSocket> {
    const socket = await join(child.port);
    socket.text(text);
    socket.text("ping");
    await until(() => socket.pongs > 0 || socket.end || socket.gone, "a pong");
    return socket;
  }

  const depth = 100_000;
  const nested = "[".repeat(depth) + "]".repeat(depth);
  const refused: Record<string, string> = {
    "null": "null",
    "a number": "1",
    "a string": '"req"',
    "an object": "{}",
    "an empty array": "[]",
    "nothing": "",
    "a tag that is no string": "[1,2,3]",
    "a tag alone": '["req"]',
    "arrays 100 000 deep": nested,
    "brackets that never close": "[".repeat(depth),
    "an unknown tag": '["nope",1]',
    "a tag of a prototype": '["__proto__",1]',
    "a server's own tag": '["evt","message",{"n":1}]',
    "an id below 0": '["req",-1,"echo",{"text":"a"}]',
    "an id that is huge": '["req",1e300,"echo",{"text":"a"}]',
    "an id that is a text": '["req","1","echo",{"text":"a"}]',
    "a name that is an object": '["req",1,{"name":"echo"},{"text":"a"}]',
    "PING in capitals": "PING",
  };

  for (const [title, text] of Object.entries(refused)) {
    test(`${title} is answered with BAD_REQUEST and counted`, async () => {
      const before = (await child.tally()).stats.malformed;
      const socket = await after(text);
      expect((await socket.next("err", 0))[2]).toBe("BAD_REQUEST");
      expect((await child.tally()).stats.malformed).toBe(before + 1);
      socket.destroy();
    });
  }

  const answered: Record<string, [frame: string, code: string]> = {
    "a request called constructor": ['["req",1,"constructor",{}]', "NOT_FOUND"],
    "a request called __proto__": ['["req",1,"__proto__",{}]', "NOT_FOUND"],
    "a request called toString": ['["req",1,"toString",{}]', "NOT_FOUND"],
    "another role's request": ['["req",1,"secret",{"text":"a"}]', "NOT_FOUND"],
    "a topic of a prototype": ['["sub",1,"hasOwnProperty"]', "NOT_FOUND"],
    "another role's topic": ['["sub",1,"task"]', "NOT_FOUND"],
    "input 100 000 deep": [`["req",1,"echo",${nested}]`, "BAD_REQUEST"],
    "input with a polluted prototype": [
      '["req",1,"echo",{"__proto__":{"text":"a"}}]',
      "VALIDATION",
    ],
    "input that is missing": ['["req",1,"echo"]', "VALIDATION"],
    "a room that is a lone surrogate": [
      '["req",1,"join",{"room":"\\ud800"}]',
      "BAD_REQUEST",
    ],
    "a room that is too long": [
      `["req",1,"join",{"room":"${"x".repeat(300)}"}]`,
      "BAD_REQUEST",
    ],
    "a handler that throws": [
      '["req",1,"misbehave",{"text":"throw"}]',
      "INTERNAL",
    ],
    "a handler that rejects late": [
      '["req",1,"misbehave",{"text":"late"}]',
      "INTERNAL",
    ],
  };

  for (const [title, [frame, code]] of Object.entries(answered)) {
    test(`${title} is answered with ${code}`, async () => {
      const socket = await after(frame);
      expect((await socket.next("err", 1))[2]).toBe(code);
      expect(socket.end).toBeUndefined();
      socket.destroy();
    });
  }

  test("a value 10 000 deep that its schema accepts comes back or fails, alone", async () => {
    const deep = "[".repeat(10_000) + "]".repeat(10_000);
    const socket = await after(`["req",1,"keep",{"value":${deep}}]`);
    await until(() => socket.frames.length > 1 || socket.end);
    socket.say(["req", 2, "echo", { text: "a" }]);
    await socket.next("res", 2);
    socket.destroy();
  });

  test("lone surrogates and NULs in a payload cross unchanged", async () => {
    const socket = await after(
      '["req",1,"echo",{"text":"\\ud800 \\u0000 \\udfff"}]',
    );
    expect((await socket.next("res", 1))[2]).toEqual({
      text: "\ud800 \0 \udfff",
    });
    socket.destroy();
  });

  test("an id that is used twice closes with 4400", async () => {
    const socket = await join(child.port);
    const call = '["req",1,"misbehave",{"text":"never"}]';
    socket.text(`${call}\n${call}`);
    expect(await socket.closeCode()).toBe(4400);
  });

  test("a message that is too large closes with 1009", async () => {
    const socket = await join(child.port);
    socket.text(request(1, "x".repeat(300_000)));
    expect(await socket.closeCode()).toBe(1009);
  });

  test("a megabyte of line feeds is one refusal", async () => {
    const before = (await child.tally()).stats.malformed;
    const socket = await after("\n".repeat(200_000));
    expect((await child.tally()).stats.malformed).toBe(before + 1);
    socket.destroy();
  });

  const broken: Record<string, Uint8Array> = {
    "invalid UTF-8": webSocketFrame(1, Uint8Array.from([0xff, 0xfe, 0xc0])),
    "RSV bits": webSocketFrame(1, request(1), { rsv: 4 }),
    "an unmasked frame": webSocketFrame(1, request(1), { masked: false }),
    "an unknown opcode": webSocketFrame(3, request(1)),
    "an unknown control frame": webSocketFrame(11, ""),
    "a control frame that is too long": webSocketFrame(9, "x".repeat(126)),
    "a fragmented control frame": webSocketFrame(9, "x", { fin: false }),
    "a continuation of nothing": webSocketFrame(0, request(1)),
    "a close frame of one byte": webSocketFrame(8, "x"),
    "a close frame with a code that may not be sent": webSocketFrame(
      8,
      Uint8Array.from([1005 >> 8, 1005 & 255]),
    ),
    "a close frame whose reason is no UTF-8": webSocketFrame(
      8,
      Uint8Array.from([3, 232, 0xff, 0xff]),
    ),
    "a length of 2^63": Uint8Array.from([
      0x81,
      0xff,
      0x80,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      1,
      2,
      3,
      4,
    ]),
  };

  for (const [title, bytes] of Object.entries(broken)) {
    test(`${title} ends that connection at most`, async () => {
      const bystander = await join(child.port);
      const socket = await join(child.port);
      socket.bytes(bytes);
      socket.text("ping");
      await until(
        () => socket.end || socket.gone || socket.pongs > 0,
        "an end",
      );
      bystander.text(request(1));
      await bystander.next("res", 1);
      bystander.destroy();
      socket.destroy();
    });
  }

  test("a message in fragments, with a ping between, is one message", async () => {
    const socket = await join(child.port);
    const text = request(1, "in fragments");
    socket.frame(1, text.slice(0, 5), { fin: false });
    socket.frame(9, "between");
    socket.frame(0, text.slice(5, 9), { fin: false });
    socket.frame(0, "", { fin: false });
    socket.frame(0, text.slice(9));
    expect((await socket.next("res", 1))[2]).toEqual({ text: "in fragments" });
    socket.destroy();
  });

  test("a close frame, a cut and a reset in mid-message leave nothing", async () => {
    for (const end of ["close", "destroy", "reset"]) {
      const socket = await join(child.port);
      socket.frame(1, request(1).slice(0, 5), { fin: false });
      if (end === "close") socket.frame(8, Uint8Array.from([3, 232]));
      else if (end === "destroy") socket.destroy();
      else socket.reset();
      await settled();
      socket.destroy();
    }
    for (const end of ["destroy", "reset"] as const) {
      const socket = await join(child.port);
      socket.bytes(webSocketFrame(1, request(1)).subarray(0, 9));
      socket[end]();
    }
  });

  test(
    "a reset while authenticate is pending, then refused too, leaves nothing",
    async () => {
      // Cloudflare never tells an object of a client that went before its upgrade was answered: silence ends it.
      await using silence = place === "Durable Object"
        ? await startServer(place, { HEARTBEAT_TIMEOUT_MS: "2000" })
        : undefined;
      const { port, tally, expectWell } = silence ?? child;
      for (const name of ["slow", "slow%20and%20refused"]) {
        for (let n = 0; n < 5; n++) {
          const socket = new TcpSocket(port);
          socket.bytes(
            `GET /?name=${name} HTTP/1.1\r\nHost: localhost:${port}\r\n` +
              "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
              "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" +
              "Sec-WebSocket-Protocol: superline.v1\r\n\r\n",
          );
          if (n % 2) await tally(); // by then the server asks who it is
          await settled();
          socket.reset();
        }
      }
      await expectWell();
    },
    40_000,
  );

  test("a reset during a handler, a hook and a broadcast leaves nothing", async () => {
    for (const how of ["late", "never", "broadcast", "close", "refuse"]) {
      const bystander = await join(child.port);
      const socket = await join(child.port, {
        target: "/?name=disconnect%20throws%20late",
      });
      socket.say(["req", 1, "misbehave", { text: how }], [
        "sub",
        2,
        "presence",
      ]);
      if (how === "broadcast") await bystander.next("evt");
      await settled();
      socket.reset();
      bystander.say(["req", 1, "echo", { text: "a" }]);
      await bystander.next("res", 1);
      bystander.destroy();
    }
    for (let n = 0; n < 5; n++) {
      const socket = await dial(child.port, {
        target: "/?name=hook%20throws%20late",
      });
      if (n % 2) socket.reset();
      else expect(await socket.closeCode()).toBe(1011);
    }
  });

  test("frames before hi close with 4400", async () => {
    const socket = await dial(child.port, { target: "/?name=late%20hi" });
    socket.text(request(1));
    expect(await socket.closeCode()).toBe(4400);
    expect(socket.frames).toEqual([]);
  });

  test("frames in the same packet as the upgrade request close with 4400 or are answered", async () => {
    const socket = new TcpSocket(child.port);
    const head =
      `GET /?name=ada HTTP/1.1\r\nHost: localhost:${child.port}\r\n` +
      "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
      "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" +
      "Sec-WebSocket-Protocol: superline.v1\r\n\r\n";
    socket.bytes(
      Buffer.concat([Buffer.from(head), webSocketFrame(1, request(1))]),
    );
    await until(
      () => socket.end || socket.gone || socket.frames.length > 1,
      "an end",
    );
    socket.destroy();
  });

  test("half an HTTP request, and bytes that are none, leave nothing", async () => {
    for (
      const bytes of [
        "GET / HTTP/1.1\r\nHost:",
        "\0\0\0\0",
        "GET // HTTP/1.1\r\n\r\n",
        "GET * HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
      ]
    ) {
      const socket = connectTcp({ port: child.port, host: "127.0.0.1" });
      socket.on("error", () => {});
      socket.write(bytes);
      await settled();
      socket.destroy();
    }
  });

  test("a flood of the WebSocket's own pings is answered or ends that connection", async () => {
    const socket = await join(child.port);
    for (let n = 0; n < 5_000; n++) socket.frame(9, "x");
    socket.text(request(1));
    await until(
      () =>
        socket.end || socket.gone ||
        socket.frames.some(([tag]) => tag === "res"),
      "an end",
    );
    socket.destroy();
  });

  test(
    "floods of pings, frames and connections end in a refusal under the default limits",
    async () => {
      await using limited = await startServer(place, {
        FRAMES_PER_SECOND: "200",
        FRAME_BURST: "400",
      });
      const pings = await join(limited.port);
      for (let n = 0; n < 3_000; n++) pings.text("ping");
      // Deno resets a connection whose peer still sends, and the close frame may be lost with it.
      const endings = place === "Deno" ? [1008, 1006] : [1008];
      if (place === "Durable Object") { // Cloudflare answers them, and does not wake the object
        await until(() => pings.pongs === 3_000, "all pongs", 20_000);
      } else expect(endings).toContain(await pings.closeCode());
      pings.destroy();
      const frames = await join(limited.port);
      for (let n = 1; n < 3_000; n++) frames.text(request(n));
      expect(endings).toContain(await frames.closeCode());
      if (place !== "Deno") {
        expect(frames.frames.some((f) => f[2] === "RATE_LIMITED")).toBe(true);
      }
      const many = await Promise.all(
        Array.from({ length: 200 }, () => dial(limited.port)),
      );
      for (const socket of many) socket.reset();
      await limited.expectWell();
    },
    60_000,
  );

  test("after all of this the process is well", async () => {
    const { reported } = await child.expectWell();
    expect(reported.some((line) => line.includes("late"))).toBe(true);
  });
}
