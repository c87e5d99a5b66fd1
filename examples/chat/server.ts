// One program: the page, the chat's server, and the agent.
import { Hono } from "hono";
import { secureHeaders } from "hono/secure-headers";
import process from "node:process";
import { superline } from "@super-line/edge/hono";
import { startAgent } from "./agent.ts";
import { createChat } from "./chat.ts";
import { bundlePage } from "./page.ts";

const { PORT = "3000", AGENT_TOKEN } = process.env;
const agentToken = AGENT_TOKEN || crypto.randomUUID();
const srv = createChat(agentToken);
const page = await bundlePage();

const app = new Hono();
app.use(secureHeaders({
  contentSecurityPolicy: { defaultSrc: ["'self'"], imgSrc: ["data:"] },
}));
app.use("/realtime", superline(srv));
app.get("*", (c) => page(c.req.path) ?? c.notFound());

const server = listen(Number(PORT));
console.log(`listening on http://localhost:${server.port}`);

// With a token from outside, agents are run on their own.
const agent = AGENT_TOKEN
  ? undefined
  : startAgent(`ws://localhost:${server.port}/realtime`, agentToken);

process.once("SIGTERM", stop).once("SIGINT", stop);

async function stop() {
  agent?.close();
  await srv.close({ drainMs: 2_000 });
  await server.stop(true);
  process.exit(0);
}

function listen(port: number) {
  try {
    return Bun.serve({ port, fetch: app.fetch, websocket: srv.websocket });
  } catch (error) {
    console.error(`Cannot listen on port ${PORT}: ${whyNot(error, port)}`);
    process.exit(1);
  }
}

function whyNot(error: unknown, port: number): string {
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    return "it is no port, PORT must be 0 to 65535";
  }
  if ((error as { code?: unknown }).code !== "EADDRINUSE") return String(error);
  return `it is taken, stop what listens there or choose another with PORT=${
    port < 65_535 ? port + 1 : port - 1
  }`;
}
