import { adapterSuite } from "../../src/testing/mod.ts";
import { registerReplicaSuite } from "./replica.ts";

await registerReplicaSuite(
  adapterSuite.filter(({ promise }) => promise[0] === "P"),
);
