import { expect, test } from "bun:test";
import { createSettings } from "../src/server/options.ts";

const page = await Bun.file(`${import.meta.dir}/../docs/production.md`).text();
const named = (path: string, options: object) =>
  Object.entries(options).map(([name, value]) => [path + name, value] as const);
const [, table = ""] = page.split(/<!-- limits: (?:begin|end) -->/);

test("docs/production.md says every limit's default, and no other's", () => {
  const { limits, backpressure, ...settings } = createSettings({
    authenticate: () => ({ role: "user" }),
  });
  const defaults = [
    ...named("limits.", limits),
    ...named("", settings),
    ...named("backpressure.", backpressure),
  ].filter(([, value]) => typeof value === "number");
  const rows = table.split("\n").flatMap((line) => {
    const [, name, value, unit, past] =
      /^\| `(\S+)` *\| ([\d ]+) \| (.+?) *\| (.+?) *\|$/
        .exec(line) ?? [];
    return name && unit && past
      ? [[name, Number(value?.replaceAll(" ", ""))]]
      : [];
  });
  expect(rows.length).toBe(table.trim().split("\n").length - 2);
  expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(defaults));
});

test("PROTOCOL.md says the same", async () => {
  const rows = new Map(
    [...table.matchAll(/^\| `(\S+)` *\| ([\d ]+?) *\|/gm)]
      .map(([, name, value]) => [name?.replace("limits.", ""), value]),
  );
  const protocol = await Bun.file(`${import.meta.dir}/../PROTOCOL.md`).text();
  const [, limits = ""] = protocol.split("## Limits");
  const told = [...limits.matchAll(/^\| `(\S+)` *\| ([\d ]+?) *\|/gm)];
  expect(told.length).toBeGreaterThan(8);
  for (const [, name, value] of told) {
    expect([name, value]).toEqual([name, rows.get(name)]);
  }
});
