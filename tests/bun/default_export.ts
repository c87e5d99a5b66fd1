// Run by upgrade_test.ts: Bun prints where it serves.
import { createTestServer } from "../helpers/api.ts";

export default createTestServer().srv;
