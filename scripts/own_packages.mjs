// Packages of a folder that is a package of its own: bench/ and site/. The library's node_modules has none of them.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bun, root } from "./run.mjs";

/** What a folder's package.json pins, and what is installed of it: version by name, `missing` for none. */
export function installedIn(folder) {
  const { dependencies } = manifestOf(join(root, folder));
  return Object.fromEntries(
    Object.keys(dependencies).map((name) => {
      const path = join(root, folder, "node_modules", name);
      const version = existsSync(join(path, "package.json"))
        ? manifestOf(path).version.replace(/^v/, "")
        : "missing";
      return [name, version];
    }),
  );
}

/** Installs what is missing. Gives what went wrong, `undefined` for nothing. */
export function installInto(folder) {
  const { dependencies } = manifestOf(join(root, folder));
  const installed = installedIn(folder);
  const absent = Object.entries(dependencies)
    .filter(([name, version]) => installed[name] !== version);
  if (absent.length === 0) return undefined;
  console.error(`installing ${absent.length} packages into ${folder}/`);
  const { status, stderr } = spawnSync(
    bun,
    ["install", "--frozen-lockfile", "--ignore-scripts"],
    { cwd: join(root, folder), timeout: 300_000 },
  );
  return status === 0 ? undefined : `Cannot install into ${folder}/: ${stderr}`;
}

function manifestOf(path) {
  return JSON.parse(readFileSync(join(path, "package.json"), "utf8"));
}
