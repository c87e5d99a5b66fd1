// Inside workerd, a node that hears of news by wakes alone: its next read without one would be a minute away.
import { createUpstashAdapter } from "../../adapters/upstash.ts";
import { RecordingHost } from "../../src/testing/recording_host.ts";

export default {
  async fetch(request: Request): Promise<Response> {
    const { url, token } = await request.json() as Record<string, string>;
    const [reader, writer] = [new RecordingHost(), new RecordingHost()];
    const [from, to] = [writer, reader].map((host) => {
      const adapter = createUpstashAdapter({
        ...{ url: `${url}`, token: `${token}`, namespace: "workerd" },
        ...{ wake: "sse", minIntervalMs: 60_000, maxIntervalMs: 60_000 },
      });
      adapter.open(host);
      return adapter;
    });
    if (!from || !to) throw new Error("Two were opened");
    await to.subscribe("c");
    const end = Date.now() + 15_000;
    // The connection for wakes may not stand yet: what is written until then is read with the first wake.
    for (let at = 0; reader.received("c").length === 0; at++) {
      if (Date.now() > end) break;
      from.publish("c", `${at}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await Promise.all([from.close(), to.close()]);
    const { errors } = reader;
    return Response.json({
      received: reader.received("c"),
      errors: errors.map(String),
    });
  },
};
