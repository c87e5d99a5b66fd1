/** Servers on Node 20, with every client. */
import { registerMatrix } from "./register_matrix.ts";

registerMatrix("node_20");
