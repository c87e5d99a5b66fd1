/**
 * What the HTTP transport needs, made of a node.
 *
 * @module
 */
import type { CreatedNode } from "../server/create_node.ts";
import { originFlaw } from "../server/handshake/origin.ts";
import type { HttpHost } from "./http.ts";

/** Makes the host of a node's HTTP transport. */
export function httpHostOf(
  { node, settings, report }: CreatedNode<never, never>,
): HttpHost {
  const { limits, origins } = settings;
  return {
    nodeId: node.nodeId,
    maxMessageBytes: limits.maxMessageBytes,
    handshake: (request, extras) => node.handshake(request, extras),
    allowsOrigin(request) {
      try {
        return originFlaw(request, origins) === undefined;
      } catch (error) {
        report(error);
        return false;
      }
    },
  };
}
