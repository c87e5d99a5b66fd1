/**
 * `srv.cluster`: the nodes, and their connections.
 *
 * @module
 */
import type { NodeHost } from "./host.ts";
import {
  type ConnectionInfo,
  isConnectionInfo,
  type PresenceQuery,
  query,
} from "../presence/query.ts";
import type { NodeInfo, NodeListener } from "../cluster/directory.ts";
import type { WatchListener } from "../presence/watch.ts";
import { createOff, type Off, type ReadyOff } from "../../wire/off.ts";
import { checkUserId } from "../cluster/reach.ts";

/** The implementation of `srv.cluster`. */
export class ClusterHandle {
  readonly #host: NodeHost;

  constructor(host: NodeHost) {
    this.#host = host;
  }

  async nodes(): Promise<NodeInfo[]> {
    const { directory } = this.#host.reach;
    await directory.settled;
    return [directory.me, ...directory.others()];
  }

  async connections(): Promise<ConnectionInfo[]> {
    return await this.#list(["all"]);
  }

  async byUser(userId: string): Promise<ConnectionInfo[]> {
    return await this.#list(["user", checkUserId(userId)]);
  }

  async room(name: string): Promise<ConnectionInfo[]> {
    return await this.#list(["room", name]);
  }

  async count(): Promise<number> {
    return sum(await this.#counts(["count"]));
  }

  async topology(): Promise<{ nodeId: string; connections: number }[]> {
    const counts = await this.#counts(["count"]);
    if (this.#host.registry) {
      // a node without connections is not in the presence store
      for (const { nodeId } of await this.nodes()) {
        if (!counts.has(nodeId)) counts.set(nodeId, 0);
      }
    }
    return [...counts].map(([nodeId, connections]) => ({
      nodeId,
      connections,
    }));
  }

  async isOnline(userId: string): Promise<boolean> {
    return sum(await this.#counts(["online", checkUserId(userId)])) > 0;
  }

  watch(
    who: { room?: string; userId?: string },
    listener: WatchListener,
  ): ReadyOff {
    return this.#host.watches.watch(who, listener);
  }

  async #list(inquiry: PresenceQuery): Promise<ConnectionInfo[]> {
    const { registry } = this.#host;
    if (registry) return await registry.list(inquiry);
    const items = await query(this.#host, inquiry);
    return [...items.values()].flat().filter(isConnectionInfo);
  }

  async #counts(inquiry: PresenceQuery): Promise<Map<string, number>> {
    const { registry } = this.#host;
    if (registry) return await registry.counts(inquiry);
    const items = await query(this.#host, inquiry);
    return new Map(
      [...items].map(([nodeId, [count]]) => [nodeId, Number(count) || 0]),
    );
  }

  onNode(fn: NodeListener): Off {
    const host = this.#host;
    const off = host.reach.directory.listen((node, change) =>
      void host.hook("onNode", "hook", () => fn(node, change))
    );
    return createOff(off);
  }
}

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((all, count) => all + count, 0);
}
