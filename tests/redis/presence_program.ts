/** A node that has three people in a room, until it is killed. */
import process from "node:process";
import { createRedisAdapter } from "../../adapters/redis.ts";
import { createTestServer } from "../helpers/api.ts";
import { connect } from "../helpers/peer.ts";

const [url = "", namespace = ""] = process.argv.slice(2);
const { srv } = createTestServer({
  adapter: createRedisAdapter({ url, namespace }),
  presence: true,
});
for (let count = 0; count < 3; count++) await connect(srv);
for (const conn of srv.local.connections) await srv.room("lobby").add(conn);
console.log(await srv.cluster.count());
