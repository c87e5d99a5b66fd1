/**
 * What the HTTP transport needs, made of a node.
 *
 * @module
 */
import type { CreatedNode } from "../server/create_node.ts";
import { originFlaw } from "../server/handshake/origin.ts";
import type { HttpHost } from "./http.ts";

/** What the transport's requests between nodes are called. */
const KIND = "http";
/** How long another node may take: a poll that nothing comes for ends after 24 s. */
const FORWARD_MS = 30_000;

/** Makes the host of a node's HTTP transport. */
export function httpHostOf(
  { node, settings, report, forward, onForwarded }: CreatedNode<never, never>,
): HttpHost {
  const { limits, origins, backpressure } = settings;
  return {
    nodeId: node.nodeId,
    maxMessageBytes: limits.maxMessageBytes,
    confirmBytes: Math.min(65_536, backpressure.maxBufferedBytes / 4),
    handshake: (request, extras) => node.handshake(request, extras),
    async forward(nodeId, { header, body }) {
      const texts = [header, body];
      const answer = await forward(nodeId, KIND, texts, FORWARD_MS);
      if (!answer) return undefined;
      const [status, text] = answer;
      return { status: Number(status ?? 503), body: String(text ?? "") };
    },
    onForwarded(take) {
      onForwarded(KIND, async ([header = "", body = ""]) => {
        const answer = await take({ header, body });
        return [answer.status, answer.body];
      });
    },
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
