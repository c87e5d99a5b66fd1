import { afterEach, expect, test } from "bun:test";
import { Hono } from "hono";
import { z } from "zod";
import { createSocketServer, defineContract } from "@super-line/edge";
import { metrics } from "@super-line/edge/metrics";
import { createTestServer } from "../helpers/api.ts";
import { connect } from "../helpers/peer.ts";
import { until } from "../helpers/wait.ts";
import { cluster, endAll, member } from "../cluster/nodes.ts";

afterEach(endAll);

const SAMPLE =
  /^([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)+)\})? (\S+)$/;

/** Reads the text as the format has it: every family is announced once, and its samples follow it. */
function parse(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  const families = new Set<string>();
  let family = "";
  expect(text.endsWith("\n")).toBe(true);
  for (const line of text.slice(0, -1).split("\n")) {
    const announced = /^# (HELP|TYPE) (\S+) /.exec(line);
    if (announced) {
      family = announced[2] ?? "";
      if (announced[1] === "HELP") expect(families.has(family)).toBe(false);
      families.add(family);
      continue;
    }
    const [, name = "", labels = "", value] = SAMPLE.exec(line) ?? [];
    expect([line, name.replace(/_(bucket|sum|count)$/, "")])
      .toEqual([line, family]);
    expect(samples.has(name + labels)).toBe(false);
    expect(Number.isFinite(Number(value))).toBe(true);
    samples.set(`${name}{${labels}}`, Number(value));
  }
  return samples;
}

test("metrics answers with every count, as Prometheus reads it", async () => {
  const { srv } = createTestServer();
  const peer = await connect(srv);
  await peer.call("req", 1, "echo", { text: "a" });
  await peer.call("req", 2, "echo", {});
  await connect(srv, { headers: { origin: "https://evil.test" } });
  const response = metrics(srv)();
  expect(response.headers.get("content-type")).toBe(
    "text/plain; version=0.0.4",
  );
  const samples = parse(await response.text());
  const echo = 'kind="request",entry="shared.echo"';
  expect(Object.fromEntries(samples)).toMatchObject({
    'superline_connections{role="user"}': 1,
    'superline_connections{role="agent"}': 0,
    "superline_connections_total{}": 1,
    'superline_refusals_total{reason="origin"}': 1,
    'superline_frames_total{direction="in"}': 2,
    [`superline_calls_total{${echo},outcome="ok"}`]: 1,
    [`superline_calls_total{${echo},outcome="VALIDATION"}`]: 1,
    [`superline_call_duration_seconds_bucket{${echo},le="+Inf"}`]: 2,
    [`superline_call_duration_seconds_count{${echo}}`]: 2,
    "superline_adapter_up{}": 1,
    'superline_held{what="sessions"}': 1,
  });
});

test("the adapter's lag is there when an envelope came back, and whether it is up", async () => {
  const { a, b, bus } = cluster();
  const sample = async (name: string) =>
    parse(await metrics(a)().text()).get(`superline_adapter_${name}{}`);
  const { got } = await member(b);
  await member(a);
  expect(await sample("up")).toBe(1);
  expect(await sample("lag_seconds")).toBeUndefined();
  a.room("lobby").broadcast("message", { n: 1 });
  await until(() => got.length > 0 && a.stats().adapter.lagMs !== undefined);
  const lag = await sample("lag_seconds");
  expect(lag).toBeGreaterThan(0);
  expect(lag).toBeLessThan(4); // the wait's bound: it is in seconds
  bus.fail();
  expect(await sample("up")).toBe(0);
});

test("names of any characters are escaped", async () => {
  const name = 'a"b\\c\nd ü';
  const api = defineContract({
    roles: {
      user: {
        clientToServer: { [name]: { input: z.null(), output: z.null() } },
      },
    },
  });
  const srv = createSocketServer(api, {
    authenticate: () => ({ role: "user" }),
  });
  srv.implement({ user: { [name]: () => null } } as never);
  const peer = await connect(srv);
  await peer.call("req", 1, name, null);
  const samples = parse(await metrics(srv)().text());
  const labels = 'kind="request",entry="user.a\\"b\\\\c\\nd ü",outcome="ok"';
  expect(samples.get(`superline_calls_total{${labels}}`)).toBe(1);
});

test("metrics is a Hono handler", async () => {
  const { srv } = createTestServer();
  const app = new Hono().get("/metrics", metrics(srv));
  const response = await app.request("/metrics");
  expect(response.status).toBe(200);
  parse(await response.text());
});
