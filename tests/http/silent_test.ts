/** Who is there: clients that confirm nothing are gone after heartbeatTimeoutMs, one that reads slowly is not. */
import { expect, test } from "bun:test";
import { createSocketServer, defineContract } from "../../mod.ts";
import { createClient } from "../../src/client/client.ts";
import { http } from "../../src/client/http.ts";
import { createEventReader } from "../../src/wire/event_stream.ts";
import { serve } from "../helpers/serve.ts";
import { until } from "../helpers/wait.ts";

const api = defineContract({ roles: { user: {} } });
// Bun sends at most 256 requests at once unless it is told otherwise (1.4).
const CLIENTS = Number(process.env["CLIENTS"] ?? 200);

test(
  `${CLIENTS} clients that vanish while they read are gone, an honest one stays`,
  async () => {
    const codes = new Map<number, number>();
    const srv = createSocketServer(api, {
      authenticate: () => ({ role: "user" }),
      heartbeatMs: 1_000,
      heartbeatTimeoutMs: 3_000,
      limits: { handshakesPerSecond: 10_000 },
      onDisconnect: (_conn, _ctx, code) =>
        void codes.set(code, (codes.get(code) ?? 0) + 1),
    });
    srv.implement({});
    await using running = serve(srv, srv);
    const url = `${running.url.replace("ws", "http")}?role=user`;
    const honest = createClient(api, {
      url,
      role: "user",
      transport: [http()],
    });
    await honest.ready;

    // Their responses stay open and are read: only what they send says that they are there.
    const reading = Array.from({ length: CLIENTS }, async () => {
      const opened = await fetch(url, {
        method: "POST",
        headers: { superline: "open superline.v1" },
      });
      const [first] = createEventReader()(await opened.text());
      const [id, secret] = first?.data as string[];
      const response = await fetch(url, {
        headers: { superline: `read ${id} ${secret} 0` },
      });
      return await response.text();
    });
    await until(
      () => srv.local.connections.length === CLIENTS + 1,
      undefined,
      20_000,
    );
    await until(() => srv.local.connections.length === 1, undefined, 20_000);
    for (const text of await Promise.all(reading)) {
      expect(createEventReader()(text).at(-1)).toMatchObject({
        kind: "close",
        data: [4408, expect.any(String)],
      });
    }
    expect(codes.get(4408)).toBe(CLIENTS);
    expect(honest.state).toBe("open");
    honest.close();
    await until(() => srv.local.connections.length === 0);
  },
  60_000,
);
