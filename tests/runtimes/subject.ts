/** What a case runs against: a server in another process, and this runtime's WebSocket. Web standards only. */
import type { WebSocketConstructor } from "../../src/client/client.ts";

/**
 * What not every server or client can do.
 *
 * - `headers`: the client sets headers of the handshake
 * - `cookie`: the client has cookies, set in the page
 * - `http`: a plain request reaches `srv.fetch`
 * - `hono`: Hono is in front
 * - `gone`: the runtime tells when a client goes before the upgrade
 * - `prompt`: a connection ends at once on which nothing ever came
 */
export type Need = "headers" | "cookie" | "http" | "hono" | "gone" | "prompt";

/** One server, as one client sees it. */
export interface Subject {
  /** Where the server is, such as `http://127.0.0.1:3000`. */
  readonly origin: string;
  /** What dials. */
  readonly WebSocket: WebSocketConstructor;
  /** Makes what dials with headers; only with `headers`. */
  readonly withHeaders?: (
    headers: Record<string, string>,
  ) => WebSocketConstructor;
}

/** One case of the suite. */
export interface RuntimeCase {
  /** What has to hold, as a sentence; unique. */
  readonly name: string;
  /** Which section of the design it is about, or `drift` for what differs between runtimes elsewhere. */
  readonly promise: "wire" | "promises" | "safe" | "drift";
  /** What server and client must be able to do, nothing when left out. */
  readonly needs?: readonly Need[];
  /** Resolves when it holds, rejects when it does not, in bounded time. */
  run(subject: Subject): Promise<void>;
}

/** What came of one case. */
export interface Outcome {
  readonly name: string;
  readonly error?: string;
  readonly ms: number;
}
