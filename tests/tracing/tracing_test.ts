import { afterEach, expect, test } from "bun:test";
import { context, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { tracing } from "../../examples/tracing/tracing.ts";
import { createTestServer } from "../helpers/api.ts";
import { connect } from "../helpers/peer.ts";

afterEach(() => {
  trace.disable();
  context.disable();
});

/** Registers the SDK, as an application does when it starts. */
function record(): InMemorySpanExporter {
  const exporter = new InMemorySpanExporter();
  const spanProcessors = [new SimpleSpanProcessor({ exporter })];
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors }));
  context.setGlobalContextManager(new AsyncLocalStorageContextManager());
  return exporter;
}

test("the example makes a span a call, active in its handler, ended with its outcome", async () => {
  const exporter = record();
  const { srv } = createTestServer({ ...tracing({ context, trace }) }, {
    echo: async ({ text }) => {
      await Promise.resolve();
      if (text === "broken") throw new Error("inside");
      srv.room("r").broadcast("message", { n: 1 });
      return { text };
    },
  });
  const peer = await connect(srv);
  await peer.call("req", 1, "echo", { text: "a" });
  await peer.call("req", 2, "echo", { text: "broken" });
  await peer.call("req", 3, "echo", {});
  await peer.call("sub", 4, "nothing");
  const spans = exporter.getFinishedSpans();
  const told = spans.map(({ name, status, attributes, events }) => ({
    name,
    status: status.code,
    outcome: attributes["superline.outcome"],
    events: events.map(({ name, attributes }) => [
      name,
      attributes?.["entry"] ?? attributes?.["exception.message"],
    ]),
  }));
  const { UNSET, ERROR } = SpanStatusCode;
  expect(told).toEqual([
    {
      name: "request shared.echo",
      status: UNSET,
      outcome: "ok",
      events: [["publish", "shared.message"]],
    },
    {
      name: "request shared.echo",
      status: ERROR,
      outcome: "INTERNAL",
      events: [["exception", "inside"]],
    },
    {
      name: "request shared.echo",
      status: UNSET,
      outcome: "VALIDATION",
      events: [],
    },
    {
      name: "subscribe unknown",
      status: UNSET,
      outcome: "NOT_FOUND",
      events: [],
    },
  ]);
  const [conn] = srv.local.connections;
  for (const { ended, kind, attributes } of spans) {
    expect(ended).toBe(true);
    expect(kind).toBe(SpanKind.SERVER);
    expect(attributes["superline.role"]).toBe("user");
    expect(attributes["superline.connection"]).toBe(conn?.id);
  }
});
