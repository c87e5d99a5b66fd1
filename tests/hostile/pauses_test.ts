import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { createTestServer } from "../helpers/api.ts";
import { serve } from "../helpers/serve.ts";
import { join } from "../helpers/tcp_socket.ts";
import { until } from "../helpers/wait.ts";
import { bundles, denoProgram, nodePath } from "../runtimes/places.ts";
import { type Runtime, runtimes } from "../runtimes/command.ts";
import { startChild } from "./child.ts";

/** How long a laptop sleeps, in milliseconds; `SLEEP_MS=60000` is a minute, under the default heartbeat. */
const SLEEP_MS = Number(process.env["SLEEP_MS"] ?? 4_000);

test.concurrent.each(runtimes)(
  "%s: an event loop that stood still for 5 s costs no living client its connection",
  async (runtime) => {
    await using child = await startChild(runtime, {
      HEARTBEAT_TIMEOUT_MS: "3000",
    });
    const living = await Promise.all([1, 2, 3].map(() => join(child.port)));
    const dead = await join(child.port);
    const pings = setInterval(() => {
      for (const socket of living) socket.text("ping");
    }, 200);
    await until(() => living.every(({ pongs }) => pongs > 0), "pongs");
    await child.pause();
    const before = living.map(({ pongs }) => pongs);
    await until(() => dead.end || dead.gone, "the dead one's end", 20_000);
    await until(
      () => living.every(({ pongs }, n) => pongs > (before[n] ?? 0)),
      "more pongs",
      20_000,
    );
    clearInterval(pings);
    expect(dead.end?.code).toBe(4408);
    expect(living.map(({ end, gone }) => end ?? gone)).toEqual(
      [false, false, false],
    );
    for (const socket of living) socket.destroy();
  },
  60_000,
);

test.concurrent.each(runtimes)(
  "%s: a client that sleeps for less than heartbeatTimeoutMs keeps its connection, one that sleeps longer comes back",
  async (runtime) => {
    // For a minute the defaults, else a heartbeat that is as much shorter.
    const heartbeatTimeoutMs = SLEEP_MS * 1.5;
    const { srv, errors } = createTestServer({
      heartbeatTimeoutMs,
      heartbeatMs: heartbeatTimeoutMs / 2,
    });
    await using running = serve(srv, srv);
    await using sleeper = await startSleeper(runtime, running.port);
    await sleeper.calls();
    const first = srv.local.connections[0]?.id;

    await sleeper.sleeps(SLEEP_MS);
    await sleeper.calls();
    expect(srv.local.connections.map(({ id }) => id)).toEqual([
      first as string,
    ]);
    expect(srv.stats()).toMatchObject({ accepted: 1, closes: {} });

    sleeper.signal("SIGSTOP");
    await until(
      () => srv.stats().closes["4408"] === 1,
      "4408",
      heartbeatTimeoutMs + 10_000,
    );
    sleeper.signal("SIGCONT");
    await sleeper.calls();
    expect(srv.local.connections.length).toBe(1);
    expect(srv.local.connections[0]?.id).not.toBe(first as string);
    expect(srv.stats()).toMatchObject({ accepted: 2, closes: { "4408": 1 } });
    expect(errors).toEqual([]);
  },
  60_000 + 4 * SLEEP_MS,
);

interface Sleeper extends AsyncDisposable {
  /** Makes calls until one is answered: what is sent into a connection that is over has to fail. */
  calls(): Promise<void>;
  signal(name: "SIGSTOP" | "SIGCONT"): void;
  /** Suspends the process for a while. */
  sleeps(ms: number): Promise<void>;
}

async function startSleeper(runtime: Runtime, port: number): Promise<Sleeper> {
  const program = `${import.meta.dir}/sleeper_program.ts`;
  if (runtime === "Node") {
    const { success, logs } = await Bun.build({
      entrypoints: [program],
      outdir: bundles,
      target: "node",
    });
    if (!success) throw new AggregateError(logs, "Cannot bundle for Node");
  }
  const [command = "", ...args] = {
    Bun: [process.execPath, program],
    Deno: [...denoProgram("run"), program],
    Node: [nodePath("20"), `${bundles}/sleeper_program.js`],
  }[runtime];
  const child = spawn(command, [...args, String(port)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines: string[] = [];
  createInterface(child.stdout).on("line", (line) => lines.push(line));
  return {
    async calls() {
      for (let answer = ""; !answer.startsWith("pong");) {
        const before = lines.length;
        child.stdin.write("call\n");
        const find = () =>
          lines.slice(before).find((line) => /^(pong|failed)/.test(line));
        await until(find, () => `an answer in ${lines.join(", ")}`, 30_000);
        answer = find() ?? "";
      }
    },
    signal: (name) => void child.kill(name),
    async sleeps(ms) {
      child.kill("SIGSTOP");
      await new Promise((resolve) => setTimeout(resolve, ms));
      child.kill("SIGCONT");
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await new Promise((resolve) => child.once("exit", resolve));
    },
  };
}
