import { expect, test } from "bun:test";
import { createClient } from "../../src/client/client.ts";
import { api, createTestServer, leftOver } from "../helpers/api.ts";
import { serve } from "../helpers/serve.ts";
import { until, within } from "../helpers/wait.ts";

test("a client comes back to a server that was stopped and started, with its topics", async () => {
  const first = createTestServer();
  const before = serve(first.srv);
  let { url } = before;
  const client = createClient(api, {
    url: () => url,
    role: "user",
    reconnectBaseMs: 5,
  });
  const heard: number[] = [];
  const sub = client.subscribe("presence", ({ count }) => heard.push(count));
  expect(await within(sub.ready)).toEqual({ live: true });
  first.srv.publish("presence", { count: 1 });
  await until(() => heard.length === 1);
  await before.server.stop(true);
  await until(() => client.state !== "open");
  const waits = client.echo({ text: "said while it was away" });
  const second = createTestServer();
  await using after = serve(second.srv, second.srv);
  url = after.url;
  expect(await within(waits)).toEqual({ text: "said while it was away" });
  await until(() => second.srv.local.topics.get("presence") === 1);
  second.srv.publish("presence", { count: 2 });
  await until(() => heard.length === 2);
  expect(heard).toEqual([1, 2]);
  client.close();
  await until(() => Object.keys(leftOver(second.srv)).length === 0);
});

test("a server that drains loses no request: its clients finish, and go on elsewhere", async () => {
  const made = [createTestServer(), createTestServer()].map(({ srv }) => srv);
  const [old, fresh] = made;
  if (!old || !fresh) throw new Error("two were made");
  await using here = serve(old, old);
  await using there = serve(fresh, fresh);
  let { url } = here;
  const clients = Array.from(
    { length: 5 },
    () =>
      createClient(api, { url: () => url, role: "user", reconnectBaseMs: 5 }),
  );
  await Promise.all(clients.map((client) => client.ready));
  let asked = 0;
  let answered = 0;
  const failures: unknown[] = [];
  const asking = setInterval(() => {
    for (const client of clients) {
      asked++;
      client.echo({ text: "a" }).then(
        () => answered++,
        (error) => failures.push(error),
      );
    }
  }, 2);
  await until(() => answered > 20);
  url = there.url;
  await within(old.close({ drainMs: 2_000 }));
  await until(() => fresh.stats().connections === 5);
  const soFar = answered;
  await until(() => answered > soFar + 20);
  clearInterval(asking);
  await until(() => answered + failures.length === asked);
  expect(failures).toEqual([]);
  expect(leftOver(old)).toEqual({});
  for (const client of clients) client.close();
});
