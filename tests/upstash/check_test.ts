import { afterAll, expect, test } from "bun:test";
import {
  shardKey,
  shardOf,
  STREAM_LENGTH,
} from "../../adapters/shared/streams.ts";
import { UpstashNode } from "../../adapters/upstash/node.ts";
import { ownClient } from "../../adapters/upstash/managed_client.ts";
import { RecordingHost } from "../../src/testing/recording_host.ts";
import { until } from "../helpers/wait.ts";
import { LocalUpstash } from "./local_upstash.ts";
import { open } from "./open.ts";
import { QUICK } from "./upstash_subject.ts";

const local = await LocalUpstash.start();
afterAll(() => local.end());

for (
  const [how, settings, prefix] of [
    ["asks for all ids now and then", { checkMs: 100 }, "check"],
    ["reads its last entry again", { verifyMs: 100 }, "verify"],
  ] as const
) {
  test(`an idle node that ${how} notices that ids went back, and reads on from there`, async () => {
    const { url, token } = local.server;
    const host = new RecordingHost();
    const gaps: unknown[] = [];
    const node = new UpstashNode(
      ownClient({ url, token }),
      host,
      {
        ...QUICK,
        ...{ prefix, factor: 2, streamLength: STREAM_LENGTH },
        ...{ maxPending: 1_000_000, bridge: false, wakes: undefined },
        ...{ ...settings, onGap: (gap) => gaps.push(gap) },
      },
    );
    const key = shardKey(prefix, shardOf("c"));
    const ahead = ["i", "iother.1", "c", "cc", "d", "sfirst"];
    await local.redis.command("XADD", key, "99999999999999-0", ...ahead);
    await node.subscribe("c");
    await local.redis.command("DEL", key);
    await until(() => gaps.length === 1);
    expect(gaps).toEqual([{ reason: "went-back", channels: ["c"] }]);
    const writer = open(local, prefix);
    writer.adapter.publish("c", "again");
    await until(() => host.received("c").length === 1);
    expect(host.received("c")).toEqual(["again"]);
    expect(gaps.length).toBe(1);
    await writer.adapter.close();
    await node.close();
  });
}

test(
  "reads of the registry are refused at once while the service hangs",
  async () => {
    const { url, token } = local.server;
    const host = new RecordingHost();
    const node = new UpstashNode(
      ownClient({ url, token }),
      host,
      {
        ...QUICK,
        ...{ prefix: "hangs", factor: 2, streamLength: STREAM_LENGTH },
        ...{ maxPending: 1_000_000, bridge: false, wakes: undefined },
        ...{ timeoutMs: 400, onGap: () => {} },
      },
    );
    await node.subscribe("c");
    local.server.trouble({ rate: 1, kinds: ["hang-before"] });
    try {
      await until(() => host.state === "down", undefined, 10_000);
      const start = performance.now();
      const failure = await node.evaluate("return 1", [], []).catch((it) => it);
      expect(failure).toMatchObject({ code: "UNAVAILABLE" });
      expect(performance.now() - start).toBeLessThan(400); // not even one request was waited for
    } finally {
      local.server.trouble({});
    }
    await until(() => host.state === "up", undefined, 10_000);
    expect(await node.evaluate("return 1", [], [])).toBe(1);
    await node.close();
  },
  30_000,
);
