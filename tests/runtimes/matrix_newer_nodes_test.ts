/** Servers on Node 22 and 24, with every client. */
import { registerMatrix } from "./register_matrix.ts";

registerMatrix("newer_nodes");
