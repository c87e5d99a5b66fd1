/** What users write for `deno serve`. */
import { srv } from "./deno_edges.ts";

export default srv;
