/**
 * What the cluster suite is started with: data, so that any adapter can be run, and several in one cluster.
 *
 * To run it with another adapter, write a module that exports `createAdapter(options)` (see `AdapterModule`), name it
 * in `nodes` with its options as JSON, and give `runCluster` the plan:
 *
 * ```ts
 * const node = { adapter: import.meta.resolve("./my_adapter.ts"), options: { url } };
 * const report = await runCluster({
 *   ...usual,
 *   nodes: (["Bun", "Deno", "Node"] as const).map((runtime) => ({ ...node, runtime })),
 *   landMs: 5_000, // it polls
 * });
 * console.log(inWords(report));
 * expect(report.faults).toEqual({});
 * ```
 *
 * Each node may have another adapter. Where delivery is slow, `landMs` is more than it ever takes, `patienceMs` much
 * more, and `actions` less: `may` grows with how many messages are under way while somebody comes or goes.
 */
import type { ModelTimes } from "./model.ts";
import type { NodePlan } from "./node_process.ts";

/** What is run. */
export interface ClusterPlan extends ModelTimes {
  readonly nodes: readonly NodePlan[];
  readonly clientsPerNode: number;
  /** How many are sent; with an outage it says how many. */
  readonly messages: number;
  readonly seed: number;
  /** How many messages may be under way. */
  readonly inFlight: number;
  /** How often a client does something, to a message. */
  readonly actions: number;
  /** The broker goes away and comes back, some times while messages are sent. */
  readonly outage?: Outage;
}

/** How a broker goes and comes back. */
export interface Outage {
  readonly times: number;
  /** How many messages are sent while it is away, and while it is there. */
  readonly messages: readonly [away: number, there: number];
  /** After how long every node must hear every other one again, in milliseconds. */
  readonly backMs: number;
  /** Whether each node has clients that are in every channel from the first message to the last. */
  readonly anchored: boolean;
  begin(): Promise<void>;
  end(): Promise<void>;
}

/** For an adapter that delivers at once: three nodes of twenty clients. */
export const usual = {
  clientsPerNode: 20,
  inFlight: 300,
  actions: 0.5,
  landMs: 1_500,
  patienceMs: 20_000,
} as const;
