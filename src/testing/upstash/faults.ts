/**
 * What can go wrong on purpose.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";

/**
 * One way to fail. `before` and `after` say whether the commands were run: a client cannot know. `429` and `503` answer
 * JSON, `502-html` and `200-html` what a proxy would, `200-empty` nothing, `200-shape` JSON that is no reply.
 */
export type UpstashFault =
  | "drop-before"
  | "drop-after"
  | "hang-before"
  | "hang-after"
  | "429"
  | "503"
  | "502-html"
  | "200-html"
  | "200-empty"
  | "200-shape";

/** All of them. */
export const upstashFaults: readonly UpstashFault[] = [
  "drop-before",
  "drop-after",
  "hang-before",
  "hang-after",
  "429",
  "503",
  "502-html",
  "200-html",
  "200-empty",
  "200-shape",
];

/** What is to go wrong from now on. */
export interface UpstashTroubles {
  /**
   * Of how many requests, from 0 to 1.
   *
   * @default {0}
   */
  readonly rate?: number;
  /**
   * How, each as often as the other.
   *
   * @default {upstashFaults}
   */
  readonly kinds?: readonly UpstashFault[];
  /**
   * Added to each request, half before it is run and half after, in milliseconds.
   *
   * @default {0}
   */
  readonly delayMs?: number;
}

const HTML = "<!doctype html><title>502 Bad Gateway</title>";
const ANSWERS: Partial<Record<UpstashFault, [number, string, string]>> = {
  "429": [429, "application/json", '{"error":"ERR too many requests"}'],
  "503": [503, "application/json", '{"error":"ERR service unavailable"}'],
  "502-html": [502, "text/html", HTML],
  "200-html": [200, "text/html", HTML],
  "200-empty": [200, "application/json", ""],
  "200-shape": [200, "application/json", '{"result":"stop"}'],
};

/** Whether the commands are run all the same. */
export function runsFirst(fault: UpstashFault): boolean {
  return fault.endsWith("-after");
}

/** Fails a request. One that hangs ends with its client or the server. */
export function fail(
  fault: UpstashFault,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const answer = ANSWERS[fault];
  if (answer) {
    const [status, type, body] = answer;
    response.writeHead(status, { "content-type": type }).end(body);
  } else if (fault.startsWith("drop")) {
    request.socket.destroy();
  }
}
