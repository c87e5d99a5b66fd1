import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

const program = process.env["REDIS_SERVER_PATH"] ?? "redis-server";

/** A Redis of the test's own, on a free port, that keeps nothing. Runs on Bun, Deno and Node. */
export class RedisServer {
  readonly port: number;
  readonly #options: readonly string[];
  readonly #folder: string;
  #child: ChildProcess | undefined;

  private constructor(
    port: number,
    folder: string,
    options: readonly string[],
  ) {
    this.port = port;
    this.#folder = folder;
    this.#options = options;
  }

  /** Starts one. */
  static async start(...options: string[]): Promise<RedisServer> {
    const server = await RedisServer.absent(...options);
    await server.begin();
    return server;
  }

  /** Finds a port for one that is not started. */
  static async absent(...options: string[]): Promise<RedisServer> {
    const folder = await mkdtemp(join(tmpdir(), "super-line-redis-"));
    return new RedisServer(await freePort(), folder, options);
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** What it was given for an option. */
  option(name: string): string {
    return this.#options[this.#options.indexOf(name) + 1] ?? "";
  }

  /** Starts it, also again. Settles when it answers. */
  async begin(): Promise<void> {
    const child = spawn(program, [
      ...["--port", `${this.port}`, "--bind", "127.0.0.1"],
      ...["--save", "", "--appendonly", "no", "--dir", this.#folder],
      ...["--daemonize", "no", "--loglevel", "warning"],
      ...this.#options,
    ], { stdio: "ignore" });
    this.#child = child;
    const failed = once(child, "error").then(([error]) => {
      throw new Error(
        `Cannot start ${program}: it must be on PATH, or REDIS_SERVER_PATH name it`,
        { cause: error },
      );
    });
    const deadline = Date.now() + 10_000;
    const answers = async () => {
      while (!await this.#answers()) {
        if (Date.now() > deadline || child.exitCode !== null) {
          throw new Error(`redis-server on port ${this.port} does not start`);
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    failed.catch(() => {});
    await Promise.race([answers(), failed]);
  }

  /** Kills it at once. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  /** Stops it from answering; connections stay. */
  pause(): void {
    this.#child?.kill("SIGSTOP");
  }

  /** Lets it answer again. */
  resume(): void {
    this.#child?.kill("SIGCONT");
  }

  /** Sends one command over a connection of its own, and gives the raw reply. */
  async command(...args: (string | Uint8Array)[]): Promise<string> {
    const socket = connect(this.port, "127.0.0.1");
    try {
      await once(socket, "connect");
      socket.write(`*${args.length}\r\n`);
      for (const arg of args) {
        const bytes = Buffer.from(arg as string); // either kind
        socket.write(`$${bytes.length}\r\n`);
        socket.write(bytes);
        socket.write("\r\n");
      }
      let reply = "";
      for await (const chunk of socket) {
        reply += chunk;
        const bulk = /^\$(\d+)\r\n/.exec(reply);
        if (bulk && reply.length < bulk[0].length + Number(bulk[1]) + 2) {
          continue;
        }
        if (reply.endsWith("\r\n")) break;
      }
      return reply;
    } finally {
      socket.destroy();
    }
  }

  /** Kills it and removes its folder. */
  async end(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #answers(): Promise<boolean> {
    try {
      return /^\+PONG|^-NOAUTH/.test(await this.command("PING"));
    } catch {
      return false;
    }
  }
}

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address ? address.port : 0;
}
