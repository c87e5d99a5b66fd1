// Installs the tarball of `npm run pack` into empty folders, with Bun, npm and
// Deno and the packages that docs/getting-started.md tells to install, and runs
// one application in each: the client, React, Redis and Hono. Needs the npm
// registry and redis-server.
import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import process from "node:process";
import { pack } from "./pack.mjs";
import { bun, deno, root, run, which } from "./run.mjs";

const page = readFileSync(join(root, "docs/getting-started.md"), "utf8");
const { devDependencies } = JSON.parse(
  readFileSync(join(root, "package.json"), "utf8"),
);

/** What the page's table tells to install for an entry. */
function packagesFor(...entries) {
  return entries.flatMap((entry) => {
    const row = page.split("\n").find((line) =>
      line.startsWith(`| \`${entry}`)
    );
    if (!row) {
      throw new Error(`docs/getting-started.md has no row for ${entry}`);
    }
    return [...row.split("|")[2].matchAll(/`([^`]+)`/g)].map(([, name]) =>
      name
    );
  });
}

const application = `
import { createServer } from "node:http";
import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { Hono } from "hono";
import { z } from "zod";
import { createSocketServer, defineContract } from "@super-line/edge";
import { createRedisAdapter } from "@super-line/edge/adapters/redis";
import { createClient } from "@super-line/edge/client";
import { superline } from "@super-line/edge/hono";
import { createSocketReact } from "@super-line/edge/react";

const api = defineContract({
  roles: { user: { clientToServer: { echo: { input: z.string(), output: z.string() } } } },
});
const options = {
  adapter: createRedisAdapter(process.env.REDIS_URL),
  authenticate: () => ({ role: "user" }),
};
const handlers = { user: { echo: (text) => text } };
let srv, port;
if (globalThis.Bun || globalThis.Deno) {
  srv = createSocketServer(api, options).implement(handlers);
  const app = new Hono().use("/realtime", superline(srv));
  if (globalThis.Bun) {
    port = Bun.serve({ port: 0, fetch: app.fetch, websocket: srv.websocket }).port;
  } else {
    port = Deno.serve({ port: 0, onListen() {} }, app.fetch).addr.port;
  }
} else {
  const { createSocketServer: onNode } = await import("@super-line/edge/node");
  const server = createServer();
  srv = onNode(api, { ...options, server, path: "/realtime" }).implement(handlers);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = server.address().port;
}
const client = createClient(api, { url: "ws://127.0.0.1:" + port + "/realtime", role: "user" });
const { Provider, useStatus } = createSocketReact();
const State = () => createElement("p", null, useStatus().state);
const html = renderToString(createElement(Provider, { client }, createElement(State)));
const end = Date.now() + 10_000;
while (srv.status().state !== "up" && Date.now() < end) await new Promise((r) => setTimeout(r, 20));
console.log(await client.echo("hello"), html, "redis", srv.status().state);
process.exit(0);
`;

const folder = mkdtempSync(join(tmpdir(), "pack-check-"));
let redis;
try {
  const program = which("redis-server");
  if (!program) throw new Error("Cannot check: there is no redis-server");
  const port = 20_000 + process.pid % 20_000;
  redis = spawn(program, ["--port", String(port), "--save", ""], {
    stdio: "ignore",
  });
  const env = { REDIS_URL: `redis://127.0.0.1:${port}` };
  const tarball = await pack(folder);
  // What a package must be for npm's users: entries and types that resolve, for ESM.
  const lints = [
    ["publint/src/cli.js", "--strict", tarball],
    ["@arethetypeswrong/cli/dist/index.js", tarball, "--profile", "esm-only"],
  ];
  for (const [program, ...args] of lints) {
    const path = join(root, "node_modules", program);
    const { ok, output } = await run("node", [path, ...args]);
    if (!ok) throw new Error(`${program} refused the tarball: ${output}`);
  }
  const packages = packagesFor("/adapters/redis", "/react", "/hono");
  const on = { bun, npm: which("npm"), deno };
  const node = join(root, "node_modules/node24/bin/node");
  const start = {
    bun: [bun, "app.js"],
    npm: [existsSync(node) ? node : "node", "app.js"],
    deno: [deno, "run", "--allow-all", "app.js"],
  };
  for (const [name, manager] of Object.entries(on)) {
    if (!manager) {
      console.log(`${name} is not on this machine`);
      continue;
    }
    const project = join(folder, name);
    mkdirSync(project);
    const wanted = ["zod", "react-dom", ...packages]
      .concat(name === "npm" ? packagesFor("/node") : []);
    const manifest = { private: true, type: "module" };
    const versioned = wanted.map((it) => `${it}@${devDependencies[it]}`);
    const file = `../${basename(tarball)}`;
    if (name === "deno") { // it takes no tarball
      await must("tar", ["-xzf", file], { cwd: project });
      manifest.dependencies = {
        "@super-line/edge": "file:./package",
        ...Object.fromEntries(wanted.map((it) => [it, devDependencies[it]])),
      };
    }
    writeFileSync(join(project, "package.json"), JSON.stringify(manifest));
    writeFileSync(join(project, "app.js"), application);
    const install = {
      bun: ["add", file, ...versioned],
      npm: ["install", "--no-audit", "--no-fund", file, ...versioned],
      deno: ["install"],
    };
    await must(manager, install[name], { cwd: project, timeoutMs: 240_000 });
    const unasked = ["ioredis", "@upstash/redis"]
      .filter((it) => existsSync(join(project, "node_modules", it)));
    if (unasked.length > 0) throw new Error(`${name} installed ${unasked}`);
    const [command, ...args] = start[name];
    const said = await must(command, args, { cwd: project, env });
    if (!said.includes("hello <p>idle</p> redis up")) {
      throw new Error(`${name}: the application printed ${said}`);
    }
  }
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  redis?.kill();
  rmSync(folder, { recursive: true, force: true });
}

async function must(command, args, options) {
  const { ok, output } = await run(command, args, options);
  if (!ok) throw new Error(`${command} ${args.join(" ")} failed: ${output}`);
  return output;
}
