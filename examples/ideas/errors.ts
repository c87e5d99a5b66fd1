// Expected failures have a code and data; all else is INTERNAL and stays inside.
// Prints:
//   SOLD_OUT: No seat is left, 3 on the waiting list
//   VALIDATION: seats Too small: expected number to be >0
//   onError: handler book the database is on fire
//   INTERNAL: The server failed
//   TIMEOUT
import { z } from "zod";
import {
  createSocketServer,
  defineContract,
  SocketError,
} from "@super-line/edge";
import { createClient, isSocketError } from "@super-line/edge/client";

const order = z.object({ show: z.string(), seats: z.number().positive() });
const api = defineContract({
  roles: {
    user: {
      clientToServer: { book: { input: order, output: z.null() } },
    },
  },
});

const srv = createSocketServer(api, {
  authenticate: () => ({ role: "user" }),
  onError: (error, { source, name }) =>
    console.log("onError:", source, name, (error as Error).message),
});
srv.implement({
  user: {
    book: ({ show }, _ctx, _conn, { signal }) => {
      if (show === "sold out") {
        throw new SocketError("SOLD_OUT", "No seat is left", { waiting: 3 });
      }
      if (show === "slow") {
        return new Promise((done) => signal.onabort = () => done(null));
      }
      throw new Error("the database is on fire");
    },
  },
});
const { fetch, websocket } = srv;
const server = Bun.serve({ port: 0, fetch, websocket });

const client = createClient(api, { url: server.url, role: "user" });
async function book(show: string, seats: number) {
  try {
    await client.book({ show, seats }, { timeoutMs: 200 });
  } catch (error) {
    if (!isSocketError(error)) throw error; // a bug of this program
    switch (error.code) {
      case "SOLD_OUT": {
        const { waiting } = error.data as { waiting: number };
        return console.log(
          `SOLD_OUT: ${error.message}, ${waiting} on the waiting list`,
        );
      }
      case "VALIDATION": {
        const { issues } = error.data as {
          issues: { path: string[]; message: string }[];
        };
        const [issue] = issues;
        return console.log("VALIDATION:", issue?.path.join(), issue?.message);
      }
      case "TIMEOUT": // it may have run: ask before trying again
        return console.log("TIMEOUT");
      default:
        return console.log(`${error.code}: ${error.message}`);
    }
  }
}
await book("sold out", 1);
await book("hamlet", -1);
await book("hamlet", 1);
await book("slow", 1);

client.close();
await srv.close();
await server.stop();
