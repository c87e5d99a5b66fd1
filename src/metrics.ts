/**
 * The statistics of a server in the format of Prometheus.
 *
 * @example Beside the socket, on a port of its own
 * ```ts
 * import { z } from "zod";
 * import { createSocketServer, defineContract } from "@super-line/edge";
 * import { metrics } from "@super-line/edge/metrics";
 *
 * const api = defineContract({
 *   roles: { user: { clientToServer: { echo: { input: z.string(), output: z.string() } } } },
 * });
 * const srv = createSocketServer(api, { authenticate: () => ({ role: "user" }) });
 * srv.implement({ user: { echo: (text) => text } });
 *
 * const response = metrics(srv)();
 * console.log(await response.text());
 * ```
 *
 * @module
 */
import type { Stats } from "./server/stats/counters.ts";
import { DURATION_BOUNDS_MS } from "./server/stats/call_stats.ts";

/** The members used of a server. */
export interface CountingLike {
  /** Returns the statistics. */
  stats(): Stats;
}

/**
 * Creates a handler that responds with a server's statistics in Prometheus' text format 0.0.4.
 *
 * It can be used as a `fetch` handler and as a Hono handler. It ignores the request, so restrict access by a separate
 * port or by middleware. The contract bounds the number of series.
 *
 * @param srv The server
 * @returns The handler
 *
 * @example In Hono
 * ```ts ignore
 * app.get("/metrics", metrics(srv));
 * ```
 */
export function metrics(srv: CountingLike): () => Response {
  const headers = { "content-type": "text/plain; version=0.0.4" };
  return () => new Response(render(srv.stats()), { headers });
}

type Labels = Readonly<Record<string, string | number>>;
type Sample = readonly [labels: Labels, value: number, suffix?: string];

function render(stats: Stats): string {
  const { adapter, calls, relay, topics } = stats;
  const by = (label: string, counts: Readonly<Record<string, number>>) =>
    Object.entries(counts).map(([name, n]): Sample => [{ [label]: name }, n]);
  const one = (n: number): Sample[] => [[{}, n]];
  return [
    family("connections", "gauge", "Open connections", by("role", stats.roles)),
    family(
      "connections_total",
      "counter",
      "Connections let in",
      one(stats.accepted),
    ),
    family(
      "closes_total",
      "counter",
      "Connections ended, by close code",
      by("code", stats.closes),
    ),
    family(
      "refusals_total",
      "counter",
      "Handshakes refused, by reason",
      by("reason", stats.refusals),
    ),
    family("frames_total", "counter", "Frames, heartbeats left out", [
      [{ direction: "in" }, stats.framesIn],
      [{ direction: "out" }, stats.framesOut],
    ]),
    family(
      "heartbeats_total",
      "counter",
      "Heartbeats that came in",
      one(stats.heartbeats),
    ),
    family(
      "malformed_frames_total",
      "counter",
      "Frames that could not be read",
      one(stats.malformed),
    ),
    family(
      "limited_total",
      "counter",
      "Calls refused, by limit",
      by("limit", stats.limits),
    ),
    family(
      "dropped_messages_total",
      "counter",
      "Events and topic messages dropped for slow readers",
      one(stats.dropped),
    ),
    family(
      "refused_server_events_total",
      "counter",
      "Server events of other nodes that their schema here refused",
      one(stats.refusedServerEvents),
    ),
    family(
      "errors_total",
      "counter",
      "Errors that went to onError",
      one(stats.errors),
    ),
    family(
      "calls_total",
      "counter",
      "Calls that ended, by entry and outcome",
      calls.flatMap(({ kind, entry, outcomes }) =>
        Object.entries(outcomes).map(
          ([outcome, n]): Sample => [{ kind, entry, outcome }, n],
        )
      ),
    ),
    family(
      "call_duration_seconds",
      "histogram",
      "From a call's frame to its answer",
      calls.flatMap(histogram),
    ),
    family(
      "kept_messages_total",
      "counter",
      "Messages of kept topics that this node published, by outcome",
      by("outcome", {
        kept: topics.kept,
        not_kept: topics.notKept,
        unknown: topics.unknown,
      }),
    ),
    family(
      "kept_gaps_total",
      "counter",
      "Subscriptions to kept topics that were told of a gap, by cause",
      by("cause", topics.gapCauses),
    ),
    family(
      "kept_topics_total",
      "counter",
      "What happened to kept topics",
      by("what", {
        resumed: topics.resumed,
        replayed: topics.replayed,
        snapshots: topics.snapshots,
        reads: topics.reads,
        shared_reads: topics.sharedReads,
        holes: topics.holes,
        breaks: topics.breaks,
      }),
    ),
    family(
      "adapter_up",
      "gauge",
      "Whether the adapter reaches its broker",
      one(adapter.state === "up" ? 1 : 0),
    ),
    family(
      "adapter_lag_seconds",
      "gauge",
      "How long an envelope takes through the broker",
      adapter.lagMs === undefined ? [] : one(adapter.lagMs / 1_000),
    ),
    family(
      "envelopes_total",
      "counter",
      "Envelopes between nodes, by what became of them",
      by("what", { ...relay }),
    ),
    family(
      "held",
      "gauge",
      "Sizes of internal collections",
      by("what", stats.sizes),
    ),
  ].join("");
}

function histogram(
  { kind, entry, durations, durationMs }: Stats["calls"][number],
): Sample[] {
  let sum = 0;
  const buckets = durations.map((n, at): Sample => {
    const bound = DURATION_BOUNDS_MS[at];
    const le = bound === undefined ? "+Inf" : bound / 1_000;
    return [{ kind, entry, le }, sum += n, "_bucket"];
  });
  return [
    ...buckets,
    [{ kind, entry }, durationMs / 1_000, "_sum"],
    [{ kind, entry }, sum, "_count"],
  ];
}

function family(
  name: string,
  type: "counter" | "gauge" | "histogram",
  help: string,
  samples: readonly Sample[],
): string {
  if (samples.length === 0) return "";
  const lines = samples.map(([labels, value, suffix = ""]) =>
    `superline_${name}${suffix}${braced(labels)} ${value}\n`
  );
  return `# HELP superline_${name} ${help}\n# TYPE superline_${name} ${type}\n${
    lines.join("")
  }`;
}

function braced(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) =>
    `${name}="${escaped(String(value))}"`
  );
  return pairs.length > 0 ? `{${pairs.join(",")}}` : "";
}

/** Names come from the contract and may contain any character. */
function escaped(value: string): string {
  return value.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n");
}
