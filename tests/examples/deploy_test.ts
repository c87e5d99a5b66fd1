/** examples/deploy as each host runs it: two clients, one says something, both hear it. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createClient } from "../../src/client/client.ts";
import { api } from "../../examples/deploy/app.ts";
import { bundleWorker, startWorker } from "../cloudflare/workerd.ts";
import { until, within } from "../helpers/wait.ts";
import { denoPath, hasNode, nodePath } from "../runtimes/places.ts";
import { start } from "../runtimes/host.ts";

const folder = fileURLToPath(new URL("../../examples/deploy", import.meta.url));
/** How long anything may take, on a slow machine. */
const PATIENCE_MS = 20_000;

async function talk(url: string): Promise<void> {
  const heard: string[] = [];
  const dial = async (name: string) => {
    const client = createClient(api, { url, role: "user", params: { name } });
    client.on(
      "said",
      ({ from, text }) => void heard.push(`${name} < ${from}: ${text}`),
    );
    await within(client.ready, PATIENCE_MS);
    return client;
  };
  const [ada, bob] = [await dial("ada"), await dial("bob")];
  try {
    expect(await ada.say("one")).toBe(2);
    expect(await bob.say("two")).toBe(2);
    await until(() => heard.length === 4, () => heard.join(), PATIENCE_MS);
    expect(heard.sort()).toEqual([
      "ada < ada: one",
      "ada < bob: two",
      "bob < ada: one",
      "bob < bob: two",
    ]);
  } finally {
    ada.close();
    bob.close();
  }
}

async function serves(command: readonly string[]): Promise<void> {
  await using running = start(["env", "PORT=0", ...command]);
  await talk(`http://localhost:${await running.port}`);
}

test("Bun", () => serves([process.execPath, `${folder}/bun/main.ts`]), 60_000);

test("Deno", () =>
  serves([
    ...[denoPath, "serve", "--allow-net", "--allow-env", "--allow-read"],
    ...["--host=127.0.0.1", "--port=0", `${folder}/deno/main.ts`],
  ]), 60_000);

test.skipIf(!hasNode("24"))(
  "Node, without a build",
  () => serves([nodePath("24"), `${folder}/node/main.ts`]),
  60_000,
);

test("Cloudflare, with wrangler's configuration", async () => {
  const text = readFileSync(`${folder}/cloudflare/wrangler.jsonc`, "utf8");
  const { main, compatibility_date, durable_objects, migrations } = JSON.parse(
    text.replace(/^\s*\/\/.*$/gm, ""),
  );
  const [{ name, class_name }] = durable_objects.bindings;
  expect(migrations[0].new_sqlite_classes).toContain(class_name);
  const script = await bundleWorker(`examples/deploy/cloudflare/${main}`);
  await using worker = await startWorker(script, { [name]: class_name }, {
    date: compatibility_date,
  });
  await talk(worker.origin);
}, 60_000);
