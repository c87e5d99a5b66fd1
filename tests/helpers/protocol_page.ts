/** Reads PROTOCOL.md: its conversations and its tables. */
import { readFileSync } from "node:fs";
import type { Data } from "../../src/wire/bytes.ts";

const page = readFileSync(
  new URL("../../PROTOCOL.md", import.meta.url),
  "utf8",
);

/** One message of a conversation. */
export interface Step {
  readonly from: "client" | "server";
  /** Its frames as they stand on the page, `…` included. */
  readonly lines: readonly string[];
  /** The message; of a hex conversation bytes. */
  readonly data: Data;
}

/** The page's fenced blocks of a language. */
export function blocks(language: string): string[] {
  const fenced = new RegExp(`^\`\`\`${language}\n(.*?)\n\`\`\`$`, "gms");
  return [...page.matchAll(fenced)].map(([, text = ""]) => text);
}

/** The conversation under a heading. */
export function conversation(heading: string): Step[] {
  const section = page.slice(page.indexOf(`\n### ${heading}\n`));
  const [, language = "", text = ""] =
    /^```(jsonl|hex)\n(.*?)\n```$/ms.exec(section) ?? [];
  const steps: { from: Step["from"]; lines: string[] }[] = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("  ")) steps.at(-1)?.lines.push(line.slice(2));
    else {
      const from = line.startsWith("→") ? "client" : "server";
      steps.push({ from, lines: [line.slice(2)] });
    }
  }
  return steps.map(({ from, lines }) => ({
    from,
    lines,
    data: language === "hex" && !lines[0]?.startsWith("[")
      ? Uint8Array.fromHex(lines.join("").replaceAll(" ", ""))
      : lines.join("\n"),
  }));
}

/** The rows of all tables whose head starts so, cells as text. */
export function table(head: string): string[][] {
  const rows: string[][] = [];
  let within = false;
  for (const line of page.split("\n")) {
    const cells = line.split("|").slice(1, -1).map((cell) => cell.trim());
    if (within && /^[^-]/.test(cells[0] ?? "")) rows.push(cells);
    if (cells.length === 0) within = false;
    else if (cells.join(" | ").startsWith(head)) within = true;
  }
  return rows;
}

/** A pattern for a line in which `…` stands for any characters. */
export function pattern(line: string): RegExp {
  const parts = line.split("…").map((part) =>
    part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")
  );
  return new RegExp(`^${parts.join("[^]*")}$`);
}
