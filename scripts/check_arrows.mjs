// The dependency rule of ARCHITECTURE.md: a portable core that knows no runtime
// and no vendor; runtimes and adapters at the rim.
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { inspect } from "./source.mjs";
import { root } from "./run.mjs";

// The core: all files of src/ and src/client/, lowest layer first. A file imports
// from its own layer and those below; types, which leave no trace, from any.
const layers = [
  `errors close_codes schema serializer protocol envelope channels
   asking backoff batch bytes counters deadlines lag letter limiter maybe members
   names origin sequences tally token`,
  `socket adapter contract infer carried
   call implementation observer presence_store reach_api server_api server_options stats`,
  `outbox connection hub dispatch
   answers ask authenticate census cluster core directory gather handshake intake kept login lookouts middleware node_calls
   post publish questions reach refresh refusal registry relay relay_counters room server_events server_questions
   session settings sleep subscribe sweep targets turn watch watched`,
  `server create_node
   client/address client/answers client/client client/core client/calls client/gate client/link client/login client/named client/outgoing client/run client/surface client/topics client/types`,
].map((names) => names.split(/\s+/).map(file));

// These never import each other.
const apart = [["server", "create_node"].map(file), ["src/client/"]];

// The rim may name runtimes, and import the core, the rim and these.
const rim = ["src/runtimes/", "src/testing/", "src/react/"]
  .concat(["hono", "bun", "node", "cloudflare", "react", "metrics"].map(file));
const rimMayImport = ["adapters/memory.ts"];

// An adapter is a file and perhaps a folder of the same name; it imports these,
// what adapters share, the core and its vendor. These import other adapters too.
const adaptersOfAdapters = ["adapters/from_env.ts"];
const shared = "shared";

// The one file that may import a vendor. All else that is not ours is refused.
const vendors = {
  "redis": "adapters/redis/own.ts",
  "@upstash/redis": "adapters/upstash/own.ts",
  "ws": "src/runtimes/node.ts",
  "react": "src/react.ts",
};

const core = layers.flat();
const layerOf = (path) => layers.findIndex((it) => it.includes(path));
const problems = [];

for (const path of typescriptFiles("src", "adapters").concat("mod.ts")) {
  const isCore = core.includes(path);
  if (!isCore && !isRim(path) && path !== "mod.ts" && !isAdapter(path)) {
    problems.push(`${path}: in no layer, must be listed in check_arrows.mjs`);
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
  const isCore = core.includes(path);
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
    if (!core.includes(target)) {
      return typeOnly ? undefined : "the core imports only the core";
    }
    const up = !typeOnly && layerOf(target) > layerOf(path);
    return up ? "a higher layer" : undefined;
  }
  if (isRim(path)) {
    const allowed = core.includes(target) || isRim(target) ||
      rimMayImport.includes(target);
    return allowed ? undefined : "the rim imports the core and the rim";
  }
  if (isAdapter(path)) {
    const allowed = core.includes(target) ||
      isAdapter(target) &&
        (adaptersOfAdapters.includes(path) ||
          [adapterOf(path), shared].includes(adapterOf(target)));
    return allowed ? undefined : "an adapter imports the core and its vendor";
  }
}

function file(name) {
  return `src/${name}.ts`;
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
