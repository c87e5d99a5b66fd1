/**
 * What presence needs of its server.
 *
 * @module
 */
import type { ReachHost } from "../cluster/reach.ts";
import type { AnyConnection } from "../types/connection.ts";

/** What presence needs of its server. */
export interface PresenceHost extends ReachHost {
  readonly settings: ReachHost["settings"] & {
    readonly presence?: boolean | { readonly ttlMs?: number };
    describe?(conn: AnyConnection): Readonly<Record<string, unknown>>;
  };
}
