/**
 * The cluster as the application sees it: its nodes, and who is connected to them.
 *
 * @module
 */
import type { Core } from "./core.ts";
import { type ConnectionInfo, inquire, type Inquiry } from "./census.ts";
import type { NodeInfo, NodeListener } from "./directory.ts";

import { checkUserId } from "./reach.ts";

/** What `srv.cluster` is. */
export class ClusterHandle {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  async nodes(): Promise<NodeInfo[]> {
    const { directory } = this.#core.reach;
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
    return sum(await inquire(this.#core, ["count"]));
  }

  async topology(): Promise<{ nodeId: string; connections: number }[]> {
    const counts = await inquire(this.#core, ["count"]);
    return [...counts].map(([nodeId, count]) => ({
      nodeId,
      connections: Number(count),
    }));
  }

  async isOnline(userId: string): Promise<boolean> {
    return sum(await inquire(this.#core, ["online", checkUserId(userId)])) > 0;
  }

  async #list(inquiry: Inquiry): Promise<ConnectionInfo[]> {
    const answers = await inquire(this.#core, inquiry);
    return [...answers.values()].flat() as ConnectionInfo[]; // what each node answers
  }

  onNode(fn: NodeListener): () => void {
    const core = this.#core;
    return core.reach.directory.listen((node, change) =>
      void core.hook("onNode", "hook", () => fn(node, change))
    );
  }
}

function sum(counts: ReadonlyMap<string, unknown>): number {
  return [...counts.values()].reduce<number>((all, it) => all + Number(it), 0);
}
