/** What a server does with its connections, once the driver says go. */
import {
  setImmediate as nextTurn,
  setTimeout as sleep,
} from "node:timers/promises";
import type { Payload, Target } from "../targets/target.ts";

type Conn = Record<never, never>;

/** One job. */
export interface Job {
  opened(conn: Conn): void;
  /** Returns what the driver gets. */
  run?(target: Target<Conn>, cpu: () => number): Promise<unknown>;
}

interface Options {
  /** How many connections the load opens: a client may know that it is open before the server does. */
  readonly connections: number;
  readonly rooms: number;
  readonly messages: number;
  readonly perTurn: number;
  readonly each: number;
  readonly room: "none" | "shared" | "own";
}

const payload: Payload = { t: "x".repeat(105) };

export const jobs: Record<string, (options: Options) => Job> = {
  /** Nothing but what clients ask for. */
  serve: () => ({ opened() {} }),

  /** All in one room; `messages` to it, `perTurn` a turn of the event loop. */
  fanout: ({ connections, messages, perTurn }) => {
    const conns: Conn[] = [];
    return {
      opened: (conn) => void conns.push(conn),
      async run(target, cpu) {
        await until(() => conns.length === connections);
        for (const conn of conns) target.join(conn, "r");
        const send = (count: number) =>
          publish(target, count, perTurn, () => "r");
        await send(Math.max(500, Math.ceil(messages / 5))); // warm
        const start = cpu();
        await send(messages);
        return { cpu: cpu() - start };
      },
    };
  },

  /** `rooms` rooms of ten members each; messages go to one after the other, far apart. */
  rooms: ({ connections, rooms, messages, perTurn }) => {
    const conns: Conn[] = [];
    return {
      opened: (conn) => void conns.push(conn),
      async run(target, cpu) {
        await until(() => conns.length === connections);
        const name = (at: number) => `room:${at % rooms}`;
        for (let at = 0; at < rooms * 10; at++) {
          target.join(conns[at % conns.length]!, name(Math.floor(at / 10)));
          if (at % 10_000 === 0) await nextTurn();
        }
        const send = (count: number) =>
          publish(target, count, perTurn, (at) => name(at * 7_919));
        await send(Math.max(500, Math.ceil(messages / 5)));
        const start = cpu();
        await send(messages);
        return { cpu: cpu() - start };
      },
    };
  },

  /** Every connection joins `each` of `rooms` rooms, and leaves them; a fifth of them once before, to warm up. */
  joins: ({ connections, rooms, each }) => {
    const conns: Conn[] = [];
    return {
      opened: (conn) => void conns.push(conn),
      async run(target, cpu) {
        await until(() => conns.length === connections);
        const name = (at: number, i: number) =>
          `room:${(at * each + i) % rooms}`;
        const all = async (
          act: (conn: Conn, room: string) => void,
          share = 1,
        ) => {
          const start = cpu();
          for (const [at, conn] of conns.entries()) {
            if (at >= conns.length * share) break;
            for (let i = 0; i < each; i++) act(conn, name(at, i));
            if (at % 100 === 0) await nextTurn();
          }
          return cpu() - start;
        };
        await all(target.join, 1 / 5);
        await all(target.leave, 1 / 5);
        const join = await all(target.join);
        const leave = await all(target.leave);
        return { join, leave };
      },
    };
  },

  /** Connections that do nothing, in no room, in one shared room or in one each. */
  idle: ({ room }) => {
    let join: ((conn: Conn, room: string) => void) | undefined;
    const early: Conn[] = [];
    let count = 0;
    const enter = (conn: Conn) => {
      if (room === "shared") join?.(conn, "r");
      if (room === "own") join?.(conn, `user:${count++}`);
    };
    return {
      opened: (conn) => void (join ? enter(conn) : early.push(conn)),
      run(target) {
        join = target.join;
        for (const conn of early.splice(0)) enter(conn);
        return Promise.resolve({});
      },
    };
  },
};

async function until(done: () => boolean): Promise<void> {
  while (!done()) await sleep(10);
}

async function publish(
  target: Target<Conn>,
  count: number,
  perTurn: number,
  room: (at: number) => string,
): Promise<void> {
  for (let at = 0; at < count; at++) {
    target.publish(room(at), payload);
    if (at % perTurn < perTurn - 1) continue;
    target.endTurn?.();
    await nextTurn();
    if (at % (perTurn * 10) === perTurn * 10 - 1) await sleep(1); // the readers keep up
  }
  target.endTurn?.();
  await sleep(300);
}
