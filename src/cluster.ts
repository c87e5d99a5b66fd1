/**
 * The cluster as the application sees it: its nodes.
 *
 * @module
 */
import type { Core } from "./core.ts";
import type { NodeInfo, NodeListener } from "./directory.ts";

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

  onNode(fn: NodeListener): () => void {
    const core = this.#core;
    return core.reach.directory.listen((node, change) =>
      void core.hook("onNode", "hook", () => fn(node, change))
    );
  }
}
