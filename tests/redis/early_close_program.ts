// Opens the adapter and closes it again before it has connected; then the process has to end.
import process from "node:process";
import { createRedisAdapter } from "../../adapters/redis.ts";
import { RecordingHost } from "../../src/testing/recording_host.ts";

const [url = "", ms] = process.argv.slice(2);
const adapter = createRedisAdapter(url);
adapter.open(new RecordingHost());
if (ms !== undefined) await new Promise((done) => setTimeout(done, Number(ms)));
await adapter.close();
