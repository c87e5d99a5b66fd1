// Where a file of the repository is on the site.
import { existsSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { root } from "../scripts/run.mjs";

/** Pages beside those of docs/. */
export const others = {
  "README.md": "",
  "docs/README.md": "pages",
  "PROTOCOL.md": "protocol",
  "SECURITY.md": "security",
  "ARCHITECTURE.md": "architecture",
  "CONTRIBUTING.md": "contributing",
  "CHANGELOG.md": "changelog",
  "AGENTS.md": "agents",
  "bench/README.md": "bench",
};

/** The address of a file or folder, without ending; a folder's ends with a slash. */
export function addressOf(path) {
  if (path in others) return others[path];
  if (path === "docs/decisions") return "decisions/";
  if (path.startsWith("docs/")) {
    return path.slice("docs/".length, -".md".length);
  }
  if (statSync(join(root, path)).isDirectory()) return `source/${path}/`;
  return `source/${path}`;
}

/**
 * Changes the links of a page to those of the site. What has no page of its own is added to `wanted`, to be shown as
 * source.
 *
 * @throws {Error} For a link to nothing
 */
export function withSiteLinks(text, path, wanted) {
  return outsideCode(
    text,
    (prose) =>
      prose.replace(markdownLink, (link, image, label, target) => {
        if (/^(https?:|mailto:|#)/.test(target)) return link;
        const [file, hash] = target.split("#");
        const found = fileOf(join(path, "..", file));
        if (!found) {
          throw new Error(
            `Cannot link to ${target}: ${path} does, and there is no such file`,
          );
        }
        if (image) {
          wanted.images.add(found);
          return `![${label}](/${found})`;
        }
        const address = addressOf(found);
        if (address.startsWith("source/")) wanted.sources.add(found);
        return `[${label}](/${address}${hash ? `#${hash}` : ""})`;
      }),
  );
}

const markdownLink = /(!?)\[((?:[^[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)/g;

/** A path in the repository; the README of a folder that is shown as source stands on the folder's page. */
function fileOf(path) {
  const found = relative(root, join(root, path));
  if (!existsSync(join(root, found))) return undefined;
  return found in others ? found : found.replace(/\/README\.md$/, "");
}

/** Applies a change to all but blocks of code. */
function outsideCode(text, change) {
  return text.split(/(^```[\s\S]*?^```$)/m).map((part) =>
    part.startsWith("```") ? part : change(part)
  ).join("");
}
