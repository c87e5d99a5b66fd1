/** The ways from node to node, in the order in which they are proven. */
export const ways = ["topic", "room", "server", "dm"] as const;

export type Way = typeof ways[number];

export function isWay(name: string): name is Way {
  return (ways as readonly string[]).includes(name);
}
