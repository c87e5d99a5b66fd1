// The documentation site: the pages of the repository and a reference made from the doc comments.
//   bun run docs [-- --port N]   serves it and follows the pages as they change
//   bun run docs -- --build      writes it to site/dist; a dead link fails
import { watch } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { root } from "../scripts/run.mjs";
import { ensurePackages } from "./install.mjs";
import { writePages } from "./pages.mjs";

const options = process.argv.slice(2).filter((name) => name !== "--");
if (options.includes("--help")) {
  console.log("bun run docs [-- --build | --port N]");
  process.exit();
}
const port = Number(options[options.indexOf("--port") + 1] || 5173);
const here = join(root, "site");

ensurePackages(here);
writePages(here);
const { writeReference } = await import("./reference.mjs");
await writeReference(here);
const { build, createServer } = await import("vitepress");
if (options.includes("--build")) {
  await build(here);
} else {
  const server = await createServer(here, { port });
  await server.listen();
  server.printUrls();
  for (const folder of [root, join(root, "docs")]) {
    watch(folder, (_event, file) => {
      if (file?.endsWith(".md")) writePages(here);
    });
  }
}
