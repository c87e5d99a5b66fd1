/**
 * What reaching other nodes needs of its server.
 *
 * @module
 */
import type { Contract } from "../../contract/define.ts";
import type { Codec } from "../../wire/protocol.ts";
import type { Session } from "../connection/session.ts";
import type { Hub } from "../fanout/hub.ts";
import type { StatsHost } from "../stats/observer.ts";
import type { AnyConnection } from "../types/connection.ts";

/** What reaching other nodes needs of its server. */
export interface ClusterHost extends StatsHost {
  readonly nodeId: string;
  readonly contract: Contract;
  readonly codec: Codec;
  readonly hub: Hub<Session>;
  /** The open and opening connections, by id. */
  readonly sessions: ReadonlyMap<string, Session>;
  /** Whether `close` was called. */
  readonly closing: boolean;
  readonly settings: StatsHost["settings"] & {
    readonly reach?: boolean;
    readonly validateOutput: boolean;
    identify?(conn: AnyConnection): string | undefined;
  };
}
