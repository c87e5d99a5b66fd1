import { expect, test } from "bun:test";
import { AsyncLocalStorage } from "node:async_hooks";
import { type SpanLike, tracing } from "../../examples/tracing/tracing.ts";
import { createTestServer } from "../helpers/api.ts";
import { connect } from "../helpers/peer.ts";

class Span implements SpanLike {
  readonly told: unknown[] = [];
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
  setAttribute(_name: string, value: string): void {
    this.told.push(value);
  }
  setStatus(status: { code: number }): void {
    this.told.push(status.code);
  }
  recordException(error: Error | string): void {
    this.told.push(String(error));
  }
  addEvent(name: string, { entry }: Record<string, string>): void {
    this.told.push(`${name} ${entry}`);
  }
  end(): void {
    this.told.push("end");
  }
}

/** As much of `@opentelemetry/api` as the example uses; its context is the active span. */
function fakeOpenTelemetry() {
  const active = new AsyncLocalStorage<Span | undefined>();
  const spans: Span[] = [];
  return {
    spans,
    trace: {
      getTracer: () => ({
        startSpan: (name: string) => {
          const span = new Span(name);
          spans.push(span);
          return span;
        },
      }),
      getActiveSpan: () => active.getStore(),
      setSpan: (_context: Span | undefined, span: Span) => span,
    },
    context: {
      active: () => active.getStore(),
      with: <T>(span: Span | undefined, run: () => T) => active.run(span, run),
    },
  };
}

test("the example makes a span a call, active in its handler, ended with its outcome", async () => {
  const telemetry = fakeOpenTelemetry();
  const { srv } = createTestServer({ ...tracing(telemetry) }, {
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
  expect(telemetry.spans.map(({ name, told }) => [name, ...told])).toEqual([
    ["request shared.echo", "publish shared.message", "ok", "end"],
    ["request shared.echo", "INTERNAL", 2, "Error: inside", "end"],
    ["request shared.echo", "VALIDATION", "end"],
    ["subscribe unknown", "NOT_FOUND", "end"],
  ]);
});
