/** Servers on Cloudflare, with every client. */
import { registerMatrix } from "./register_matrix.ts";

registerMatrix("cloudflare");
