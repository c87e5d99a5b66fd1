// Two roles on one contract: people ask, an agent works.
// Prints:
//   agent: summarize "war and peace"
//   human: It is about Russia.
//   no human may answer: NOT_FOUND
import { z } from "zod";
import {
  createSocketServer,
  defineContract,
  SocketError,
} from "@super-line/edge";
import { createClient } from "@super-line/edge/client";

const task = z.object({ id: z.string(), prompt: z.string() });
const answer = z.object({ id: z.string(), text: z.string() });
const api = defineContract({
  roles: {
    human: {
      clientToServer: { ask: { input: z.string(), output: z.string() } },
    },
    agent: {
      clientToServer: { answer: { input: answer, output: z.null() } },
      serverToClient: { task: { payload: task, subscribe: true } },
    },
  },
});

const waiting = new Map<string, (text: string) => void>();
const srv = createSocketServer(api, {
  authenticate: (_request, { token }) => {
    if (token === undefined) return { role: "human" };
    if (token !== "agent's secret") throw new SocketError("UNAUTHORIZED");
    return { role: "agent" };
  },
});
srv.implement({
  human: {
    ask: (prompt, _ctx, _conn, { signal }) =>
      new Promise((resolve) => {
        const id = crypto.randomUUID();
        waiting.set(id, resolve);
        signal.addEventListener("abort", () => waiting.delete(id));
        srv.forRole("agent").publish("task", { id, prompt });
      }),
  },
  agent: {
    answer: ({ id, text }) => {
      waiting.get(id)?.(text);
      waiting.delete(id);
      return null;
    },
  },
});
const { fetch, websocket } = srv;
const server = Bun.serve({ port: 0, fetch, websocket });

const { url } = server;
const token = "agent's secret";
const agent = createClient(api, { url, role: "agent", token });
await agent.subscribe("task", async ({ id, prompt }) => {
  console.log("agent:", prompt);
  await agent.answer({ id, text: "It is about Russia." });
}).ready;

const human = createClient(api, { url, role: "human" });
console.log("human:", await human.ask('summarize "war and peace"'));

// human.answer does not compile. Who speaks the protocol by hand is told:
const raw = new WebSocket(`ws://${url.host}/?role=human`, "superline.v1");
const refused = Promise.withResolvers<string>();
raw.onmessage = ({ data }) => {
  const [tag, , code] = JSON.parse(data);
  if (tag === "hi") raw.send('["req",1,"answer",{"id":"1","text":"no"}]');
  if (tag === "err") refused.resolve(code);
};
console.log("no human may answer:", await refused.promise);
raw.close();
for (const client of [agent, human]) client.close();
await srv.close();
await server.stop();
