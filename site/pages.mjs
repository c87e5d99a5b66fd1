// Writes site/pages: the repository's Markdown with the links of the site, and the source files that it links to.
import { execFileSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { root } from "../scripts/run.mjs";
import { home } from "./home.mjs";
import { addressOf, others, withSiteLinks } from "./places.mjs";

export function writePages(here) {
  const write = (address, text) => {
    const name = address.replace(/(^|\/)$/, "$1index");
    const file = join(here, "pages", `${name}.md`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  };
  const wanted = { images: new Set(), sources: new Set() };
  const page = (path) => withSiteLinks(read(path), path, wanted);

  const paths = [
    ...Object.keys(others),
    ...inFolder("docs"),
    ...inFolder("docs/decisions"),
  ];
  for (const path of new Set(paths)) {
    const text = page(path);
    const address = addressOf(path);
    write(address, address === "" ? home(text) : text);
  }
  write("decisions/", listOfDecisions());
  // A folder's page links to its files, whose pages are then wanted too.
  for (const path of wanted.sources) {
    const folder = statSync(join(root, path)).isDirectory();
    const text = folder ? folderPage(path, page, wanted) : sourcePage(path);
    write(addressOf(path), text);
  }
  for (const path of wanted.images) {
    cpSync(join(root, path), join(here, "pages/public", path));
  }
}

function read(path) {
  return readFileSync(join(root, path), "utf8");
}

function inFolder(folder) {
  return readdirSync(join(root, folder))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `${folder}/${name}`);
}

function listOfDecisions() {
  const lines = inFolder("docs/decisions").map((path) => {
    const title = read(path).match(/^# (?:\d+\. )?(.*)$/m)[1];
    const number = Number(basename(path).slice(0, 4));
    return `${number}. [${title}](/${addressOf(path)})`;
  });
  return `# Decisions\n\nWhy it is as it is.\n\n${lines.join("\n")}\n`;
}

/** What its README says, and its files. */
function folderPage(folder, page, wanted) {
  const files = execFileSync("git", ["ls-files", folder], { cwd: root })
    .toString().trim().split("\n")
    .filter((path) => !/\.(css|html|ico|lock|png|svg)$/.test(path));
  const about = files.find((path) => path === `${folder}/README.md`);
  const lines = files.filter((path) => path !== about).map((path) => {
    wanted.sources.add(path);
    return `- [${path.slice(folder.length + 1)}](/${addressOf(path)})`;
  });
  return `${about ? page(about) : `# ${folder}`}\n\n## Files\n\n${
    lines.join("\n")
  }\n`;
}

function sourcePage(path) {
  const fence = "`".repeat(5);
  const language = extname(path).slice(1) || "text";
  return `---\nsearch: false\n---\n\n# ${
    basename(path)
  }\n\n\`${path}\`\n\n${fence}${language}\n${read(path).trimEnd()}\n${fence}\n`;
}
