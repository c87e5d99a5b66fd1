// 11: what a contract costs the compiler: type instantiations, an exact count, beside the same zod schemas alone; and
// beside the same schemas with each type that the contract needs read by zod's own means and held to what JSON carries.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bun, root } from "../../scripts/run.mjs";
import { round } from "../harness/compare.mjs";
import { check, complete, project } from "../harness/compiler.mjs";
import { contracts } from "../harness/contracts.mjs";
import { here } from "../harness/programs.mjs";

const schema = (at) =>
  `z.object({ id: z.string(), n${at}: z.number(), tags: z.array(z.string()), kind: z.enum(["a", "b", "c${at}"]).optional() })`;

/** Requests, events and topics, `count` of each, and the same schemas alone. A request has two. */
function programs(count) {
  const names = Array.from({ length: count }, (_, at) => at);
  const schemas = names.flatMap((at) => [
    `const input${at} = ${schema(at)};`,
    `const output${at} = ${schema(at + 100)};`,
    `const event${at} = ${schema(at + 200)};`,
    `const topic${at} = ${schema(at + 300)};`,
  ]);

  const alone = `import { z } from "zod";
${schemas.join("\n")}
export type All = [${
    names.map((at) =>
      `z.infer<typeof input${at}>, z.infer<typeof output${at}>, z.infer<typeof event${at}>, z.infer<typeof topic${at}>`
    ).join(",\n")
  }];
export const all: All | undefined = undefined;
`;

  const read = `${alone}
type Json = string | number | boolean | null | undefined | readonly Json[] | { readonly [key: string]: Json };
type Read = [${
    names.map((at) =>
      `z.input<typeof input${at}>, z.output<typeof input${at}>, z.input<typeof output${at}>, z.output<typeof output${at}>, z.output<typeof event${at}>, z.output<typeof topic${at}>`
    ).join(",\n")
  }];
export const json: Read extends readonly Json[] ? true : false = true;
`;

  const contract = `import { z } from "zod";
import { createSocketServer, defineContract } from "../../mod.ts";
import { createClient } from "../../src/client/client.ts";
${schemas.join("\n")}
const api = defineContract({ roles: { user: {
  clientToServer: { ${
    names.map((at) => `r${at}: { input: input${at}, output: output${at} }`)
      .join(", ")
  } },
  serverToClient: { ${
    names.flatMap((at) => [
      `e${at}: { payload: event${at} }`,
      `t${at}: { payload: topic${at}, subscribe: true }`,
    ]).join(", ")
  } },
} } });
const srv = createSocketServer(api, { authenticate: () => ({ role: "user" as const }) });
srv.implement({ user: { ${
    names.map((at) => `r${at}: ({ id }) => ({ id, n${at + 100}: 1, tags: [] })`)
      .join(", ")
  } } });
const client = createClient(api, { url: "ws://localhost", role: "user" });
export const answers = [${
    names.map((at) =>
      `client.r${at}({ id: "", n${at}: 1, tags: [] }).then((it) => it.n${
        at + 100
      })`
    ).join(", ")
  }];
`;
  return { alone, read, contract };
}

export async function* run({ few }) {
  const { alone, read, contract } = programs(few ? 3 : 100);
  const value = await instantiations(contract);
  const controls = [["types-300-entries", alone, 1.5], [
    "types-300-entries-read",
    read,
    undefined,
  ]];
  for (const [name, program, target] of controls) {
    const control = await instantiations(program);
    const ratio = value / control;
    yield {
      id: 11,
      name,
      unit: "instantiations, implemented and called",
      value,
      control,
      ratio: round(ratio),
      ...(target && { target, ok: ratio <= target }),
    };
  }
  yield* besidePeers(few);
}

/** The same requests for the peers, each file compiled alone, from declarations; and completion in the client's file. */
async function* besidePeers(few) {
  const files = contracts(few ? 3 : 300);
  const { folder, remove } = project(files);
  try {
    const measured = {};
    for (const name of few ? ["ours"] : ["ours", "orpc", "trpc"]) {
      const client = `${name}_client.ts`;
      measured[name] = {
        server: check(folder, `${name}_server.ts`),
        client: check(folder, client),
        completion: await complete(folder, client, files[client]),
      };
    }
    for (const [name, peer] of Object.entries(measured)) {
      if (name === "ours" && !few) continue;
      for (const side of ["server", "client"]) {
        const value = measured.ours[side].instantiations;
        const control = peer[side].instantiations;
        yield {
          id: 11,
          name: `types-${side}-beside-${name}`,
          unit: `instantiations; check ${measured.ours[side].seconds} s, ${
            peer[side].seconds
          } s`,
          value,
          control,
          ratio: round(value / control),
          ...(!few && { target: 1, ok: value < control }),
        };
      }
      const value = Math.round(measured.ours.completion.first);
      const control = Math.round(peer.completion.first);
      yield {
        id: 11,
        name: `types-completion-beside-${name}`,
        unit: "ms, first completion in the client's file",
        value,
        control,
        ratio: round(value / control),
      };
    }
  } finally {
    remove();
  }
}

function instantiations(program) {
  const folder = mkdtempSync(join(here, "bench-"));
  try {
    writeFileSync(join(folder, "program.ts"), program);
    const config = {
      extends: "../../tsconfig.json",
      include: ["program.ts"],
      compilerOptions: { types: [] },
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const { stdout, status } = spawnSync(
      bun,
      [tsc, "--project", folder, "--extendedDiagnostics"],
      { encoding: "utf8" },
    );
    const found = /Instantiations:\s+(\d+)/.exec(stdout);
    if (status !== 0 || !found) throw new Error(stdout);
    return Number(found[1]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
