// Runs the suite for the Upstash adapter inside workerd: one request is the whole of it. The broker goes away and comes
// back at the word of this worker, which can start no server itself.
import { createUpstashAdapter } from "../../adapters/upstash.ts";
import { upstashSuite } from "./upstash_suite.ts";
import type { AdapterSubject } from "../../src/testing/adapter_subject.ts";

interface Env {
  /** Where a server is had, and taken away. */
  readonly CONTROL: string;
}

export default {
  async fetch(_request: Request, { CONTROL }: Env): Promise<Response> {
    const ask = async (path: string) =>
      await (await fetch(CONTROL + path, { method: "POST" })).json();
    const failed: string[] = [];
    const left = [...upstashSuite];
    const run = async () => {
      for (let it; (it = left.shift());) {
        const { url, token } = await ask("/server") as Record<string, string>;
        const where = { url: `${url}`, token: `${token}` };
        const subject: AdapterSubject = {
          patienceMs: 10_000,
          presence: true,
          create: ({ namespace }) =>
            createUpstashAdapter({
              ...where,
              ...{ minIntervalMs: 10, maxIntervalMs: 200, timeoutMs: 3_000 },
              ...{ namespace, onGap: () => {} },
            }),
          outage: {
            begin: async () => void await ask(`/pause?${url}`),
            end: async () => void await ask(`/resume?${url}`),
          },
        };
        await it.run(subject)
          .catch((error) => failed.push(`${it.name}: ${error}`));
        await ask(`/close?${url}`);
      }
    };
    await Promise.all([run(), run(), run()]);
    return Response.json({ cases: upstashSuite.length, failed });
  },
};
