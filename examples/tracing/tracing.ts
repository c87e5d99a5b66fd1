// A span for each call, around what its handler does, with OpenTelemetry. It
// is typed by structure, so that this repository does without the packages:
//   import { context, trace } from "@opentelemetry/api";
//   createSocketServer(api, { authenticate, ...tracing({ context, trace }) });
import type { CallInfo, Middleware, Observer } from "@super-line/edge";

/** What is used of a span. */
export interface SpanLike {
  setAttribute(name: string, value: string): unknown;
  setStatus(status: { code: number; message?: string }): unknown;
  recordException(error: Error | string): void;
  addEvent(name: string, attributes: Record<string, string>): unknown;
  end(): void;
}

/** What is used of `@opentelemetry/api`. */
export interface OpenTelemetryLike<Context, Span extends SpanLike> {
  readonly trace: {
    getTracer(name: string): {
      startSpan(
        name: string,
        options: { kind: number; attributes: Record<string, string> },
      ): Span;
    };
    getActiveSpan(): Span | undefined;
    setSpan(context: Context, span: Span): Context;
  };
  readonly context: {
    active(): Context;
    with<T>(context: Context, run: () => T): T;
  };
}

const SPAN_KIND_SERVER = 1;
const STATUS_ERROR = 2;

/** Makes the two options that trace: the observer has the spans, the middleware puts handlers into them. */
export function tracing<Context, Span extends SpanLike>(
  { context, trace }: OpenTelemetryLike<Context, Span>,
): { readonly observer: Observer; readonly use: Middleware } {
  const tracer = trace.getTracer("super-line");
  const spans = new WeakMap<CallInfo, Span>();
  return {
    observer: {
      onRequestStart({ kind, entry, conn, call }) {
        const span = tracer.startSpan(`${kind} ${entry || "unknown"}`, {
          kind: SPAN_KIND_SERVER,
          attributes: {
            "superline.connection": conn.id,
            "superline.role": conn.role,
          },
        });
        spans.set(call, span);
      },
      onRequestEnd({ call }, { outcome, error }) {
        const span = spans.get(call);
        if (!span) return;
        span.setAttribute("superline.outcome", outcome);
        if (outcome === "INTERNAL") {
          // Any other code is an answer that the caller was meant to get.
          span.setStatus({ code: STATUS_ERROR, message: outcome });
          span.recordException(error instanceof Error ? error : String(error));
        }
        span.end();
      },
      onPublish({ kind, entry }) {
        trace.getActiveSpan()?.addEvent("publish", { kind, entry });
      },
    },
    use: (_ctx, { call }, next) => {
      const span = spans.get(call);
      if (!span) return next();
      return context.with(trace.setSpan(context.active(), span), next);
    },
  };
}
