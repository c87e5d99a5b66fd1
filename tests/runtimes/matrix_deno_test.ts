/** Servers on Deno, with every client. */
import { registerMatrix } from "./register_matrix.ts";

registerMatrix("deno");
