/** The Worker in front of objects: what it passes on, and what it takes out. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { WebSocket } from "ws";
import { within } from "../helpers/wait.ts";
import { bundleWorker, startWorker, type Workerd } from "./workerd.ts";

/** How long anything may take, on a slow machine. */
const PATIENCE_MS = 15_000;
const FORGED = {
  "super-line-identity": encodeURIComponent('{"name":"root"}'),
  "super-line-push": "x",
  "Super-Line-Other": "x",
};
let worker: Workerd;

beforeAll(async () => {
  const script = await bundleWorker("tests/cloudflare/forward_worker.ts");
  const classes = { CHAT: "Chat", BROKER: "Broker" };
  worker = await startWorker(script, classes);
}, 60_000);

afterAll(() => worker[Symbol.asyncDispose]());

/** Asks an object what it was told, and what its answer's headers were. */
async function told(path: string, headers: Record<string, string> = {}) {
  const url = `${worker.origin}${path}?role=user`;
  const socket = new WebSocket(url, ["superline.v1"], { headers });
  try {
    const upgraded = once(socket, "upgrade");
    await within(once(socket, "message"), PATIENCE_MS);
    const [response] = await upgraded as [IncomingMessage];
    socket.send('["req",1,"told",null]');
    const [answer] = await within(once(socket, "message"), PATIENCE_MS);
    const [, , output] = JSON.parse(String(answer));
    return { ...output, answered: response.headers } as {
      identity: string;
      headers: string;
      answered: IncomingMessage["headers"];
    };
  } finally {
    socket.terminate();
  }
}

test("a hook uses the server, as the README shows it", async () => {
  const socket = new WebSocket(`${worker.origin}/none?role=user`, [
    "superline.v1",
  ]);
  try {
    await within(once(socket, "message"), PATIENCE_MS);
    socket.send('["req",1,"rooms",null]');
    const [answer] = await within(once(socket, "message"), PATIENCE_MS);
    expect(JSON.parse(String(answer))).toEqual(["res", 1, ["lobby"]]);
  } finally {
    socket.terminate();
  }
});

test(
  "an identity that Hono computed reaches authenticate, and no forged one does",
  async () => {
    expect((await told("/hono")).identity).toBe('{"name":"é 👍"}');
    const { identity, headers } = await told("/hono", {
      cookie: "ada",
      ...FORGED,
    });
    expect(identity).toBe('{"name":"ada"}');
    expect(headers).toContain("cookie");
    for (const path of ["/none", "/"]) {
      const { identity, headers } = await told(path, FORGED);
      expect(identity).toBe("null");
      expect(headers).not.toContain("super-line");
    }
  },
  60_000,
);

test("headers that middleware adds reach the client", async () => {
  const { answered } = await told("/hono");
  expect(answered["x-frame-options"]).toBe("SAMEORIGIN");
  expect(answered["sec-websocket-protocol"]).toBe("superline.v1");
}, 60_000);

test("nobody from outside can push", async () => {
  const { headers } = await told("/");
  expect(headers).not.toContain("push");
  const response = await fetch(`${worker.origin}/`, {
    method: "POST",
    headers: FORGED,
    body: '[["room:a","x"]]',
  });
  expect(response.status).toBe(426);
}, 60_000);

test("a binding that is not there is told by its name", async () => {
  const response = await fetch(`${worker.origin}/unbound`, {
    headers: { upgrade: "websocket", connection: "upgrade" },
  });
  expect(response.status).toBe(500);
}, 60_000);
