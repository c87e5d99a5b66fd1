/** The contract of the cluster suite: every way in which a message can reach a client or a node. */
import { z } from "zod";
import { defineContract } from "../../../mod.ts";

const room = z.object({ room: z.string() });
const nothing = z.object({});

const payload = z.object({
  /** Which message it is. */
  n: z.number(),
  /** Its number among those that its node published. */
  seq: z.number(),
  /** Where it was published, so that one which strays is found. */
  channel: z.string(),
  pad: z.string(),
});

export type Payload = z.infer<typeof payload>;

const topic = { payload, subscribe: true } as const;

export const api = defineContract({
  shared: {
    clientToServer: {
      join: { input: room, output: z.object({ live: z.boolean() }) },
      leave: { input: room, output: nothing },
      /** Is answered when all that was sent before is done. */
      sync: { input: nothing, output: nothing },
      /** Broadcasts, then answers. */
      say: { input: room.extend({ n: z.number() }), output: nothing },
      /** The server ends the connection. */
      end: { input: nothing },
    },
    serverToClient: { message: { payload }, news: topic, score: topic },
  },
  // The same name, and another topic.
  roles: {
    user: { serverToClient: { task: topic } },
    agent: { serverToClient: { task: topic } },
  },
  serverToServer: { tick: payload },
});

export const roles = ["user", "agent"] as const;
export type Role = (typeof roles)[number];

/** The topics of `shared`. */
export const sharedTopics = ["news", "score"] as const;

/** Where server events go; other channels are `room/name`, `topic/name`, `user/task` and `agent/task`. */
export const events = "server/tick";

/** The channel of a topic, as a client of a role sees it. */
export function topicOf(role: Role, name: string): string {
  return name === "task" ? `${role}/task` : `topic/${name}`;
}
