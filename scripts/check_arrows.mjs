// The dependency rule of ARCHITECTURE.md: a portable core that knows no runtime
// and no vendor; runtimes and adapters at the rim.
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { inspect } from "./source.mjs";
import { root } from "./run.mjs";

// The core, lowest folders first. A file imports from its own folder, from folders
// of its own line and from those above it; types, which leave no trace, from any.
const levels = [
  "src/wire src/shared",
  "src/contract",
  "src/seams",
  "src/server/stats src/server/fanout src/server/connection src/server/calls src/server/handshake src/server/cluster src/server/presence",
  "src/server",
  "src/server/api src/client",
].map((line) => line.split(" "));

// These never import each other.
const apart = [["src/server/"], ["src/client/"]];

// The rim may name runtimes, and import the core, the rim and these.
const rim = ["src/runtimes/", "src/testing/", "src/react/"]
  .concat(
    ["hono", "bun", "node", "cloudflare", "react", "metrics"].map((name) =>
      `src/${name}.ts`
    ),
  );
const rimMayImport = ["adapters/memory.ts"];

// An adapter is a file and perhaps a folder of the same name; it imports these,
// what adapters share, the core and its vendor. These import other adapters too.
const adaptersOfAdapters = ["adapters/from_env.ts"];
const shared = "shared";

// The one file that may import a vendor. All else that is not ours is refused.
const vendors = {
  "redis": "adapters/redis/managed_client.ts",
  "@upstash/redis": "adapters/upstash/managed_client.ts",
  "ws": "src/runtimes/node.ts",
  "react": "src/react.ts",
};

const levelOf = (path) =>
  levels.findIndex((folders) => folders.includes(dirname(path)));
const problems = [];

for (const path of typescriptFiles("src", "adapters").concat("mod.ts")) {
  const isCore = levelOf(path) !== -1;
  if (!isCore && !isRim(path) && path !== "mod.ts" && !isAdapter(path)) {
    problems.push(`${path}: its folder has no level in check_arrows.mjs`);
    continue;
  }
  const { imports, runtimeNames } = inspect(join(root, path));
  if (isCore) {
    for (const { name, line } of runtimeNames) {
      problems.push(`${path}:${line} names ${name}, must know no runtime`);
    }
  }
  for (const { specifier, typeOnly, line } of imports) {
    const why = refusal(path, specifier, typeOnly);
    if (why) problems.push(`${path}:${line} imports ${specifier}: ${why}`);
  }
}

for (const problem of problems) console.error(problem);
process.exit(problems.length > 0 ? 1 : 0);

/** Why `path` must not import `specifier`, if so. */
function refusal(path, specifier, typeOnly) {
  const isCore = levelOf(path) !== -1;
  if (!specifier.startsWith(".")) {
    if (/^(node|bun|cloudflare):/.test(specifier)) {
      return isRim(path) ? undefined : "only the rim may";
    }
    const vendor = vendors[specifier.match(/^(@[^/]+\/)?[^/]+/)[0]];
    if (vendor === path) return;
    return vendor ? `only ${vendor} may` : "not listed as a vendor";
  }
  const target = join(dirname(path), specifier).replaceAll("\\", "/");
  const pair = apart.map((side) =>
    [path, target].map((it) => within(side, it))
  );
  if (pair.every(([from, to]) => from !== to)) return "the two stay apart";

  if (isCore) {
    if (levelOf(target) === -1) {
      return typeOnly ? undefined : "the core imports only the core";
    }
    const up = !typeOnly && levelOf(target) > levelOf(path);
    return up ? "a higher level" : undefined;
  }
  if (isRim(path)) {
    const allowed = levelOf(target) !== -1 || isRim(target) ||
      rimMayImport.includes(target);
    return allowed ? undefined : "the rim imports the core and the rim";
  }
  if (isAdapter(path)) {
    const allowed = levelOf(target) !== -1 ||
      isAdapter(target) &&
        (adaptersOfAdapters.includes(path) ||
          [adapterOf(path), shared].includes(adapterOf(target)));
    return allowed ? undefined : "an adapter imports the core and its vendor";
  }
}

function within(places, path) {
  return places.some((it) =>
    it.endsWith("/") ? path.startsWith(it) : path === it
  );
}

function isRim(path) {
  return within(rim, path);
}

function isAdapter(path) {
  return path.startsWith("adapters/");
}

/** `redis` of adapters/redis.ts and all in adapters/redis/. */
function adapterOf(path) {
  return path.split("/")[1].replace(/\.ts$/, "");
}

function typescriptFiles(...folders) {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true })
      .map((name) => `${folder}/${name.replaceAll("\\", "/")}`)
      .filter((name) => name.endsWith(".ts"))
  ).sort();
}
