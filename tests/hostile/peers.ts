/**
 * What single peers and crowds of them do to the connections themselves: each case runs on every place that can what it
 * needs. `docs/compatibility.md` has a row for each.
 */
import {
  dial,
  heldBy,
  join,
  TcpSocket,
  upgradeBytes,
} from "../helpers/tcp_socket.ts";
import { HTTP_HEADER } from "../../src/wire/event_stream.ts";
import { assert } from "../../src/testing/assert.ts";
import { until, within } from "../helpers/wait.ts";
import { type Place, type Server, startServer } from "./child.ts";

/**
 * What not every place can.
 *
 * - `cuts`: a peer that does not answer the close frame is cut
 * - `heads`: a request's head has a time limit
 * - `bodies`: it serves the HTTP transport here
 * - `frees`: a descriptor is let go of while its socket opens or is written to
 * - `late`: the runtime tells of a connection's end when it is over, so that closing ones can be counted
 */
export type Ability = "cuts" | "heads" | "bodies" | "frees" | "late";

/** Why a place cannot. */
export const reasons: Readonly<Record<Ability, string>> = {
  cuts:
    "closed connections are the platform's: Cloudflare gives an object no way to cut one, and workerd holds it until its peer goes",
  heads:
    "`Deno.serve` gives a connection as long as it wants to send a request, and the rest of a body after the answer (2.9): put a proxy in front, or use `./node`",
  bodies: "the test's object serves WebSockets only",
  frees:
    "`Deno.serve` does not free the descriptor of a connection that was reset before its WebSocket opened, nor of one that is cut while a write waits for a peer that has stopped reading (2.9). Refusals turn to HTTP while that happens, so that it takes a login: put a proxy in front, or use `./node`",
  late:
    "the runtime tells of the end as soon as the server closes, and ends the connection by itself",
};

/** A place with its options. */
export interface PeerPlace {
  readonly name: string;
  readonly place: Place;
  readonly env?: Record<string, string>;
  readonly can: readonly Ability[];
}

export const peerPlaces: readonly PeerPlace[] = [
  { name: "Bun", place: "Bun", can: ["cuts", "heads", "bodies", "frees"] },
  { name: "Deno", place: "Deno", can: ["cuts", "bodies", "late"] },
  {
    name: "Deno, `./node`",
    place: "Deno",
    env: { NODE_HTTP: "1" },
    can: ["cuts", "heads", "bodies", "frees", "late"],
  },
  {
    name: "Node",
    place: "Node",
    can: ["cuts", "heads", "bodies", "frees", "late"],
  },
  { name: "Cloudflare", place: "Durable Object", can: ["heads", "frees"] },
];

/** One case. */
export interface PeerCase {
  /** What has to hold, as a sentence. */
  readonly name: string;
  readonly needs?: readonly Ability[];
  /** Rejects when it does not hold. The server is shared with other cases unless `own` is set. */
  run(server: Server): Promise<void>;
  /** Options of a server of its own. */
  readonly own?: Record<string, string>;
}

/** How long a peer that does nothing right may be held, in milliseconds. */
const HELD_MS = 30_000;

