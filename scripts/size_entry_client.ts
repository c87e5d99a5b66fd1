export { createClient } from "../src/client/client.ts";
