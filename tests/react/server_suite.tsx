// Run by react_test.ts, once for each React.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { act, waitFor } from "@testing-library/react";
import { type ReactNode, StrictMode } from "react";
import { hydrateRoot } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { createClient } from "../../src/client/client.ts";
import { settled } from "../helpers/wait.ts";
import {
  api,
  type App,
  Provider,
  startApp,
  useClient,
  useEvent,
  useRequest,
  useStatus,
  useSubscription,
} from "./app.tsx";

let app: App;

beforeEach(() => {
  app = startApp();
});

afterEach(() => app[Symbol.asyncDispose]());

function Page() {
  const { state } = useStatus();
  const count = useSubscription("count");
  const detailed = useSubscription("count", { withState: true });
  const { isLoading } = useRequest("wait");
  useEvent("said", () => {});
  return (
    <p>
      {`${useClient().role} ${state} ${count} ${detailed.status} ${isLoading}`}
    </p>
  );
}

/** Brings a server's page to life; resolves to what it is in. */
async function hydrate(html: string, page: ReactNode) {
  const container = document.createElement("div");
  container.innerHTML = html;
  const mismatches: unknown[] = [];
  const root = await act(() =>
    hydrateRoot(container, page, {
      onRecoverableError: (error) => mismatches.push(error),
    })
  );
  return { container, root, mismatches };
}

test("a server renders the page without a connection, and the page comes alive from it", async () => {
  const made: ReturnType<App["client"]>[] = [];
  const page = (
    <StrictMode>
      <Provider
        client={() => {
          const client = app.client(true);
          made.push(client);
          return client;
        }}
      >
        <Page />
      </Provider>
    </StrictMode>
  );
  const html = renderToString(page);
  expect(html).toBe("<p>user idle undefined pending false</p>");
  await settled();
  expect(made.length).toBeGreaterThan(0);
  expect(made.every(({ state }) => state === "idle")).toBe(true);
  expect(app.dials).toBe(0);

  const { container, root, mismatches } = await hydrate(html, page);
  await waitFor(() => expect(container.textContent).toContain("open"));
  app.srv.publish("count", 4);
  await waitFor(() => expect(container.textContent).toContain("4 live"));
  expect(mismatches).toEqual([]);
  expect(app.dials).toBe(1);
  act(() => root.unmount());
  await waitFor(() => expect(app.srv.stats().connections).toBe(0));
});

test("a page comes alive with a client that is open already", async () => {
  const html = renderToString(
    <Provider client={app.client(true)}>
      <Page />
    </Provider>,
  );
  const client = app.client();
  await client.ready;
  const { container, root, mismatches } = await hydrate(
    html,
    <Provider client={client}>
      <Page />
    </Provider>,
  );
  await waitFor(() => expect(container.textContent).toContain("user open"));
  expect(mismatches).toEqual([]);
  act(() => root.unmount());
});

test("a lazy client is made where there is no WebSocket, and dials with its first use", () => {
  const { WebSocket } = globalThis;
  try {
    Reflect.deleteProperty(globalThis, "WebSocket");
    const options = { url: app.url, role: "user", lazy: true } as const;
    expect(createClient(api, options).state).toBe("idle");
    expect(() => createClient(api, { url: app.url, role: "user" }))
      .toThrow("no global WebSocket");
  } finally {
    globalThis.WebSocket = WebSocket;
  }
  for (
    const use of [
      (client) => client.wait("x").catch(() => {}),
      (client) => client.on("said", () => {}),
      (client) => client.subscribe("count", () => {}),
      (client) => client.onStatus(() => {}),
      (client) => client.onGap(() => {}),
      (client) => client.onReconnect(() => {}),
      (client) => client.ready,
    ] as ((client: ReturnType<App["client"]>) => unknown)[]
  ) {
    const client = app.client(true);
    expect(client.state).toBe("idle");
    use(client);
    expect(client.state).toBe("connecting");
    client.close();
    expect(client.state).toBe("closed");
  }
  const unused = app.client(true);
  unused.close();
  expect(unused.state).toBe("closed");
});
