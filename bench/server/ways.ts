/** Ways to carry texts between processes over one Redis: bare commands, this library, Socket.IO. */
import { createClient } from "redis";
import { createRedisAdapter } from "../../adapters/redis.ts";
import { createSocketServer, defineContract } from "../../mod.ts";

export interface Way {
  /** Hears a channel; resolves when it is live. */
  hear(channel: number): Promise<unknown>;
  send(channel: number, text: string): void;
}

type Start = (url: string, heard: (text: string) => void) => Promise<Way>;

/** A schema that takes texts, so that none of a library is measured. */
const text = {
  "~standard": {
    version: 1 as const,
    vendor: "bench",
    validate: (value: unknown) => ({ value: value as string }),
    types: undefined as { input: string; output: string } | undefined,
  },
};
const names = Array.from({ length: 1_000 }, (_, at) => `c${at}`);

export const ways: Record<string, Start> = {
  async bare(url, heard) {
    const [publisher, subscriber] = [
      createClient({ url }),
      createClient({ url }),
    ];
    await Promise.all([publisher.connect(), subscriber.connect()]);
    return {
      hear: (channel) => subscriber.subscribe(`c${channel}`, heard),
      send: (channel, message) =>
        void publisher.publish(`c${channel}`, message),
    };
  },

  /** What a turn sends to one channel as one PUBLISH, by hand. */
  async batched(url, heard) {
    const bare = await ways.bare!(url, (text) => {
      for (const message of text.split("\n")) heard(message);
    });
    let waiting = new Map<number, string>();
    const flush = () => {
      const batches = waiting;
      waiting = new Map();
      for (const [channel, message] of batches) bare.send(channel, message);
    };
    return {
      hear: bare.hear,
      send(channel, message) {
        if (waiting.size === 0) queueMicrotask(flush);
        const before = waiting.get(channel);
        waiting.set(channel, before ? `${before}\n${message}` : message);
      },
    };
  },

  ours(url, heard) {
    const api = defineContract({
      roles: { user: {} },
      serverToServer: Object.fromEntries(names.map((name) => [name, text])),
    });
    const srv = createSocketServer(api, {
      adapter: createRedisAdapter(url),
      authenticate: () => ({ role: "user" as const }),
    });
    srv.implement({});
    return Promise.resolve({
      hear: (channel) => srv.onServer(`c${channel}`, heard).ready,
      send: (channel, message) => srv.emitServer(`c${channel}`, message),
    });
  },

  async socketio(url, heard) {
    return await socketIo(url, heard, "createAdapter");
  },

  async "socketio-sharded"(url, heard) {
    return await socketIo(url, heard, "createShardedAdapter");
  },
};

/** Rooms of Socket.IO, heard where its adapter hands a message to the room's sockets. */
async function socketIo(
  url: string,
  heard: (text: string) => void,
  factory: string,
): Promise<Way> {
  const packages = ["socket.io", "@socket.io/redis-adapter"]; // by name, since only the bench has them
  const [{ Server }, adapters] = await Promise.all(
    packages.map((name) => import(name)),
  );
  const publisher = createClient({ url });
  const subscriber = publisher.duplicate();
  await Promise.all([publisher.connect(), subscriber.connect()]);
  const io = new Server({
    adapter: adapters[factory](publisher, subscriber, {
      subscriptionMode: "dynamic",
    }),
  });
  const { adapter } = io.of("/");
  const rooms = new Set<string>();
  let base = adapter;
  while (base.constructor.name !== "Adapter") {
    base = Object.getPrototypeOf(base);
  }
  base.broadcast = (
    packet: { data: [string, string] },
    { rooms: wanted }: { rooms: Set<string> },
  ) => {
    for (const room of wanted) if (rooms.has(room)) heard(packet.data[1]);
  };
  return {
    async hear(channel) {
      const room = `a-room-of-the-bench-${channel}`; // 20 letters are a socket's own, which it does not subscribe
      rooms.add(room);
      await adapter.addAll("nobody", new Set([room]));
      await new Promise((later) => setTimeout(later, channel === 0 ? 200 : 0));
    },
    send: (channel, message) =>
      io.to(`a-room-of-the-bench-${channel}`).emit("m", message),
  };
}
