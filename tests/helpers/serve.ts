/** Serves on a free port of this machine, with Bun's own server. */

interface Served {
  readonly fetch: (
    request: Request,
    server: Bun.Server<unknown>,
  ) => Response | Promise<Response> | undefined;
  readonly websocket: unknown;
  close?(): Promise<void>;
}

export interface Running extends AsyncDisposable {
  readonly server: Bun.Server<unknown>;
  readonly port: number;
  readonly url: string;
  /** The native group of each publish. */
  readonly published: string[];
}

/** Starts; ends with the block that it is used in. */
export function serve(
  { fetch, websocket }: Served,
  ...ending: { close(): Promise<void> }[]
): Running {
  const server = Bun.serve<unknown>({
    port: 0,
    hostname: "127.0.0.1",
    fetch: fetch as never,
    websocket: websocket as never,
  });
  const port = server.port ?? 0;
  const published: string[] = [];
  const publish = server.publish.bind(server);
  server.publish = (group, data, compress) => {
    published.push(group);
    return publish(group, data, compress);
  };
  return {
    server,
    port,
    published,
    url: `ws://127.0.0.1:${port}/`,
    async [Symbol.asyncDispose]() {
      for (const node of ending) await node.close();
      await server.stop(true);
    },
  };
}
