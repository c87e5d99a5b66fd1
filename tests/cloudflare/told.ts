/** What happens to an object, told outside: a test's question would wake it. */

/** Inside: tells that something happened. */
export function tell(control: string, what: string): void {
  fetch(`${control}/${encodeURIComponent(what)}`)
    .catch(() => {}); // the test is over
}

/** Outside: how often what was told. */
export interface Told extends Disposable {
  readonly url: string;
  readonly events: Readonly<Record<string, number>>;
  seen(what: string): number;
}

/** Outside: listens on a port of its own. */
export function listen(): Told {
  const events: Record<string, number> = {};
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      const what = decodeURIComponent(new URL(request.url).pathname.slice(1));
      events[what] = (events[what] ?? 0) + 1;
      return new Response();
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    events,
    seen: (what) => events[what] ?? 0,
    [Symbol.dispose]: () => void server.stop(true),
  };
}