/** Resolves when the server holds none of these connections any more. */
async function letGo(
  { port }: Server,
  sockets: readonly TcpSocket[],
): Promise<void> {
  const ports = new Set(sockets.map(({ port }) => port));
  const held = () => heldBy(port).filter((it) => ports.has(it)).length;
  const end = Date.now() + HELD_MS;
  while (held() > 0) {
    assert(Date.now() < end, `${held()} of ${ports.size} are still held`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  for (const socket of sockets) socket.destroy();
}

const many = <T>(count: number, make: () => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, make));

/** A peer that hears nothing from its close on. */
const deaf = (server: Server) => join(server.port, { deaf: true });
const refused = (server: Server) =>
  dial(server.port, { deaf: true, headers: { Origin: "http://evil.test" } });

/** Has the server close it. */
function closed(socket: TcpSocket): void {
  socket.say(["req", 1, "misbehave", { text: "close" }]);
}

/** 20 of 20 clients come in, each within a time. */
async function welcomes(server: Server, ms: number): Promise<void> {
  const honest = await many(20, () => within(join(server.port), ms));
  for (const socket of honest) socket.destroy();
}

/** Sends something every half second for as long as the connection is there. */
function trickle(socket: TcpSocket, bytes: string | Uint8Array): void {
  const timer = setInterval(() => {
    if (socket.gone) clearInterval(timer);
    else socket.bytes(bytes);
  }, 500);
}

/** The head of a masked text message of a megabyte. */
const HUGE = Uint8Array.of(0x81, 0xff, 0, 0, 0, 0, 0, 16, 0, 0, 1, 2, 3, 4);

export const peerCases: readonly PeerCase[] = [
  {
    name: "a refused peer that ignores the close frame is gone within 30 s",
    needs: ["cuts"],
    run: async (server) => letGo(server, await many(20, () => refused(server))),
  },
  {
    name: "a closed peer that ignores the close frame is gone within 30 s",
    needs: ["cuts"],
    async run(server) {
      const peers = await many(20, () => deaf(server));
      peers.forEach(closed);
      await letGo(server, peers);
    },
  },
  {
    name:
      "a closed peer that goes on with an unfinished message is gone within 30 s",
    needs: ["cuts"],
    async run(server) {
      const peers = await many(20, () => deaf(server));
      for (const peer of peers) {
        closed(peer);
        peer.bytes(HUGE);
        trickle(peer, new Uint8Array(100));
      }
      await letGo(server, peers);
    },
  },
  {
    name: "a closed peer that goes on with pings is gone within 30 s",
    async run(server) {
      const peers = await many(20, () => deaf(server));
      for (const peer of peers) {
        closed(peer);
        const timer = setInterval(() => {
          if (peer.gone) clearInterval(timer);
          else peer.frame(9, "x");
        }, 500);
      }
      await letGo(server, peers);
    },
    needs: ["cuts"],
  },
  {
    name: "a closed peer that has stopped reading is gone within 30 s",
    needs: ["cuts", "frees"],
    async run(server) {
      const peers = await many(3, () => deaf(server));
      const [first] = peers;
      for (const peer of peers) peer.pause();
      first?.say(["req", 1, "misbehave", { text: "flood" }]);
      const stalled = async () => (await server.tally()).stats.dropped > 0;
      for (let tries = 0; !await stalled(); tries++) {
        assert(tries < 500, "nothing was dropped");
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      for (const peer of peers) {
        peer.say(["req", 2, "misbehave", { text: "close" }]);
      }
      await letGo(server, peers);
    },
    own: {},
  },
  {
    name: "a peer that closes and stays half open is gone within 30 s",
    async run(server) {
      const peers = await many(20, () => deaf(server));
      for (const peer of peers) peer.frame(8, Uint8Array.of(3, 232));
      await letGo(server, peers);
    },
  },
  {
    name:
      "a peer that is answered with a status and stays half open is gone within 30 s",
    needs: ["heads"],
    run: async (server) =>
      letGo(
        server,
        await many(
          20,
          () => dial(server.port, { deaf: true, protocols: "other" }),
        ),
      ),
  },
  {
    name: "closing connections are counted until they are gone",
    needs: ["late"],
    async run(server) {
      const peers = await many(10, () => refused(server));
      peers.push(...await many(10, () => deaf(server)));
      peers.slice(10).forEach(closed);
      await until(() => peers.every(({ end }) => end), "close frames", 10_000);
      const { sizes, connections } = (await server.tally()).stats;
      assert(sizes["closing"] === 20, JSON.stringify(sizes));
      assert(connections === 0, String(connections));
      for (const peer of peers) peer.destroy();
      await server.expectWell();
    },
    own: {},
  },
  {
    name: "a connection that sends nothing is gone within 30 s",
    needs: ["heads"],
    async run(server) {
      const peers = Array.from(
        { length: 20 },
        () => new TcpSocket(server.port, { deaf: true }),
      );
      await until(() => peers.every(({ port }) => port), "connections", 10_000);
      await letGo(server, peers);
    },
  },
  {
    name: "a handshake that trickles is gone within 30 s",
    needs: ["heads"],
    async run(server) {
      const peers = Array.from(
        { length: 20 },
        () => new TcpSocket(server.port, { deaf: true }),
      );
      for (const peer of peers) {
        peer.bytes("GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ");
        trickle(peer, "x");
      }
      await until(() => peers.every(({ port }) => port), "connections", 10_000);
      await letGo(server, peers);
    },
  },
  {
    name:
      "a POST of the HTTP transport whose body trickles is gone within 30 s, and without a session answered at once",
    needs: ["heads", "bodies"],
    own: {}, // its session outlives it
    async run(server) {
      const post = (header: string, length: number) => {
        const socket = new TcpSocket(server.port, { deaf: true });
        socket.bytes(
          `POST / HTTP/1.1\r\nHost: localhost\r\n${HTTP_HEADER}: ${header}\r\nContent-Length: ${length}\r\n\r\n`,
        );
        trickle(socket, " ");
        return socket;
      };
      const opened = await fetch(`http://127.0.0.1:${server.port}/?name=ada`, {
        method: "POST",
        headers: { [HTTP_HEADER]: "open superline.v1" },
      });
      const [, id, secret] = /\["([^"]+)","([^"]+)"/.exec(
        await opened.text(),
      ) ?? [];
      assert(id !== undefined, "no session");
      const strangers = Array.from(
        { length: 5 },
        () => post(`send ${id}0 ${secret} 0 1`, 10_000),
      );
      const members = Array.from(
        { length: 5 },
        () => post(`send ${id} ${secret} 0 1`, 10_000),
      );
      await until(
        () => strangers.every(({ status }) => status >= 400),
        "answers",
        5_000,
      );
      await letGo(server, [...strangers, ...members]);
    },
  },
  {
    name: "300 peers that reset before their socket opens leave no descriptor",
    needs: ["frees"],
    own: {},
    async run(server) {
      await server.expectWell();
      const before = server.descriptors();
      await resets(server, 300);
      await server.expectWell();
      const end = Date.now() + HELD_MS;
      // A tenth: the test's own requests keep connections alive.
      while (server.descriptors() > before + 30) {
        assert(Date.now() < end, `${before} → ${server.descriptors()}`);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    },
  },
  {
    name:
      "1 000 refused peers that reset before their socket opens leave no more than 300 descriptors",
    own: {},
    async run(server) {
      await server.expectWell();
      const before = server.descriptors();
      await resets(server, 1_000, { Origin: "http://evil.test" });
      await server.expectWell();
      const end = Date.now() + HELD_MS;
      while (server.descriptors() > before + 300) {
        assert(Date.now() < end, `${before} → ${server.descriptors()}`);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    },
  },
  {
    name: "3 000 peers that reset before their socket opens lock nobody out",
    own: { AUTH_TIMEOUT_MS: "10000" },
    async run(server) {
      await resets(server, 3_000);
      await welcomes(server, 15_000); // workerd is through with the 3 000 first, in 5 s
      await server.expectWell();
    },
  },
  {
    name:
      "beside 1 000 peers that never close 20 of 20 clients come in within 2 s each",
    own: {},
    async run(server) {
      const peers: TcpSocket[] = [];
      while (peers.length < 1_000) {
        peers.push(...await many(100, () => refused(server)));
      }
      await welcomes(server, 2_000);
      for (const peer of peers) peer.destroy();
      await server.expectWell();
    },
  },
  {
    name: "a client that admit refuses gets 429, and costs no login",
    async run(server) {
      const target = "/?name=flood";
      for (let n = 0; n < 3; n++) {
        const sockets = await many(100, () => dial(server.port, { target }));
        for (const { status } of sockets) assert(status === 429, `${status}`);
        for (const socket of sockets) socket.destroy();
      }
      const { refusals } = (await server.tally()).stats;
      assert(refusals.admit === 300, String(refusals.admit));
    },
  },
  {
    name: "a Host with a path in it is answered with 400",
    async run(server) {
      for (const host of ["x/ws?", "a b", "a@b", "a#b"]) {
        const socket = new TcpSocket(server.port);
        socket.bytes(upgradeBytes("/?name=ada", host));
        await until(
          () => socket.status !== 0 || socket.gone,
          "an answer",
          10_000,
        );
        assert(socket.status !== 101, `${host} was let in`);
        socket.destroy();
      }
    },
  },
  {
    name: "a flood of the text pong is closed with 1008",
    own: { FRAMES_PER_SECOND: "200", FRAME_BURST: "400" },
    async run(server) {
      const socket = await join(server.port);
      for (let n = 0; n < 5_000; n++) socket.text("pong");
      const code = await socket.closeCode();
      // Deno resets a connection whose peer still sends, and the close frame may be lost with it.
      assert(code === 1008 || code === 1006, String(code));
      await server.expectWell();
    },
  },
];

/** Dials that are reset as soon as their request is on its way, a hundred at a time. */
async function resets(
  { port }: Server,
  count: number,
  headers: Record<string, string> = {},
): Promise<void> {
  const bytes = upgradeBytes("/?name=ada", undefined, undefined, headers);
  for (let n = 0; n < count; n += 100) {
    const sockets = Array.from({ length: 100 }, () => new TcpSocket(port));
    for (const socket of sockets) socket.bytes(bytes);
    await until(
      () => sockets.every((it) => it.port || it.gone),
      "connections",
      10_000,
    );
    for (const socket of sockets) socket.reset();
  }
}

/** What a case needs that a place cannot. */
export function missing(
  { needs = [] }: PeerCase,
  { can }: PeerPlace,
): Ability | undefined {
  return needs.find((need) => !can.includes(need));
}

/** Runs the cases of a place: those that share a server at once, the others one after the other. */
export class PeerRuns {
  readonly #place: PeerPlace;
  #shared: Promise<Server> | undefined;
  readonly #outcomes = new Map<PeerCase, Promise<string | undefined>>();

  constructor(place: PeerPlace) {
    this.#place = place;
  }

  /** Starts all; the outcome of each can be asked for. */
  start(cases: readonly PeerCase[]): void {
    const { place, env = {} } = this.#place;
    const shared = this.#shared = startServer(place, env);
    let last: Promise<unknown> = Promise.resolve();
    for (const it of cases) {
      const { own } = it;
      const run = own
        ? last.then(async () => {
          await using server = await startServer(place, { ...env, ...own });
          await it.run(server);
        })
        : shared.then((server) => it.run(server));
      const outcome = run.then(() => undefined, String);
      if (own) last = outcome;
      this.#outcomes.set(it, outcome);
    }
  }

  /** Why a case failed; `undefined` when it held. */
  async of(it: PeerCase): Promise<string | undefined> {
    return await this.#outcomes.get(it);
  }

  /** Fails unless the shared server lives and holds nothing. */
  async expectWell(): Promise<void> {
    await Promise.all(this.#outcomes.values());
    await (await this.#shared)?.expectWell();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#shared)?.[Symbol.asyncDispose]();
  }
}
