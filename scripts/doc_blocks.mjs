// The code in the documentation, and what runs it.
//
// - A block of ```ts is run by `deno test --doc`, alone.
// - A page that has PROGRAM is one program, from top to bottom: its blocks of
//   ```ts ignore, and what comments of the form `<!-- run … -->` have between
//   them. On other pages such a comment is what comes before the block that
//   follows it, and `<!-- then … -->` what comes after. tests/docs compiles and
//   runs them; `// prints: …` says what they print.
// - Where blocks begin with `// name.ts`, they are the files of a program, which
//   tests/browser/getting_started_test.ts or tests/readme_test.ts runs.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./run.mjs";

const PROGRAM = "<!-- one program -->";
const LANGUAGES = ["ts", "tsx", "js", "jsx", "typescript", "javascript"];

/** The pages with code, by path. */
export function pages() {
  const docs = readdirSync(join(root, "docs"), { recursive: true })
    .map((name) => `docs/${name.replaceAll("\\", "/")}`);
  const all = [
    "README.md",
    "AGENTS.md",
    "PROTOCOL.md",
    "CONTRIBUTING.md",
    ...docs,
  ]
    .filter((path) => path.endsWith(".md"))
    .filter((path) => !path.startsWith("docs/decisions/"));
  return all.map((path) => {
    const text = readFileSync(join(root, path), "utf8");
    return { path, isProgram: text.includes(PROGRAM), blocks: blocksOf(text) };
  });
}

/** The blocks of a page that are code. */
function blocksOf(text) {
  const found = text.matchAll(
    /^```(\w+)([^\n]*)\n([^]*?)^```$|^<!-- (run|then)\n([^]*?)^-->$/gm,
  );
  return [...found].map(([, language, info = "", code, role, hidden]) => ({
    language: language ?? "ts",
    ignored: info.includes("ignore"),
    code: code ?? hidden,
    hidden: role,
    line: text.slice(0, text.indexOf(code ?? hidden)).split("\n").length,
    file: /^\/\/ ([\w./]+\.[a-z]+)/.exec(code ?? "")?.[1],
  })).filter(({ language }) => LANGUAGES.includes(language));
}

/** The programs that a page is, or has. */
export function programsOf({ path, isProgram, blocks }) {
  if (isProgram) {
    const parts = blocks.filter(({ ignored, hidden }) => ignored || hidden);
    return [{ name: path, code: codeOf(parts) }];
  }
  return blocks.flatMap((block, at) => {
    const [before, after] = [blocks[at - 1], blocks[at + 1]];
    if (!block.ignored || before?.hidden !== "run") return [];
    const parts = [before, block, after?.hidden === "then" ? after : undefined];
    return [{
      name: `${path}:${block.line}`,
      code: codeOf(parts.filter((part) => part !== undefined)),
    }];
  });
}

function codeOf(blocks) {
  return blocks.map(({ code }) => code).join("\n");
}

/** How a block is run; `undefined` when nothing does. */
export function runnerOf({ isProgram, blocks }, block) {
  if (!block.ignored) {
    return block.language.startsWith("ts") ? "deno" : undefined;
  }
  if (isProgram) return "program";
  if (blocks[blocks.indexOf(block) - 1]?.hidden === "run") return "program";
  return block.file ? "files" : undefined;
}
