// The dependency rule of ARCHITECTURE.md: a portable core that knows no runtime
// and no vendor; runtimes and adapters at the rim. It holds types as well as values,
// since a cycle of types is as hard to read as one of values.
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { inspect } from "./source.mjs";
import { root } from "./run.mjs";

// The core, lowest folder first. A file imports from its own folder and from those
// above it in this list, except that the client and the server never meet.
const core = [
  "src/shared",
  "src/wire",
  "src/contract",
  "src/seams",
  "src/client",
  "src/server/types",
  "src/server/fanout",
  "src/server/stats",
  "src/server/topics",
  "src/server/connection",
  "src/server/handshake",
  "src/server/calls",
  "src/server/cluster",
  "src/server/presence",
  "src/server/api",
  "src/server",
];
const clientImports = ["src/shared", "src/wire", "src/contract", "src/client"];

// The rim may name runtimes and import the core; a folder of it imports its own
// files, folders above it in this list, and the adapter that is the default.
const rim = ["src/runtimes", "src/runtimes/cloudflare", "src/react"];
const rimAdapters = ["adapters/memory.ts"];
// The published test kit imports whatever it tests.
const testKit = "src/testing";
// What package.json exports lies directly in these, and imports everything but adapters.
const entries = [".", "src"];

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

// The most files of one folder that may import each other in a circle.
const MAX_CYCLE = 4;

const problems = [];
const imported = new Map();

for (const path of typescriptFiles("src", "adapters").concat("mod.ts")) {
  const { imports, runtimeNames } = inspect(join(root, path));
  const kind = kindOf(path);
  if (!kind) {
    problems.push(`${path}: its folder has no place in check_arrows.mjs`);
    continue;
  }
  if (kind === "core") {
    for (const { name, line } of runtimeNames) {
      problems.push(`${path}:${line} names ${name}, must know no runtime`);
    }
  }
  const targets = new Set();
  for (const { specifier, line } of imports) {
    const isOurs = specifier.startsWith(".");
    const target = isOurs && join(dirname(path), specifier);
    if (isOurs) targets.add(target);
    const why = isOurs ? arrow(path, target) : foreign(path, specifier);
    if (why) problems.push(`${path}:${line} imports ${specifier}: ${why}`);
  }
  imported.set(path, targets);
}
for (const circle of circles()) {
  if (circle.length <= MAX_CYCLE) continue;
  problems.push(
    `${circle.length} files import each other in a circle, must be at most ${MAX_CYCLE}: ${
      circle.join(", ")
    }`,
  );
}

for (const problem of problems) console.error(problem);
process.exit(problems.length > 0 ? 1 : 0);

function kindOf(path) {
  const folder = dirname(path);
  if (core.includes(folder)) return "core";
  if (rim.includes(folder)) return "rim";
  if (folder === testKit || folder.startsWith(`${testKit}/`)) return "testKit";
  if (entries.includes(folder)) return "entry";
  return folder.startsWith("adapters") ? "adapter" : undefined;
}

/** Why `path` must not import `specifier`, which is not ours, if so. */
function foreign(path, specifier) {
  if (/^(node|bun|cloudflare):/.test(specifier)) {
    return ["rim", "testKit", "entry"].includes(kindOf(path))
      ? undefined
      : "only the rim may";
  }
  const vendor = vendors[specifier.match(/^(@[^/]+\/)?[^/]+/)[0]];
  if (vendor === path) return;
  return vendor ? `only ${vendor} may` : "not listed as a vendor";
}

/** Why `path` must not import our `target`, if so. */
function arrow(path, target) {
  const [from, to] = [kindOf(path), kindOf(target)];
  const [folder, other] = [dirname(path), dirname(target)];
  if (from === "testKit") return undefined;
  if (to === "testKit") return "only tests import the test kit";
  if (from === "core") {
    if (to !== "core") return "the core imports only the core";
    if (folder === "src/client" && !clientImports.includes(other)) {
      return `the client imports only ${clientImports.join(", ")}`;
    }
    if (folder.startsWith("src/server") && other === "src/client") {
      return "the server does not import the client";
    }
    const isUp = core.indexOf(other) > core.indexOf(folder);
    return isUp ? `${other} is above ${folder}` : undefined;
  }
  if (from === "adapter") {
    if (to === "core") return undefined;
    const isOwn = to === "adapter" &&
      [adapterOf(path), shared].includes(adapterOf(target));
    return isOwn || to === "adapter" && adaptersOfAdapters.includes(path)
      ? undefined
      : "an adapter imports the core and its vendor";
  }
  if (to === "adapter" && path !== "mod.ts") {
    return rimAdapters.includes(target) ? undefined : "not the rim's adapter";
  }
  if (from === "rim" && to === "entry") return "no file imports an entry";
  if (from === "rim" && to === "rim" && folder !== other) {
    const isUp = rim.indexOf(other) > rim.indexOf(folder);
    return isUp ? `${other} is above ${folder}` : undefined;
  }
}

/** The sets of files that import each other, directly or not (Tarjan). */
function circles() {
  const found = [];
  const stack = [];
  const order = new Map();
  const lowest = new Map();
  const visit = (path) => {
    order.set(path, order.size);
    lowest.set(path, order.get(path));
    stack.push(path);
    for (const target of imported.get(path) ?? []) {
      if (!imported.has(target)) continue;
      if (!order.has(target)) {
        visit(target);
        lowest.set(path, Math.min(lowest.get(path), lowest.get(target)));
      } else if (stack.includes(target)) {
        lowest.set(path, Math.min(lowest.get(path), order.get(target)));
      }
    }
    if (lowest.get(path) !== order.get(path)) return;
    const circle = stack.splice(stack.indexOf(path));
    if (circle.length > 1) found.push(circle);
  };
  for (const path of imported.keys()) if (!order.has(path)) visit(path);
  return found;
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
