/** Servers on Bun, with every client. */
import { registerMatrix } from "./register_matrix.ts";

registerMatrix("bun");
