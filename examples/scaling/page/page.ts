// One tab: a person on one node, and what reaches them from all nodes.
import { createClient, isSocketError } from "@super-line/edge/client";
import { api } from "../api.ts";
import { nameOfTab } from "./name.ts";
import { createView, type Draft } from "./view.ts";

const me = nameOfTab();
const view = createView(me, { send, move });
let client = connect();

function connect() {
  const client = createClient(api, {
    url: "/realtime",
    role: "user",
    params: { name: me },
    reconnectMaxMs: 2_000,
  });
  client.on("welcome", ({ node }) => view.arrive(node));
  client.on("said", (message) => view.show("room", message));
  client.on("whispered", (message) => view.show("dm", message));
  client.on("told", (message) => view.show("server", message));
  client.subscribe("news", (message) => view.show("topic", message));
  client.onStatus(({ state, reason }) => {
    if (state === "waiting" || state === "closed") view.leave(reason);
  });
  return client;
}

/** The balancer gives each new connection to the next node. */
function move() {
  client.close();
  client = connect();
}

/** Sends what was written; resolves to what went wrong. */
async function send({ way, to, text }: Draft): Promise<string | undefined> {
  try {
    if (way === "room") await client.say({ text });
    if (way === "topic") await client.announce({ text });
    // What goes to others only does not come back by itself.
    if (way === "dm") view.show(way, await client.whisper({ to, text }));
    if (way === "server") view.show(way, await client.tellNodes({ text }));
  } catch (error) {
    return isSocketError(error) ? error.message : String(error);
  }
}
