import {
  createUpstashAdapter,
  type UpstashAdapterOptions,
  type UpstashGap,
} from "../../adapters/upstash.ts";
import { RecordingHost } from "../../src/testing/recording_host.ts";
import type { LocalUpstash } from "./local_upstash.ts";
import { QUICK } from "./upstash_subject.ts";

/** What is to be done after the test, last first. */
export const endings: (() => unknown)[] = [];

/** Ends what a test opened. */
export async function endAll(): Promise<void> {
  for (const end of endings.splice(0).reverse()) await end();
}

/** Opens an adapter on a local Upstash. */
export function open(
  local: LocalUpstash,
  namespace: string,
  options: Partial<UpstashAdapterOptions> = {},
) {
  const { url, token } = local.server;
  const host = new RecordingHost();
  const causes: unknown[] = [];
  const told = host.status.bind(host);
  host.status = (status: "up" | "down", cause?: unknown) => {
    if (status === "down") causes.push(cause);
    told(status);
  };
  const gaps: UpstashGap[] = [];
  const where = options.client ? {} : { url, token };
  const adapter = createUpstashAdapter({
    ...QUICK,
    ...where,
    namespace,
    onGap: (gap) => gaps.push(gap),
    ...options,
  });
  adapter.open(host);
  endings.push(() => adapter.close());
  return { host, adapter, causes, gaps };
}

export const count = (to: number, from = 0) =>
  Array.from({ length: to }, (_, at) => `${from + at}`);
