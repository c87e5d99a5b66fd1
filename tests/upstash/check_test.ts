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

test("an idle node looks now and then whether ids went back, and reads on from there", async () => {
  const { url, token } = local.server;
  const host = new RecordingHost();
  const gaps: unknown[] = [];
  const node = new UpstashNode(
    ownClient({ url, token }),
    host,
    {
      ...QUICK,
      ...{ prefix: "check", factor: 2, streamLength: STREAM_LENGTH },
      ...{ maxPending: 1_000_000, bridge: false, wakes: undefined },
      ...{ checkMs: 100, onGap: (gap) => gaps.push(gap) },
    },
  );
  const key = shardKey("check", shardOf("c"));
  const ahead = ["i", "iother.1", "c", "cc", "d", "sfirst"];
  await local.redis.command("XADD", key, "99999999999999-0", ...ahead);
  await node.subscribe("c");
  await local.redis.command("DEL", key);
  await until(() => gaps.length === 1);
  expect(gaps).toEqual([{ reason: "went-back", channels: ["c"] }]);
  const writer = open(local, "check");
  writer.adapter.publish("c", "again");
  await until(() => host.received("c").length === 1);
  expect(host.received("c")).toEqual(["again"]);
  expect(gaps.length).toBe(1);
  await writer.adapter.close();
  await node.close();
});
