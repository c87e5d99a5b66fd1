/** The settings of docs/blocked-websockets.md, in nginx and Caddy themselves. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { createSocketServer, defineContract } from "../../mod.ts";
import {
  createClient,
  type Transport,
  webSocket,
} from "../../src/client/client.ts";
import { http } from "../../src/client/http.ts";
import { serve } from "../helpers/serve.ts";
import { until, within } from "../helpers/wait.ts";

const api = defineContract({
  roles: {
    user: {
      clientToServer: { echo: { input: z.string(), output: z.string() } },
      serverToClient: { tick: { payload: z.number() } },
    },
  },
});
const srv = createSocketServer(api, { authenticate: () => ({ role: "user" }) });
srv.implement({ user: { echo: (text) => text } });
const running = serve(srv, srv);

const page = readFileSync(
  new URL("../../docs/blocked-websockets.md", import.meta.url),
  "utf8",
);
/** The page's settings, for our ports. */
const settings = (language: string, port: number) =>
  [...page.matchAll(new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``, "g"))]
    .map(([, text = ""]) =>
      text.replace("127.0.0.1:3000", `127.0.0.1:${port}`)
    );

const folder = mkdtempSync(join(tmpdir(), "super-line-proxies-"));
const children: ChildProcess[] = [];

afterAll(async () => {
  for (const child of children) {
    child.kill("SIGTERM");
    await within(once(child, "close"), 5_000).catch(() =>
      child.kill("SIGKILL")
    );
  }
  await running[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
}, 30_000);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  return typeof address === "object" && address ? address.port : 0;
}

/** Starts a proxy and waits until it answers. */
async function start(command: string, args: string[], port: number) {
  let output = "";
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (data) => output += data);
  }
  child.on("error", (error) => output += error);
  children.push(child);
  let answered = false;
  const ask = async () => {
    while (!answered && child.exitCode === null) {
      answered = await fetch(`http://127.0.0.1:${port}/realtime`).then(
        () => true,
        () => false,
      );
      await Bun.sleep(50);
    }
  };
  void ask();
  await until(() => answered, () => output, 15_000);
}

function nginx(port: number, location: string, around = ""): string {
  const file = join(folder, `nginx-${port}.conf`);
  writeFileSync(
    file,
    `daemon off; master_process off; pid ${folder}/${port}.pid; error_log stderr;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path ${folder}/${port}-body; proxy_temp_path ${folder}/${port}-proxy;
  fastcgi_temp_path ${folder}/${port}-f; uwsgi_temp_path ${folder}/${port}-u; scgi_temp_path ${folder}/${port}-s;
  ${around}
  server { listen 127.0.0.1:${port}; ${location} }
}`,
  );
  return file;
}

const ports: Record<string, number> = {};

beforeAll(async () => {
  const [location = "", map = ""] = settings("nginx", running.port);
  const [caddy = ""] = settings("caddy", running.port);
  for (const name of ["nginx", "nginx, bare", "Caddy"]) {
    ports[name] = await freePort();
  }
  const port = (name: string) => ports[name] ?? 0;
  const bare = `location / { proxy_pass http://127.0.0.1:${running.port}; }`;
  const nginxPath = process.env["NGINX_PATH"] ?? "nginx";
  await start(
    nginxPath,
    ["-c", nginx(port("nginx"), location, map)],
    port("nginx"),
  );
  await start(
    nginxPath,
    ["-c", nginx(port("nginx, bare"), bare)],
    port("nginx, bare"),
  );
  const caddyfile = join(folder, "Caddyfile");
  writeFileSync(
    caddyfile,
    `{\n admin off\n auto_https off\n}\nhttp://127.0.0.1:${
      port("Caddy")
    } {\n${caddy}}\n`,
  );
  await start(
    process.env["CADDY_PATH"] ?? "caddy",
    ["run", "--adapter", "caddyfile", "--config", caddyfile],
    port("Caddy"),
  );
}, 60_000);

/** A call and events, which have to come while the response is open. */
async function talk(name: string, transport: Transport) {
  const client = createClient(api, {
    url: `http://127.0.0.1:${ports[name]}/realtime`,
    role: "user",
    transport: [transport],
    reconnect: false,
  });
  await within(client.ready, 10_000);
  const ticks: number[] = [];
  client.on("tick", (n) => void ticks.push(n));
  expect(await client.echo("x".repeat(100_000))).toHaveLength(100_000);
  for (let n = 0; n < 3; n++) {
    srv.toConn(client.id ?? "", "user").emit("tick", n);
    await until(() => ticks.length === n + 1, undefined, 10_000);
  }
  expect(ticks).toEqual([0, 1, 2]);
  client.close();
}

for (const name of ["nginx", "Caddy"]) {
  test(`${name}: a WebSocket passes`, () => talk(name, webSocket()), 30_000);
  test(`${name}: HTTP streams`, () => talk(name, http()), 30_000);
  test(
    `${name}: HTTP polls`,
    () => talk(name, http({ longPolling: true })),
    30_000,
  );
}

test(
  "nginx without any setting: HTTP streams",
  () => talk("nginx, bare", http()),
  30_000,
);
