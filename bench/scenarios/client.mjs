// 10: the client: bytes, and the time to parse and dispatch events beside JSON.parse alone.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { bun, root } from "../../scripts/run.mjs";
import { interleave, result } from "../harness/compare.mjs";
import { here, Program } from "../harness/programs.mjs";

const limit = 6_000;

export async function* run({ rounds, scale, few }) {
  const value = weigh();
  yield {
    id: 10,
    name: "client-size",
    unit: "bytes min+gzip",
    value,
    limit,
    ok: value <= limit,
  };
  const sizes = new Program(bun, [join(here, "server/client_sizes.ts")]);
  const { costs } = await sizes.line();
  await sizes.end();
  yield {
    ...{ id: 10, name: "client-size-by-file", unit: "bytes min+gzip" },
    ...{ value, others: costs },
    note: `without a file it is smaller by: ${
      Object.entries(costs).map((it) => it.join(" ")).join(", ")
    }`,
  };
  const times = Math.max(20, Math.ceil(500 * scale));
  const measured = await interleave(
    { parse: "parse", ours: "ours" },
    { rounds: rounds * 5, few },
    async (what) => {
      const program = join(here, "server/client_program.ts");
      const child = new Program(bun, [program, what, times]);
      try {
        return (await child.line()).us;
      } finally {
        await child.end();
      }
    },
  );
  yield result(measured, {
    ...{ id: 10, name: "client-dispatch-1000-events", target: 1.5 },
    ...{ unit: "µs for 1000 events", ours: "ours", control: "parse" },
  });
}

function weigh() {
  const entry = join(root, "scripts/size_entry_client.ts");
  const args = ["build", "--minify", "--target=browser", entry];
  const { stdout, status, stderr } = spawnSync(bun, args, { cwd: root });
  if (status !== 0) throw new Error(String(stderr));
  return gzipSync(stdout, { level: 9 }).length;
}
