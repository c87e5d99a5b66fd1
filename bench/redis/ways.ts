/** Ways to carry texts between two processes over one Redis, from bare commands to whole nodes. */
import { createClient } from "redis";
import { createSocketServer, defineContract } from "../../mod.ts";
import { createRedisAdapter } from "../../adapters/redis.ts";
import { RecordingHost } from "../../src/testing/recording_host.ts";

export interface Way {
  send(text: string): void;
  end(): Promise<unknown>;
}

const api = defineContract({
  roles: { user: {} },
  serverToServer: { there: text(), back: text() },
});

/** `there` or `back`: which way this process sends; it hears the other one. */
export type Direction = "there" | "back";

export const ways: Record<
  string,
  (url: string, to: Direction, heard: (text: string) => void) => Promise<Way>
> = {
  async bare(url, to, heard) {
    const [publisher, subscriber] = [
      createClient({ url }),
      createClient({ url }),
    ];
    await Promise.all([publisher.connect(), subscriber.connect()]);
    await subscriber.subscribe(other(to), heard);
    return {
      send: (text) => void publisher.publish(to, text).catch(console.error),
      end: () => Promise.all([publisher.close(), subscriber.close()]),
    };
  },
  async adapter(url, to, heard) {
    const adapter = createRedisAdapter(url);
    const host = new RecordingHost();
    host.message = (_channel, text) => heard(text);
    adapter.open(host);
    await adapter.subscribe(other(to));
    return {
      send: (text) => adapter.publish(to, text),
      end: () => adapter.close(),
    };
  },
  async node(url, to, heard) {
    const srv = createSocketServer(api, {
      adapter: createRedisAdapter(url),
      authenticate: () => ({ role: "user" as const }),
    });
    srv.implement({});
    await srv.onServer(other(to), heard).ready;
    return { send: (text) => srv.emitServer(to, text), end: () => srv.close() };
  },
};

function other(to: Direction): Direction {
  return to === "there" ? "back" : "there";
}

/** A schema that takes texts, so that none of a library is measured. */
function text() {
  return {
    "~standard": {
      version: 1 as const,
      vendor: "bench",
      validate: (value: unknown) => ({ value: value as string }),
      types: undefined as { input: string; output: string } | undefined,
    },
  };
}
