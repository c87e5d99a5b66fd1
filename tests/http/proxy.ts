/** A proxy between clients and servers that does what real ones do: holds, cuts, drops, repeats. */

/** What the proxy does to requests. */
export interface Faults {
  /** What becomes of a WebSocket's upgrade; `refuse` when left out, since this proxy passes none on. */
  readonly upgrade?: "refuse" | "strip" | "swallow";
  /** Whether a response is passed on only when it has ended. */
  readonly hold?: boolean;
  /** After how long without bytes a response is cut, in milliseconds. */
  readonly cutIdleMs?: number;
  /** After how long every response is cut, in milliseconds. */
  readonly cutAfterMs?: number;
  /** Which share of answers to POSTs and polls is lost after the server gave them. */
  readonly dropShare?: number;
  /** Which share of POSTs reaches the server twice. */
  readonly repeatShare?: number;
}

/** A proxy that runs. */
export interface Proxy extends AsyncDisposable {
  readonly url: string;
  /** Every request line, for what must not be in it. */
  readonly requests: string[];
  /** How often each fault happened. */
  readonly happened: Record<
    "cut" | "dropped" | "repeated" | "upgrades",
    number
  >;
}

/** Starts a proxy in front of servers, which get the requests in turn. */
export function startProxy(
  targets: readonly string[],
  faults: Faults,
  random: () => number = Math.random,
): Proxy {
  const requests: string[] = [];
  const happened = { cut: 0, dropped: 0, repeated: 0, upgrades: 0 };
  let turn = 0;
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      requests.push(`${request.method} ${pathname}${search}`);
      const headers = new Headers(request.headers);
      if (headers.get("upgrade")) {
        happened.upgrades++;
        if (faults.upgrade === "swallow") return await new Promise(() => {});
        if (faults.upgrade !== "strip") {
          return new Response("No upgrades here\n", { status: 400 });
        }
        for (const name of ["upgrade", "connection"]) headers.delete(name);
      }
      const target = targets[turn++ % targets.length] + pathname + search;
      const body = request.method === "POST"
        ? await request.arrayBuffer()
        : undefined;
      const send = () =>
        fetch(target, {
          method: request.method,
          headers,
          ...(body && { body }),
          signal: request.signal,
          redirect: "manual",
        });
      try {
        // A session that is lost while it opens is one that its client never had: it dials again.
        const opens = headers.get("superline")?.startsWith("open");
        if (body && !opens && random() < (faults.repeatShare ?? 0)) {
          happened.repeated++;
          await (await send()).text();
        }
        const response = await send();
        if (faults.hold) {
          return new Response(await response.arrayBuffer(), response);
        }
        if (!opens && random() < (faults.dropShare ?? 0)) {
          happened.dropped++;
          await response.body?.cancel();
          return new Response("lost\n", { status: 502 });
        }
        return new Response(cutting(response.body), response);
      } catch {
        return new Response("Bad gateway\n", { status: 502 });
      }
    },
  });

  function cutting(
    body: ReadableStream<Uint8Array> | null,
  ): ReadableStream<Uint8Array> | null {
    const { cutIdleMs, cutAfterMs } = faults;
    if (!body || !(cutIdleMs || cutAfterMs)) return body;
    const reader = body.getReader();
    let cut = (): void => {};
    const over = new Promise<undefined>((resolve) => {
      cut = () => {
        happened.cut++;
        resolve(undefined);
      };
    });
    const whole = cutAfterMs && setTimeout(() => cut(), cutAfterMs);
    return new ReadableStream({
      async pull(controller) {
        const idle = cutIdleMs && setTimeout(() => cut(), cutIdleMs);
        const part = await Promise.race([
          reader.read().catch(() => undefined),
          over,
        ]);
        clearTimeout(idle);
        if (part && !part.done) return controller.enqueue(part.value);
        clearTimeout(whole);
        if (part) return controller.close();
        await reader.cancel().catch(() => {}); // it may be broken already
        controller.close(); // what the server sent meanwhile is lost
      },
      async cancel() {
        clearTimeout(whole);
        await reader.cancel();
      },
    }, { highWaterMark: 0 });
  }

  return {
    url: `http://127.0.0.1:${server.port}`,
    requests,
    happened,
    async [Symbol.asyncDispose]() {
      await server.stop(true);
    },
  };
}
