/** What the page says of Node: a socket server on an HTTP server that has upgrades of others as well. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { z } from "zod";
import { defineContract } from "../../mod.ts";
import { createSocketServer } from "../../src/node.ts";

const api = defineContract({
  roles: {
    user: {
      clientToServer: {
        echo: { input: z.string(), output: z.string() },
        flood: { input: z.number(), output: z.number() },
      },
      serverToClient: { note: { payload: z.string() } },
    },
  },
});

/** What a page's environment for tests, such as jsdom, does to the globals: its own controller, or no fetch at all. */
if (process.argv.includes("jsdom")) {
  const Native = AbortController;
  class ForeignSignal extends EventTarget {
    aborted = false;
  }
  Object.assign(globalThis, {
    AbortSignal: ForeignSignal,
    AbortController: class {
      readonly signal = new ForeignSignal();
      readonly #native = new Native();
      abort(reason?: unknown): void {
        this.#native.abort(reason);
        this.signal.aborted = true;
        this.signal.dispatchEvent(new Event("abort"));
      }
    },
  });
} else if (process.argv.includes("bare")) {
  for (const name of ["Request", "Response", "Headers", "fetch"]) {
    Object.defineProperty(globalThis, name, { value: undefined });
  }
}

const closes: number[] = [];
const authenticate = async (request: Request) => {
  const query = new URL(request.url).searchParams;
  await new Promise((done) => setTimeout(done, Number(query.get("wait"))));
  return { role: "user" as const };
};

const server = createServer((request, response) => {
  if (request.url === "/close") {
    srv.close({ drainMs: 200 }).then(() =>
      response.end(String(server.listenerCount("upgrade")))
    );
  } else if (request.url === "/end") {
    const start = performance.now();
    response.writeHead(200, { connection: "close" });
    // The HTTP server's own end as well, which waits for every connection it has.
    srv.close().then(() => {
      const socketMs = performance.now() - start;
      response.end();
      server.close(() =>
        console.log(JSON.stringify({
          socketMs,
          httpMs: performance.now() - start,
        }))
      );
    });
  } else if (request.url === "/report") {
    response.end(JSON.stringify({ stats: srv.stats(), closes }));
  } else response.end("hello");
});

const srv = createSocketServer(api, {
  server,
  authenticate,
  path: "/realtime",
  limits: { maxMessageBytes: 4_096 },
  backpressure: { maxBufferedBytes: 65_536 },
  onDisconnect: (_conn, _ctx, code) => void closes.push(code),
});
srv.implement({
  user: {
    echo: (text) => text,
    flood: (count, _ctx, conn) => {
      for (let n = 0; n < count; n++) conn.emit("note", "x".repeat(10_000));
      return count;
    },
  },
});

if (process.argv.includes("shared")) {
  server.on("upgrade", (request, tcp) => {
    if (request.url !== "/theirs") return;
    tcp.end("HTTP/1.1 418 Theirs\r\nconnection: close\r\n\r\n");
  });
} else if (process.argv.includes("two")) {
  createSocketServer(api, { server, authenticate, path: "/second" })
    .implement({ user: { echo: (text) => `second ${text}`, flood: () => 0 } });
}
server.listen(0, "127.0.0.1", () => {
  console.log(`port ${(server.address() as AddressInfo).port}`); // it listens on TCP
});
