import { expect, test } from "bun:test";
import { within } from "../helpers/wait.ts";

test("a process whose server has closed ends by itself", async () => {
  const program = `
    import { createTestServer } from "./tests/helpers/api.ts";
    import { serve } from "./tests/helpers/serve.ts";
    import { dial, join } from "./tests/helpers/tcp_socket.ts";
    const { srv } = createTestServer({
      onConnection: (conn) => void srv.room("all").add(conn),
      authenticate: (request) => request.url.includes("stuck")
        ? new Promise(() => {})
        : { role: "agent", ctx: { name: "" } },
    }, { run: () => new Promise(() => {}) });
    const off = srv.onServer("rebalance", () => {});
    const running = serve(srv);
    const socket = await join(running.port, { target: "/" });
    void dial(running.port, { target: "/stuck" }).catch(() => {});
    socket.say(["req", 1, "run", { key: "" }], ["sub", 2, "presence"]);
    await socket.next("res", 2);
    srv.room("all").broadcast("message", { n: 1 });
    await srv.close();
    off();
    await running.server.stop(true);
    console.log(JSON.stringify(srv.stats().sizes));
  `;
  const child = Bun.spawn([process.execPath, "-e", program], {
    cwd: `${import.meta.dir}/../..`,
    stdout: "pipe",
    stderr: "inherit",
  });
  try {
    const { value } = await within(child.stdout.getReader().read(), 8_000);
    const sizes = JSON.parse(new TextDecoder().decode(value));
    expect(Object.values(sizes).every((size) => size === 0)).toBe(true);
    await within(child.exited, 5_000);
  } finally {
    child.kill();
  }
}, 15_000);
