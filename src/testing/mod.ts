/**
 * What tests are made of: clients without a port, and the suite that every adapter has to pass.
 *
 * @example A client in the server's own process
 * ```ts ignore
 * import { loopback } from "@super-line/edge/testing";
 *
 * const client = createClient(api, { url: "ws://app.test", role: "user", WebSocket: loopback(srv) });
 * ```
 *
 * @module
 */
export { skipReason } from "./adapter_subject.ts";
export type {
  AdapterCase,
  AdapterNeed,
  AdapterPromise,
  AdapterSubject,
  Outage,
  Rollback,
} from "./adapter_subject.ts";
export { adapterSuite } from "./adapter_suite.ts";
export { TestClock } from "./clock.ts";
export { createTestCluster } from "./cluster.ts";
export type {
  SettledOptions,
  TestClientOptions,
  TestCluster,
  TestClusterOptions,
} from "./cluster.ts";
export type { ClusterServer, TestNode } from "./cluster_node.ts";
export { loopback } from "./loopback.ts";
export type { HandshakerLike } from "./loopback.ts";
