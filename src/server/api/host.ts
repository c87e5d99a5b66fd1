/**
 * What the public interface needs of its server.
 *
 * @module
 */
import type { Call } from "../../contract/define.ts";
import type { ServerEventsHost } from "../cluster/server_events.ts";
import type { Session, SessionHost } from "../connection/session.ts";
import type { HandshakeHost } from "../handshake/handshake.ts";
import type { PresenceHost } from "../presence/host.ts";
import type { Registry } from "../presence/registry.ts";
import type { Watches } from "../presence/watch.ts";
import type { KeptTopics } from "../topics/kept_topics.ts";
import type { CallStats } from "../stats/call_stats.ts";
import type { Handler } from "../types/handlers.ts";

/** What the public interface needs of its server. */
export interface NodeHost
  extends PresenceHost, ServerEventsHost, HandshakeHost, SessionHost {
  readonly sessions: Map<string, Session>;
  readonly kept: KeptTopics<Session>;
  /** Whether `implement` was called. */
  readonly hasHandlers: boolean;
  readonly settings:
    & PresenceHost["settings"]
    & HandshakeHost["settings"]
    & SessionHost["settings"]
    & {
      readonly limits: {
        readonly maxNameBytes: number;
        readonly maxRooms: number;
      };
    };
  /** Who is connected, as the broker has it; `undefined` where nodes are asked. */
  readonly registry: Registry | undefined;
  readonly watches: Watches;
  readonly callStats: { all(): CallStats[] };
  /** Takes the handler of each entry. */
  implement(handlers: ReadonlyMap<Call, Handler>): void;
  /** Ends the server: after `drainMs` at most, and once. */
  close(drainMs: number): Promise<void>;
}
