/**
 * The names of channels: the only file that knows how rooms, topics and server events are told apart.
 *
 * @module
 */

/** The channel of a room. */
export function roomChannel(name: string): string {
  return `room:${name}`;
}

/**
 * The channel of a topic: a role's own, or of `shared`, whose part is empty since no role can be called so.
 *
 * @param params The parameters in canonical form, for a topic that has some
 */
export function topicChannel(
  block: string,
  name: string,
  params?: string,
): string {
  const role = block === "shared" ? "" : escape(block);
  return params === undefined
    ? `topic:${role}:${name}`
    : `params:${role}:${escape(name)}:${params}`;
}

/** The channel of an event between nodes. */
export function serverChannel(event: string): string {
  return `server:${event}`;
}

/** The channel of all connections of one user. */
export function userChannel(userId: string): string {
  return `user:${userId}`;
}

/** The channel of the nodes that have connections of a role. */
export function roleChannel(role: string): string {
  return `role:${role}`;
}

/** The channel of one node, on which the others reach its connections. */
export function nodeChannel(nodeId: string): string {
  return `node:${nodeId}`;
}

/** The channel of all nodes. */
export const NODES = "nodes";

const TAGS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries({
    room: ["evt"],
    role: ["evt"],
    topic: ["pub"],
    params: ["pub"],
    user: ["evt", "close"],
    server: ["srv"],
    node: [
      ...["event", "close", "request", "response", "cancel"],
      ...["watch", "unwatch", "members"],
    ],
    [NODES]: ["node", "request", "cancel", "watch", "unwatch"],
  }).map(([kind, tags]) => [kind, new Set(tags)]),
);
const NO_TAGS: ReadonlySet<string> = new Set();

/** The kind of a channel: what comes before its first colon. */
export function kindOf(channel: string): string {
  const end = channel.indexOf(":");
  return end < 0 ? channel : channel.slice(0, end);
}

/** The tags of the frames that nodes send on channels of this kind. All others are refused. */
export function tagsOf(channel: string): ReadonlySet<string> {
  return TAGS.get(kindOf(channel)) ?? NO_TAGS;
}

/** Reads the room's name back, `undefined` for a channel that is no room. */
export function roomOf(channel: string): string | undefined {
  return channel.startsWith("room:") ? channel.slice(5) : undefined;
}

/**
 * Reads a topic's name back, a role's own as `role:name`, with its parameters behind; `undefined` for a channel that is
 * no topic.
 */
export function topicOf(channel: string): string | undefined {
  const long = channel.startsWith("params:");
  if (!long && !channel.startsWith("topic:")) return undefined;
  const start = long ? 7 : 6;
  const end = channel.indexOf(":", start);
  const role = channel.slice(start, end);
  let name = channel.slice(end + 1);
  if (long) {
    const at = name.indexOf(":");
    name = unescape(name.slice(0, at)) + name.slice(at + 1);
  }
  return role === "" ? name : `${unescape(role)}:${name}`;
}

// What comes last needs none of it: any name crosses an adapter unchanged (its promise A4).
function escape(part: string): string {
  return part.replace(/%/g, "%25").replace(/:/g, "%3A");
}

function unescape(part: string): string {
  return part.replace(/%3A/g, ":").replace(/%25/g, "%");
}
