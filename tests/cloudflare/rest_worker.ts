/** Objects that meet others over Upstash, and rest. What happens to them is told outside: a question would wake them. */
import { z } from "zod";
import { createUpstashAdapter } from "../../adapters/upstash.ts";
import { defineContract } from "../../mod.ts";
import { durableObject, forwardTo } from "../../src/cloudflare.ts";
import { tell as tellTo } from "./told.ts";

interface Env {
  readonly CONTROL: string;
  readonly URL: string;
  readonly TOKEN: string;
  readonly IDLE_MS: number;
  readonly POLL_MS: number;
}

export const api = defineContract({
  shared: {
    clientToServer: {
      join: { input: z.string(), output: z.boolean() },
      say: { input: z.number(), output: z.null() },
      die: { input: z.null(), output: z.null() },
    },
    serverToClient: { said: { payload: z.number() } },
  },
  serverToServer: { note: z.number() },
  roles: { user: {} },
});

let tell = (_what: string) => {};
let abort = () => {};

export class Chat extends durableObject(
  api,
  (env: Env, state) => {
    const { abort: end } = state as { abort?(reason: string): void }; // workerd's
    abort = () => end?.call(state, "for a test");
    tell = (what) => tellTo(env.CONTROL, what);
    tell("woken");
    return {
      authenticate: () => ({ role: "user" }),
      onConnection: () => tell("connected"),
      onError: (error) => tell(`error: ${error}`),
      idleAfterMs: env.IDLE_MS,
      sleepPollMs: env.POLL_MS,
      adapter: createUpstashAdapter({
        url: env.URL,
        token: env.TOKEN,
        minIntervalMs: 20,
        maxIntervalMs: 200,
        onGap: ({ reason }) => tell(`gap-${reason}`),
      }),
    };
  },
  (srv) => {
    srv.onServer("note", (n) => tell(`noted ${n}`));
    srv.implement({
      shared: {
        join: async (room, _ctx, conn) => (await srv.room(room).add(conn)).live,
        die: () => {
          abort();
          return null;
        },
        say: (n) => {
          srv.room("a").broadcast("said", n);
          return null;
        },
      },
    });
  },
) {
  override async alarm(): Promise<void> {
    await super.alarm();
    tell("rang");
  }
}

export default forwardTo("CHAT", () => "one");
