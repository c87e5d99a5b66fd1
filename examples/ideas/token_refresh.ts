// Logins that end: the client brings a new token before, on the open connection.
// Prints:
//   ada came with token 1
//   renewed with token 2
//   the answer is still 42, on the same connection
//   a stolen token: 4401 The token is not known
import { z } from "zod";
import {
  createSocketServer,
  defineContract,
  SocketError,
} from "@super-line/edge";
import { createClient } from "@super-line/edge/client";

const api = defineContract({
  roles: {
    user: {
      clientToServer: { ask: { input: z.null(), output: z.number() } },
    },
  },
});

// Stands for your identity provider.
let issued = 0;
const issue = () => `token ${++issued}`;
const lifeMs = 400;
function verify(token: string | undefined) {
  if (!/^token \d+$/.test(token ?? "")) {
    throw new SocketError("UNAUTHORIZED", "The token is not known");
  }
  return { name: "ada", expiresAt: Date.now() + lifeMs };
}

const renewed = Promise.withResolvers<void>();
const srv = createSocketServer(api, {
  authenticate: (_request, { token }) => {
    const { name, expiresAt } = verify(token);
    console.log(`${name} came with ${token}`);
    return { role: "user", ctx: { name }, expiresAt };
  },
  // Without it the connection would close with 4410, and the client come back.
  refresh: (token) => {
    const { expiresAt } = verify(token);
    console.log(`renewed with ${token}`);
    renewed.resolve();
    return { role: "user", expiresAt: expiresAt + 60_000 };
  },
});
srv.implement({ user: { ask: () => 42 } });
const { fetch, websocket } = srv;
const server = Bun.serve({ port: 0, fetch, websocket });

// A function is asked at every attempt, and before a login ends.
const { url } = server;
const client = createClient(api, { url, role: "user", token: () => issue() });
await client.ready;
const { id } = client;
await renewed.promise;
const answer = await client.ask(null);
console.log(
  `the answer is still ${answer}, on`,
  client.id === id ? "the same connection" : "another connection",
);

const thief = createClient(api, { url, role: "user", token: "x" });
thief.onStatus(({ state, code, reason }) => {
  if (state === "closed") console.log("a stolen token:", code, reason);
});
await thief.ready.catch(() => {});

client.close();
await srv.close();
await server.stop();
