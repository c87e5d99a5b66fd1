// The proof: what Bob sends on node B reaches Ada on node A, each way.
import { createClient } from "@super-line/edge/client";
import { api, type Message } from "./api.ts";
import { Mailbox } from "./mailbox.ts";
import type { RunningNode } from "./nodes.ts";
import { type Way, ways } from "./ways.ts";

/** How long a message may take, in milliseconds. */
const PATIENCE_MS = 5_000;

/** How one way went. */
export interface Outcome {
  readonly way: Way;
  /** What node A delivered. */
  readonly arrived?: Message;
  /** What is wrong, if something is. */
  readonly flaw?: string;
  readonly ms: number;
}

/** Goes each way once; gives each outcome as soon as it is known. */
export async function* prove(
  a: RunningNode,
  b: RunningNode,
): AsyncGenerator<Outcome> {
  const ada = await connect(a, "Ada");
  const bob = await connect(b, "Bob");
  const send: Record<Way, () => Promise<Message>> = {
    topic: () => bob.client.announce({ text: "topic" }),
    room: () => bob.client.say({ text: "room" }),
    server: () => bob.client.tellNodes({ text: "server" }),
    dm: () => bob.client.whisper({ to: "Ada", text: "dm" }),
  };
  for (const way of ways) {
    const start = performance.now();
    // What node B answers has the id that it made. Nobody on node A can know
    // that id but by the message itself.
    const { id } = await send[way]();
    const arrived = await ada.heard[way].take(id, PATIENCE_MS);
    const ms = performance.now() - start;
    if (!arrived) {
      const flaw = `node A heard nothing within ${PATIENCE_MS / 1000} s`;
      yield { way, flaw, ms };
    } else if (way === "server" && await hearsItself(bob, ada, id)) {
      yield { way, flaw: "node B heard its own event", ms };
    } else {
      yield { way, arrived, ms };
    }
  }
  ada.client.close();
  bob.client.close();
}

/** Somebody on a node, with what they heard each way. */
async function connect(node: RunningNode, name: string) {
  const client = createClient(api, {
    url: `ws://localhost:${node.port}/realtime`,
    role: "user",
    params: { name },
    reconnect: false,
  });
  const heard: Record<Way, Mailbox> = {
    topic: new Mailbox(),
    room: new Mailbox(),
    server: new Mailbox(),
    dm: new Mailbox(),
  };
  client.on("said", heard.room.put);
  client.on("told", heard.server.put);
  client.on("whispered", heard.dm.put);
  const { ready } = client.subscribe("news", heard.topic.put);
  const { live } = await ready;
  if (!live) throw new Error(`Node ${node.name} does not reach the others`);
  return { client, heard };
}

type Person = Awaited<ReturnType<typeof connect>>;

/**
 * Whether a node was given its own event. Another node's event is sent after
 * it, and the adapter keeps the order: with the second, the first would be here.
 */
async function hearsItself(
  { heard }: Person,
  other: Person,
  id: string,
): Promise<boolean> {
  const { id: next } = await other.client.tellNodes({ text: "and you?" });
  if (!await heard.server.take(next, PATIENCE_MS)) {
    throw new Error("Node B does not hear server events at all");
  }
  return heard.server.has(id);
}
