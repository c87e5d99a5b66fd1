import { afterAll, expect, test } from "bun:test";
import { type Client, createClient } from "@super-line/edge/client";
import { api, type Message, type Presence } from "../../examples/chat/api.ts";
import { answerTo } from "../../examples/chat/commands.ts";
import { killChats, startAgent, startChat } from "./chat_server.ts";
import { within } from "./within.ts";

afterAll(killChats);

test("an agent on its own comes back to a server that was killed", async () => {
  const token = "a token for this test";
  let chat = await startChat(0, { AGENT_TOKEN: token });
  const agent = startAgent(chat.port, token);
  const url = `ws://localhost:${chat.port}/realtime`;
  const ada = createClient(api, { url, role: "user", params: { name: "Ada" } });
  try {
    await within(20_000, "Robo", [agentIn(ada)]);
    await within(20_000, "answer", [ask(ada, "/roll 3d6")]);
    await chat.stop("SIGKILL");
    const back = new Promise<void>((resolve) => ada.onReconnect(resolve));
    chat = await startChat(chat.port, { AGENT_TOKEN: token });
    await within(20_000, "reconnect", [back]);
    await within(20_000, "Robo", [agentIn(ada)]);
    await within(20_000, "answer", [ask(ada, "/roll 3d6")]);
  } finally {
    ada.close();
  }
  await chat.stop("SIGTERM");

  chat = await startChat(chat.port, { AGENT_TOKEN: "another" });
  expect(await within(30_000, "end of the agent", [agent.ended])).toBe(1);
}, 120_000);

type Ada = Client<typeof api.definition, "user">;

/** Joins the lobby; resolves when an agent is there. */
async function agentIn(ada: Ada): Promise<void> {
  let found = () => {};
  const there = new Promise<void>((resolve) => found = resolve);
  const look = ({ people }: Presence) => {
    if (people.some(({ role }) => role === "agent")) found();
  };
  const off = ada.subscribe("presence", look);
  const { rooms } = await ada.join({ room: "lobby" });
  rooms.forEach(look);
  await there;
  off();
}

async function ask(ada: Ada, text: string): Promise<string> {
  const answered = new Promise<Message>((resolve) => {
    const off = ada.on("message", (message) => {
      if (message.from.role !== "agent") return;
      off();
      resolve(message);
    });
  });
  await ada.say({ room: "lobby", text });
  return (await answered).text;
}

test("the agent rolls what it can hold", () => {
  const highest = (line: string) => answerTo(line, new Date(), () => 0.999999);
  expect(highest("/roll")).toBe("You rolled 6");
  expect(highest("/roll d20")).toBe("You rolled 20");
  expect(highest("/roll 2d6")).toBe("You rolled 6 + 6 = 12");
  expect(highest("/ROLL 20d1000")).toEndWith(" = 20000");
  for (const dice of ["0d6", "21d6", "2d1", "2d1001", "2d", "d", "-1d6", "x"]) {
    expect(highest(`/roll ${dice}`)).toStartWith("Roll like this");
  }
  expect(highest("/")).toBe("I do not know /. Try /help.");
});
