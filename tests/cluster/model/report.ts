/** What came of a run of the cluster suite. */
import type { Faults, Model } from "./model.ts";

export interface ClusterReport {
  /** What was wrong, by kind; empty when nothing was. */
  readonly faults: Faults;
  readonly examples: readonly string[];
  readonly seed: number;
  readonly messages: number;
  readonly delivered: number;
  /** Pairs of a message and a receiver, by what the model says. */
  readonly pairs: Model["pairs"];
  /** The share of `may` of all pairs. */
  readonly may: number;
  /** Of the pairs that an outage might keep apart: those that it did. */
  readonly lost: number;
  /** Envelopes that a node did not get which was subscribed from the first to the last, in outages. */
  readonly lostEnvelopes: number;
  /** What the nodes counted, summed. */
  readonly relay: Readonly<Record<string, number>>;
  /** How long each return from an outage took until all were live, in milliseconds. */
  readonly backMs: readonly number[];
  readonly seconds: number;
}

/** The report as lines. */
export function inWords(report: ClusterReport): string {
  const { pairs, faults, examples, relay, backMs } = report;
  const all = pairs.must + pairs.may + pairs.mustNot + pairs.risky;
  const share = (count: number) => `${(100 * count / all).toFixed(2)} %`;
  const wrong = Object.values(faults).reduce((sum, count) => sum + count, 0);
  const lines = [
    `seed ${report.seed}: ${report.messages} messages, ${report.delivered} deliveries, ${wrong} wrong, ${
      report.seconds.toFixed(1)
    } s`,
    `of ${all} pairs must ${share(pairs.must)}, may ${
      share(pairs.may)
    }, must not ${share(pairs.mustNot)}`,
  ];
  if (backMs.length > 0) {
    lines.push(
      `${
        share(pairs.risky)
      } in outages, of which ${report.lost} were lost; live again after ${
        backMs.join(", ")
      } ms`,
      `nodes missed ${report.lostEnvelopes} envelopes, and counted ${
        relay["missed"]
      }; senders counted ${relay["dropped"]} dropped, ${
        relay["repeated"]
      } were repeated`,
    );
  }
  if (wrong > 0) lines.push(JSON.stringify(faults), ...examples);
  return lines.join("\n  ");
}
