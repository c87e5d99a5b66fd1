/** The hostile peers of `docs/compatibility.md`: `bun tests/hostile/peers_table.ts --write` writes them. */
import { writeFileSync } from "node:fs";
import process from "node:process";
import { formatted, page, written } from "../runtimes/table.ts";
import { missing, peerCases, peerPlaces, reasons } from "./peers.ts";

export { written };

const [begin, end] = ["<!-- peers: begin -->", "<!-- peers: end -->"];

/** What the page has to say; the cases themselves run in `peers_test.ts`. */
export function renderPeers(): string {
  const [before = ""] = written().split(begin);
  const [, after = ""] = written().split(end);
  const rows = peerCases.map((it) => [
    it.name,
    ...peerPlaces.map((place) => missing(it, place) ? "–" : "held"),
  ]);
  const holes = peerPlaces.flatMap((place) => {
    const lacks = new Set(peerCases.map((it) => missing(it, place)));
    return [...lacks].flatMap((need) =>
      need ? [`- **${place.name}**: ${reasons[need]}.`] : []
    );
  });
  const table = [["peer", ...peerPlaces.map(({ name }) => name)]]
    .concat([["---", ...peerPlaces.map(() => "---")]], rows)
    .map((cells) => `| ${cells.join(" | ")} |`).join("\n");
  const parts = [
    before + begin,
    table,
    "Where there is a dash:",
    holes.join("\n"),
    end + after,
  ];
  return formatted(parts.join("\n\n"));
}

if (import.meta.main && process.argv.includes("--write")) {
  writeFileSync(page, renderPeers());
}
