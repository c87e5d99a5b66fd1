// The documentation site: the pages of the repository and a reference made from the doc comments.
//   bun run docs [-- --port N]   serves it and follows the pages as they change
//   bun run docs -- --build      writes it to site/dist; a dead link fails
import { watch } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { installInto } from "../scripts/own_packages.mjs";
import { root } from "../scripts/run.mjs";
import { writePages } from "./pages.mjs";

const { values } = parseArgs({
  args: process.argv.slice(2).filter((name) => name !== "--"),
  options: {
    build: { type: "boolean" },
    port: { type: "string", default: "5173" },
    help: { type: "boolean" },
  },
});
if (values.help) {
  console.log("bun run docs [-- --build | --port N]");
  process.exit();
}
const here = join(root, "site");

const failure = installInto("site");
if (failure) throw new Error(failure);
writePages(here);
const { writeReference } = await import("./reference.mjs");
await writeReference(here);
const { build, createServer } = await import("vitepress");
if (values.build) {
  await build(here);
} else {
  const server = await createServer(here, { port: Number(values.port) });
  await server.listen();
  server.printUrls();
  for (const folder of [root, join(root, "docs")]) {
    watch(folder, (_event, file) => {
      if (file?.endsWith(".md")) writePages(here);
    });
  }
}
