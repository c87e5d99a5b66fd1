// Builds the npm package that JSR makes, installs it into an empty Bun project
// and an empty Node project, and runs the README's program in both: the server,
// a client, and the types. Needs the npm registry and nothing else.
import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import ts from "typescript";
import { buildNpmShape } from "./npm_shape.mjs";
import { withReadmeProgram } from "./readme_program.mjs";
import { bun, root, run, which } from "./run.mjs";

const { devDependencies } = JSON.parse(
  readFileSync(join(root, "package.json"), "utf8"),
);
const folder = mkdtempSync(join(tmpdir(), "npm-shape-"));
const running = [];
try {
  const built = join(folder, "package");
  mkdirSync(built);
  buildNpmShape(built);
  await must("tar", ["-czf", "edge.tgz", "package"], folder);
  await withReadmeProgram(async (program) => {
    await inBun(program);
    await inNode(program);
  });
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  for (const child of running) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}

async function inBun(program) {
  const project = emptyProject("bun");
  await must(bun, ["install", "--no-save"], project);
  copy(program, project, ".ts", (text) => text);
  await must(bun, [
    ...[join(root, "node_modules/typescript/bin/tsc"), "--noEmit"],
    ...["--strict", "--target", "esnext", "--module", "preserve"],
    ...["--allowImportingTsExtensions", "--skipLibCheck"],
    ...["--lib", "esnext,dom", "api.ts", "server.ts", "client.ts"],
  ], project);
  await talk(project, [bun, "server.ts"], [bun, "client.ts"]);
}

async function inNode(program) {
  const node = ["24", "22"]
    .map((it) => join(root, "node_modules", `node${it}`, "bin/node"))
    .find((it) => existsSync(it)) ?? which("node");
  if (!node) throw new Error("Cannot run on Node: there is none");
  const project = emptyProject("node");
  const npm = which("npm");
  if (npm) await must(npm, ["install", "--no-audit", "--no-fund"], project);
  else await must(bun, ["install", "--no-save"], project); // the same packages
  copy(program, project, ".js", (text, name) => {
    const js = ts.transpileModule(text, {
      compilerOptions: {
        module: ts.ModuleKind.ESNext,
        target: ts.ScriptTarget.ESNext,
      },
    }).outputText.replaceAll('.ts"', '.js"');
    return name === "server.ts" ? onNode(js) : js;
  });
  await talk(project, [node, "server.js"], [node, "client.js"]);
}

/** The README's server with what Node needs. */
function onNode(js) {
  return `import { createServer } from "node:http";
const server = createServer();
server.listen(Number(process.env.PORT), "127.0.0.1", () =>
  console.log("http://localhost:" + server.address().port));
${
    js.replace('"@super-line/edge"', '"@super-line/edge/node"')
      .replace("createSocketServer(api, {", "createSocketServer(api, { server,")
  }`;
}

function emptyProject(name) {
  const project = join(folder, name);
  mkdirSync(project);
  const manifest = {
    private: true,
    type: "module",
    dependencies: {
      "@super-line/edge": `file:../edge.tgz`,
      zod: devDependencies.zod,
    },
  };
  writeFileSync(join(project, "package.json"), JSON.stringify(manifest));
  return project;
}

/** Writes the program into a project, each file changed. */
function copy(program, project, extension, change) {
  for (const name of readdirSync(program)) {
    const text = change(readFileSync(join(program, name), "utf8"), name);
    writeFileSync(join(project, name.replace(/\.ts$/, extension)), text);
  }
}

/** Serves, dials, and waits for what the README's client prints. */
async function talk(project, serve, dial) {
  const [, port] = await printed(project, serve, /http:\/\/[\w.]+:(\d+)/);
  const client = dial.at(-1);
  const text = readFileSync(join(project, client), "utf8");
  writeFileSync(
    join(project, client),
    text.replace("localhost:3000", `localhost:${port}`),
  );
  await printed(project, dial, /ada: hello[^]*heard by 1/);
  for (const child of running.splice(0)) child.kill("SIGKILL");
}

function printed(cwd, [command, ...args], pattern) {
  const env = { ...process.env, PORT: "0", NO_COLOR: "1" };
  const child = spawn(command, args, { cwd, env });
  running.push(child);
  let output = "";
  return new Promise((resolve, reject) => {
    const fail = (why) =>
      reject(new Error(`${args.join(" ")} ${why}, it printed: ${output}`));
    const timer = setTimeout(() => fail(`did not print ${pattern}`), 30_000);
    const take = (data) => {
      output += data;
      const match = pattern.exec(output);
      if (!match) return;
      clearTimeout(timer);
      resolve(match);
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.on("error", fail);
    child.on("close", () => fail("ended"));
  });
}

async function must(command, args, cwd) {
  const { ok, output } = await run(command, args, { cwd, timeoutMs: 240_000 });
  if (!ok) throw new Error(`${command} ${args.join(" ")} failed: ${output}`);
}
