// Beside the rows: from node to node over Upstash's REST, beside the SDK alone and @upstash/realtime.
import { join } from "node:path";
import { bun } from "../../scripts/run.mjs";
import { interleave, result } from "../harness/compare.mjs";
import { here, Program } from "../harness/programs.mjs";

const subjects = {
  bare: { way: "bare" },
  ours: { way: "ours" },
  "ours, polling": { way: "polling" },
  "@upstash/realtime": { way: "realtime", peer: true },
};
const units = {
  p50: "ms from one to the other, p50",
  requests: "requests a message, 20 turns a second",
  commands: "commands a message, 20 turns a second",
};

export async function* run({ scale, few }) {
  const turns = few ? 5 : Math.ceil(100 * Math.max(scale, 0.2));
  const seen = {};
  const { missing } = await interleave(
    subjects,
    { rounds: 1, few },
    async ({ way }) => {
      const program = new Program(bun, [
        join(here, "upstash/ways.mjs"),
        ...[way, turns],
      ]);
      try {
        seen[way] = { 1: await program.line(), 10: await program.line() };
      } finally {
        await program.close();
      }
    },
  );
  for (const perTurn of [1, 10]) {
    for (const [what, unit] of Object.entries(units)) {
      const values = Object.fromEntries(
        Object.entries(subjects)
          .filter(([, { way }]) => seen[way])
          .map(([name, { way }]) => [name, [seen[way][perTurn][what]]]),
      );
      yield result({ values, missing }, {
        ...{ id: 6, name: `upstash-${perTurn}-a-turn-${what}`, unit },
        ...{ ours: "ours", control: "bare", peer: "@upstash/realtime" },
      });
    }
  }
}
