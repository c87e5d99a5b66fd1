import { freePort, RedisServer } from "./redis_server.ts";

/** Three Redis servers that are one cluster, each with a third of the slots. */
export class RedisCluster {
  readonly servers: readonly RedisServer[];

  private constructor(servers: readonly RedisServer[]) {
    this.servers = servers;
  }

  /** Starts one. */
  static async start(): Promise<RedisCluster> {
    const servers = await Promise.all(
      Array.from({ length: 3 }, async () =>
        RedisServer.start(
          ...["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"],
          ...["--cluster-port", `${await freePort()}`],
          // What is left of it works while a server is away, and tells so.
          ...["--cluster-require-full-coverage", "no"],
        )),
    );
    const cluster = new RedisCluster(servers);
    try {
      await cluster.#join();
    } catch (error) {
      await cluster.end();
      throw error;
    }
    return cluster;
  }

  get url(): string {
    return this.servers[0]!.url;
  }

  /** Gives a slot to another server. */
  async move(slot: number, to: RedisServer): Promise<void> {
    const id = await this.#idOf(to);
    for (const server of [to, ...this.servers]) {
      const slot_ = ["CLUSTER", "SETSLOT", `${slot}`, "NODE", id];
      const answer = await server.command(...slot_);
      if (!answer.startsWith("+OK")) throw new Error(answer);
    }
  }

  async end(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.end()));
  }

  async #join(): Promise<void> {
    const first = this.servers[0]!;
    for (const [at, server] of this.servers.entries()) {
      const range = [[0, 5460], [5461, 10922], [10923, 16383]][at]!;
      await server.command("CLUSTER", "SET-CONFIG-EPOCH", `${at + 1}`);
      await server.command("CLUSTER", "ADDSLOTSRANGE", ...range.map(String));
      const bus = server.option("--cluster-port");
      await first.command(
        ...["CLUSTER", "MEET", "127.0.0.1", `${server.port}`, bus],
      );
    }
    await this.whole();
  }

  /** Resolves when every server says that all are there: one that was restarted does so some seconds later. */
  async whole(): Promise<void> {
    const deadline = Date.now() + 15_000;
    for (const server of this.servers) {
      while (!await isWhole(server)) {
        if (Date.now() > deadline) throw new Error("The cluster does not form");
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  async #idOf(server: RedisServer): Promise<string> {
    return (await server.command("CLUSTER", "MYID")).split("\r\n")[1]!;
  }
}

async function isWhole(server: RedisServer): Promise<boolean> {
  const info = await server.command("CLUSTER", "INFO");
  return /cluster_state:ok/.test(info) &&
    /cluster_slots_ok:16384/.test(info) && /cluster_size:3/.test(info);
}
