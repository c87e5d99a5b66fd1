/** The table of `docs/compatibility.md`: `bun tests/runtimes/table.ts --write` runs the matrix and writes what held. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { Matrix, type Outcomes, type Pair, pairs } from "./matrix.ts";
import { absence, clients, denoPath, servers } from "./places.ts";
import { suite } from "./suite.ts";

export const page: string = fileURLToPath(
  new URL("../../docs/compatibility.md", import.meta.url),
);
const [begin, end] = ["<!-- results: begin -->", "<!-- results: end -->"];

/** Whether the whole table can be made here. */
export const isWhole = [...servers, ...clients].every((it) => !absence(it));

/** What the page says now. */
export function written(): string {
  return readFileSync(page, "utf8");
}

/** The page after these outcomes; without any, the page when every case holds. */
export function render(outcomes?: ReadonlyMap<Pair, Outcomes>): string {
  const [before = ""] = written().split(begin);
  const [, after = ""] = written().split(end);
  const parts = [before + begin, ...results(outcomes), end + after];
  return formatted(parts.join("\n\n"));
}

function results(
  outcomes: ReadonlyMap<Pair, Outcomes> | undefined,
): string[] {
  const cells = (server: string) =>
    clients.map(({ name }) => {
      const pair = pairs.find((it) =>
        it.server.name === server && it.client.name === name
      );
      if (!pair) return "–";
      if (!outcomes) return pair.cases.length;
      const all = [...outcomes.get(pair)?.values() ?? []];
      const held = all.filter(({ error }) => error === undefined).length;
      return held === all.length ? held : `${held} of ${all.length}`;
    });
  const partial = suite.filter((it) => it.needs);
  return [
    table(
      ["server", ...clients.map(({ name }) => `client ${name}`)],
      servers.map(({ name }) => [name, ...cells(name)]),
    ),
    "Servers on Node 22 and 24 run with themselves and with Bun only: they differ from the one on Node 20 in their own runtime. Cloudflare runs without clients on these, and its oldest compatibility date with Bun only.",
    `Of ${suite.length} cases these do not apply everywhere:`,
    table(["case", "pairs", "needs"], [
      ...partial.map(({ name, needs = [] }) => [
        name,
        pairs.filter(({ cases }) => cases.some((it) => it.name === name))
          .length + ` of ${pairs.length}`,
        needs.map((need) => reasons[need]).join(", "),
      ]),
    ]),
  ];
}

const reasons = {
  headers: "a client that sets headers: no browser does",
  cookie: "a client with a page and its cookies",
  http: "plain requests reach `srv.fetch`: not on an HTTP server of Node's",
  hono: "Hono in front",
  gone: "a runtime that tells when a client goes before the upgrade",
  prompt: "a runtime that ends a connection at once on which nothing ever came",
};

function table(head: string[], rows: (string | number)[][]): string {
  return [head, head.map(() => "---"), ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** As `deno fmt` has it, which is checked. */
export function formatted(markdown: string): string {
  const { stdout, stderr, status } = spawnSync(
    denoPath,
    ["fmt", "--ext=md", "-"],
    { input: markdown, encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`Cannot format the page: ${stderr}`);
  return stdout;
}

if (import.meta.main && process.argv.includes("--write")) {
  await using matrix = new Matrix();
  const outcomes = new Map<Pair, Outcomes>();
  for (const pair of pairs) {
    outcomes.set(pair, await matrix.of(pair));
    for (const { name, error } of outcomes.get(pair)?.values() ?? []) {
      if (error === undefined) continue;
      console.error(
        `${pair.server.name} < ${pair.client.name}: ${name}: ${error}`,
      );
    }
  }
  writeFileSync(page, render(outcomes));
}
