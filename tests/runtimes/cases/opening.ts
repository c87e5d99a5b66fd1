/** How a connection begins: what is agreed, who is let in, what a refusal says. */
import { assert, assertRejects } from "../../../src/testing/assert.ts";
import { tokenProtocol } from "../../../src/wire/token.ts";
import { until } from "../until.ts";
import { defineCase, lost, statusOf } from "../stage.ts";
import type { RuntimeCase } from "../subject.ts";

export const opening: readonly RuntimeCase[] = [
  defineCase(
    "drift",
    "open comes once and before any message, and hi is the first one",
    async (stage) => {
      const socket = stage.raw({ name: "greeted" });
      await socket.next("evt");
      const { happened, frames } = socket;
      assert(happened[0] === "open", String(happened));
      assert(happened.indexOf("open", 1) < 0, String(happened));
      assert(frames[0]?.[0] === "hi", socket.told());
    },
  ),
  defineCase(
    "wire",
    "the subprotocol is echoed, alone and with a token, and the token is not",
    async (stage) => {
      const plain = stage.raw();
      const token = tokenProtocol("s3cret");
      const first = stage.raw({}, ["superline.v1", token]);
      const last = stage.raw({}, [token, "other", "superline.v1"]);
      for (const socket of [plain, first, last]) {
        await socket.next("hi");
        assert(socket.protocol === "superline.v1", socket.protocol);
      }
    },
  ),
  defineCase("wire", "authenticate gets the token", async (stage) => {
    const client = await stage.user({ token: "s3cret ✓" });
    const { token } = await client.whoami({});
    assert(token === "s3cret ✓", token);
  }),
  defineCase(
    "wire",
    "a client that offers no subprotocol of ours is refused and not accepted",
    async (stage) => {
      const socket = stage.raw({}, ["other"]);
      await socket.refused();
    },
  ),
  defineCase("wire", "4401 arrives with its reason", async (stage) => {
    const socket = stage.raw({ name: "nobody" });
    const { code, reason } = await socket.closed();
    assert(code === 4401 && reason === "Log in first", socket.told());
    assert(socket.messages.length === 0, socket.told());
  }),
  defineCase(
    "wire",
    "4403 arrives with its reason, cut at a whole character",
    async (stage) => {
      const socket = stage.raw({ name: "banned" });
      const { code, reason } = await socket.closed();
      assert(code === 4403 && reason === "é".repeat(61), socket.told());
    },
  ),
  defineCase(
    "promises",
    "an address that is no URL is refused at once, or ends a client that asked for it",
    async (stage) => {
      const rule = "must start with ws:, wss:, http: or https:";
      for (const url of ["", "https://", "app.test:80", "ftp://a.test"]) {
        let thrown: unknown;
        try {
          stage.dial({ url });
        } catch (error) {
          thrown = error;
        }
        assert(thrown instanceof TypeError, `${url}: ${thrown}`);
        assert(thrown.message.includes(rule), thrown.message);
        const errors: unknown[] = [];
        const client = stage.dial({
          url: () => url,
          onError: (error) => errors.push(error),
        });
        const told = statusOf(client);
        await assertRejects(client.ready, "DISCONNECTED", 4_000, "ready");
        const { state, reason, willRetry } = await lost(told);
        assert(state === "closed" && !willRetry, JSON.stringify(told));
        assert(String(reason).includes(rule), JSON.stringify(told));
        assert(errors[0] instanceof TypeError, String(errors));
      }
    },
  ),
  defineCase(
    "wire",
    "a refused client stops, and its calls reject",
    async (stage) => {
      const client = stage.dial({ name: "nobody" });
      const told = statusOf(client);
      await assertRejects(client.ready, "DISCONNECTED", 4_000, "ready");
      await assertRejects(client.whoami({}), "DISCONNECTED", 4_000, "whoami");
      const { code, reason, willRetry } = await lost(told);
      assert(code === 4401 && reason === "Log in first", JSON.stringify(told));
      assert(!willRetry, JSON.stringify(told));
    },
  ),
  defineCase(
    "wire",
    "a login that cannot be decided now is refused for now",
    async (stage) => {
      const busy = stage.raw({ name: "busy" });
      const broken = stage.raw({ name: "broken" });
      assert((await busy.closed()).code === 1013, busy.told());
      const { code, reason } = await broken.closed();
      assert(code === 1011, broken.told());
      assert(!reason.includes("database"), reason);
      await stage.reports(
        "the error is reported",
        ({ log }) => log.some(({ kind }) => kind === "error"),
      );
    },
  ),
  defineCase(
    "promises",
    "a role that the contract lacks is refused",
    async (stage) => {
      for (const role of ["nobody", "constructor", "__proto__", ""]) {
        const socket = stage.raw({ role });
        const { code } = await socket.closed();
        assert(code === 1011 || code === 4403, `${role}: ${socket.told()}`);
      }
    },
  ),
  defineCase(
    "drift",
    "host, query and address can be read, also after the upgrade",
    async (stage) => {
      const client = await stage.user({ name: "é & ?=" });
      const { name, address, later } = await client.whoami({});
      assert(name === "é & ?=", name);
      assert(/^(::ffff:)?127\.0\.0\.1$/.test(address), address);
      assert(later === `${new URL(stage.subject.origin).host} é & ?=`, later);
    },
  ),
  defineCase(
    "drift",
    "headers that the client sets reach authenticate",
    async (stage) => {
      const WebSocket = stage.subject.withHeaders?.({
        cookie: "session=1; theme=dark",
        authorization: "Bearer t",
      });
      assert(WebSocket !== undefined, "the client has withHeaders");
      const client = await stage.user({ WebSocket });
      const { cookie, authorization } = await client.whoami({});
      assert(cookie === "session=1; theme=dark", cookie);
      assert(authorization === "Bearer t", authorization);
    },
    { needs: ["headers"] },
  ),
  defineCase(
    "drift",
    "the page's cookies reach authenticate",
    async (stage) => {
      document.cookie = `session=${stage.path.length}; path=/n`;
      // A cookie is kept by another process of the browser's: a dial at once may be without it.
      let cookie = "";
      for (let dials = 0; dials < 20 && !cookie.includes("session="); dials++) {
        const client = await stage.user();
        ({ cookie } = await client.whoami({}));
        client.close();
      }
      assert(cookie.includes(`session=${stage.path.length}`), cookie);
    },
    { needs: ["cookie"] },
  ),
  defineCase(
    "promises",
    "a dial that is refused by HTTP ends with 1006, and is tried again",
    async (stage) => {
      const told = statusOf(stage.dial());
      const { code, willRetry } = await lost(told);
      assert(code === 1006 && willRetry, JSON.stringify(told));
      const dials = () => told.filter(({ state }) => state === "connecting");
      await until(() => dials().length >= 2, () => JSON.stringify(told));
    },
    { preset: "elsewhere" },
  ),
  defineCase("wire", "onConnection is awaited before hi", async (stage) => {
    const socket = await stage.greeted({ name: "slowhook" });
    socket.say(["req", 1, "echo", { text: "a" }]);
    await socket.next("res", 1);
  }),
  defineCase(
    "promises",
    "a hook that throws ends its own connection and no other",
    async (stage) => {
      const client = await stage.user();
      const socket = stage.raw({ name: "badhook" });
      assert((await socket.closed()).code === 1011, socket.told());
      const { text } = await client.echo({ text: "here" });
      assert(text === "here", text);
      await stage.reports(
        "both hooks' errors are reported",
        ({ log }) =>
          ["onConnection", "onDisconnect"].every((name) =>
            log.some((it) => it.kind === "error" && it.name === name)
          ),
      );
    },
    { needs: ["prompt"] },
  ),
  defineCase(
    "drift",
    "aborting a dial leaves nothing, after authTimeoutMs at the latest",
    async (stage) => {
      const early = stage.raw({ name: "slow" });
      early.close();
      const late = stage.raw({ name: "slow" });
      await stage.reports("authenticate ran", ({ log }) => log.length > 0);
      late.close();
      const client = await stage.user();
      assert((await client.echo({ text: "next" })).text === "next", "echo");
      await stage.reports(
        "only the next client is there",
        ({ sizes }) => sizes["sessions"] === 1 && sizes["handshakes"] === 0,
      );
    },
    { preset: "small" },
  ),
  defineCase(
    "drift",
    "a dial that is aborted during authenticate is told to it at once",
    async (stage) => {
      const socket = stage.raw({ name: "never" });
      await stage.reports("authenticate runs", ({ log }) => log.length > 0);
      socket.close();
      await stage.reports(
        "it is over",
        ({ sizes }) => sizes["handshakes"] === 0,
      );
    },
    { needs: ["gone"] },
  ),
  defineCase(
    "safe",
    "a login that never ends is refused after authTimeoutMs",
    async (stage) => {
      const socket = stage.raw({ name: "never" });
      assert((await socket.closed()).code === 1013, socket.told());
      const client = await stage.user();
      assert((await client.echo({ text: "next" })).text === "next", "echo");
    },
    { preset: "small" },
  ),
  defineCase(
    "wire",
    "a plain request gets 426, another path 404, in words",
    async (stage) => {
      const { origin } = stage.subject;
      const here = await fetch(origin + stage.path);
      assert(here.status === 404, String(here.status));
      assert((await here.text()).includes("/elsewhere"), "the path is named");
      const id = crypto.randomUUID();
      await fetch(`${origin}/control/json/${id}/create`);
      const plain = await fetch(`${origin}/n/json/${id}`);
      assert(plain.status === 426, String(plain.status));
      assert((await plain.text()).includes("WebSocket"), "it says what it is");
      await fetch(`${origin}/control/json/${id}/dispose`);
    },
    { preset: "elsewhere", needs: ["http"] },
  ),
  defineCase(
    "drift",
    "ordinary routes and their headers are as without us",
    async (stage) => {
      const { origin } = stage.subject;
      const hello = await fetch(`${origin}/`);
      assert(await hello.text() === "hello", "hello");
      assert(hello.headers.get("x-frame-options") !== null, "secureHeaders");
      const nothing = await fetch(origin + stage.path);
      assert(nothing.status === 404, `passed on: ${nothing.status}`);
      await nothing.text();
    },
    { needs: ["hono"] },
  ),
  defineCase(
    "drift",
    "a timeout of Hono's during a login costs that client only",
    async (stage) => {
      await stage.raw({ name: "never" }).refused();
      const client = await stage.user();
      assert((await client.echo({ text: "next" })).text === "next", "echo");
      const response = await fetch(`${stage.subject.origin}/`);
      assert(await response.text() === "hello", "hello");
      await stage.control("close"); // what still waits in authenticate ends with the node
    },
    { needs: ["hono"] },
  ),
];
