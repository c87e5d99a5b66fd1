import { expect, test } from "bun:test";
import { createClient } from "../../src/client/client.ts";
import { api, createTestServer, leftOver } from "../helpers/api.ts";
import { createScript } from "../helpers/scripted.ts";
import { serve } from "../helpers/serve.ts";
import { rejection, settled, until, within } from "../helpers/wait.ts";

const moments = {
  "before the dial": () => {},
  "during the dial": async () => await settled(),
  "between open and hi": async (script: ReturnType<typeof createScript>) =>
    (await script.dialled(0)).open(),
  "with calls pending": async (script: ReturnType<typeof createScript>) => {
    (await script.dialled(0)).hi({ maxInFlight: 1 });
    await settled();
  },
  "while away drains": async (script: ReturnType<typeof createScript>) => {
    const socket = await script.dialled(0);
    socket.hi({ maxInFlight: 1 });
    await settled();
    socket.receive(["away", { withinMs: 60_000 }]);
  },
  "during back-off": async (script: ReturnType<typeof createScript>) => {
    (await script.dialled(0)).end(1006);
    await settled();
  },
} as const;

for (const [title, act] of Object.entries(moments)) {
  test(`close ${title} settles all that is pending, and dials no more`, async () => {
    const script = createScript();
    const client = createClient(api, {
      url: "ws://app.test/",
      role: "user",
      WebSocket: script.WebSocket,
      reconnectBaseMs: 5,
    });
    const { ready } = client;
    ready.catch(() => {});
    const calls = [client.run({ key: "a" }), client.run({ key: "b" })];
    const outcomes = Promise.allSettled(calls);
    const sub = client.subscribe("presence", () => {});
    await act(script);
    client.close();
    client.close();
    for (const outcome of await within(outcomes)) {
      expect(outcome).toMatchObject({ reason: { code: "DISCONNECTED" } });
    }
    expect(await rejection(sub.ready)).toMatchObject({ code: "DISCONNECTED" });
    expect(await rejection(client.ready)).toMatchObject({
      code: "DISCONNECTED",
    });
    const dials = script.sockets.length;
    for (const socket of script.sockets) socket.hi();
    for (const socket of script.sockets) socket.end(1006);
    await settled();
    expect(client.state).toBe("closed");
    expect(client.id).toBeUndefined();
    expect(script.sockets.length).toBe(dials);
  });
}

test("what was sent in the turn of close still leaves", async () => {
  const rooms: string[] = [];
  const { srv } = createTestServer({}, {
    typing: ({ room }) => void rooms.push(room),
  });
  await using running = serve(srv, srv);
  const client = createClient(api, { url: running.url, role: "user" });
  await within(client.ready);
  client.typing({ room: "last" });
  client.close();
  await until(() => rooms.length === 1);
  await until(() => Object.keys(leftOver(srv)).length === 0);
});

test("a client is disposable", async () => {
  const { srv } = createTestServer();
  await using running = serve(srv, srv);
  {
    using client = createClient(api, { url: running.url, role: "user" });
    expect(await client.echo({ text: "a" })).toEqual({ text: "a" });
  }
  await until(() => srv.stats().connections === 0);
});

/** What a child does with a client until it closes it; it must then end by itself. */
const programs = {
  "while it is open": `await client.ready;`,
  "during the dial": ``,
  "during back-off": `client.onStatus(() => {}); await new Promise((resolve) =>
    client.onStatus(({ state }) => state === "waiting" && resolve())); `,
  "with calls pending":
    `client.run({ key: "x" }).catch(() => {}); await client.ready;`,
  "after away":
    `await client.ready; client.run({ key: "away" }).catch(() => {});
    await new Promise((resolve) => client.on("message", resolve));`,
  "with a subscription that hit a limit": `await client.ready;
    client.subscribe("presence", () => {});
    client.subscribe("news", () => {});
    for (let n = 0; n < 3; n++) await client.echo({ text: "the refusal came before" });`,
};

for (const [title, program] of Object.entries(programs)) {
  test(`a process that closes its client ${title} ends by itself`, async () => {
    const made = createTestServer({ limits: { maxSubscriptions: 1 } }, {
      run: ({ key }, _ctx, conn) => {
        if (key === "away") {
          void made.srv.close({ drainMs: 600_000 });
          conn.emit("message", { n: 1 });
        }
        return new Promise(() => {});
      },
    });
    const running = serve(made.srv);
    const url = title === "during back-off"
      ? "ws://127.0.0.1:1/" // a port that nobody listens at
      : running.url;
    const script = `
      import { createClient } from "./src/client/client.ts";
      import { api } from "./tests/helpers/api.ts";
      const client = createClient(api, { url: ${
      JSON.stringify(url)
    }, role: "user",
        reconnectBaseMs: 60_000, onError: () => {} });
      client.ready.catch(() => {});
      ${program}
      client.close();
      console.log("closed");
    `;
    const child = Bun.spawn([process.execPath, "-e", script], {
      cwd: `${import.meta.dir}/../..`,
      stdout: "pipe",
      stderr: "pipe",
    });
    try {
      const { value } = await within(child.stdout.getReader().read(), 8_000);
      expect(new TextDecoder().decode(value).trim()).toBe("closed");
      expect(await within(child.exited, 800)).toBe(0); // the shortest timer that may be left is of one second
    } finally {
      child.kill();
      await running.server.stop(true);
    }
  }, 12_000);
}
