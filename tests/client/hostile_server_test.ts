import { expect, test } from "bun:test";
import { createClient } from "../../src/client/client.ts";
import { api } from "../helpers/api.ts";
import type { Fields } from "../helpers/peer.ts";
import { createScript } from "../helpers/scripted.ts";
import { random } from "../hostile/mutants.ts";
import { until, within } from "../helpers/wait.ts";

const odd: unknown[] = [
  null,
  undefined,
  true,
  0,
  -1,
  1,
  1.5,
  "",
  "message",
  "presence",
  "__proto__",
  [],
  {},
  { toString: 1 },
  { valueOf: 1, toString: null },
  { then: 1 },
  { n: 1 },
  { withinMs: "soon" },
  { dropped: -1 },
  "x".repeat(2_000),
];
const tags = [
  "evt",
  "pub",
  "res",
  "err",
  "gap",
  "hi",
  "req",
  "sub",
  "",
  "__proto__",
  "next",
];

test("frames of any kind from a server never throw out of the client, and it works on", async () => {
  const next = random(7);
  const pick = <T>(list: readonly T[]): T =>
    list[Math.floor(next() * list.length)] as T; // never empty
  const script = createScript();
  const errors: unknown[] = [];
  const client = createClient(api, {
    url: "ws://app.test/",
    role: "user",
    WebSocket: script.WebSocket,
    onError: (error) => errors.push(error),
  });
  client.on("message", () => {});
  client.onGap(() => {});
  client.subscribe("presence", () => {}, { onError: () => {} });
  const socket = await script.dialled(0);
  socket.hi();
  for (let n = 0; n < 20_000; n++) {
    const fields = Array.from(
      { length: Math.floor(next() * 5) },
      () => pick(odd),
    );
    const text = JSON.stringify([pick(tags), ...fields] as Fields);
    const cut = Math.floor(next() * text.length);
    const kind = next();
    if (kind < 0.6) socket.text(text);
    else if (kind < 0.8) socket.text(text.slice(0, cut) + text.slice(cut + 1));
    else if (kind < 0.9) socket.text(`${text}\n${text.slice(cut)}`);
    else {
      const bytes = Uint8Array.from({ length: cut % 60 }, () => next() * 256);
      socket.onmessage?.({ data: bytes.buffer });
    }
  }
  expect(errors.length).toBeGreaterThan(1_000);
  expect(client.state).toBe("open");
  const call = client.echo({ text: "still here" });
  await until(() => socket.frames.some(([tag]) => tag === "req"));
  const id = socket.frames.find(([tag]) => tag === "req")?.[1];
  socket.receive(["res", id, { text: "still here" }]);
  expect(await within(call)).toEqual({ text: "still here" });
  client.close();
});

test("away of any kind never throws, and the client comes back", async () => {
  for (
    const how of [undefined, null, 5, { withinMs: "soon" }, { withinMs: -1 }, {
      withinMs: {},
    }]
  ) {
    const script = createScript();
    const client = createClient(api, {
      url: "ws://app.test/",
      role: "user",
      WebSocket: script.WebSocket,
      reconnectBaseMs: 1,
    });
    (await script.dialled(0)).hi();
    script.sockets[0]?.receive(["away", how]);
    (await script.dialled(1)).hi();
    expect(client.state).toBe("open");
    client.close();
  }
});
