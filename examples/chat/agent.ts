// The agent: a client like any other, that hears commands and answers them.
// The server runs one. To run it on its own, give both the same AGENT_TOKEN:
//   AGENT_TOKEN=secret bun examples/chat/agent.ts
import process from "node:process";
import { createClient, isSocketError } from "@super-line/edge/client";
import { api } from "./api.ts";
import { answerTo } from "./commands.ts";

/** Connects an agent; it stays until it is closed or turned away. */
export function startAgent(url: string, token: string) {
  const client = createClient(api, {
    url,
    role: "agent",
    token,
    reconnectMaxMs: 5_000,
  });
  client.subscribe("command", async ({ room, id, text }) => {
    try {
      client.typing({ room });
      await client.answer({ room, text: answerTo(text), replyTo: id });
    } catch (error) {
      // The connection broke meanwhile: the question is as lost as the answer.
      if (isSocketError(error) && error.code === "DISCONNECTED") return;
      console.error(`Cannot answer ${text}:`, error);
    }
  });
  return client;
}

if (import.meta.main) {
  const { PORT = "3000", AGENT_TOKEN } = process.env;
  const url = process.env.CHAT_URL ?? `ws://localhost:${PORT}/realtime`;
  if (!AGENT_TOKEN) {
    console.error("Cannot start the agent: AGENT_TOKEN must be the server's");
    process.exit(1);
  }
  startAgent(url, AGENT_TOKEN).onStatus(({ state, reason, willRetry }) => {
    console.log(reason ? `${state}: ${reason}` : state);
    if (state === "closed" && !willRetry) process.exit(1);
  });
}
