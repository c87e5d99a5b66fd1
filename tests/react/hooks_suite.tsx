// Run by react_test.ts, once for each React.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { act, cleanup, render, waitFor } from "@testing-library/react";
import process from "node:process";
import * as React from "react";
import {
  lazy,
  StrictMode,
  Suspense,
  useEffect,
  useState,
  version,
} from "react";
import * as dom from "react-dom";
import { isSocketError } from "../../src/client/client.ts";
import { settled } from "../helpers/wait.ts";
import {
  type App,
  last,
  Provider,
  startApp,
  useClient,
  useEvent,
  useRequest,
  useStatus,
  useStream,
  useSubscription,
  watch,
} from "./app.tsx";

let app: App;
const complaints: unknown[] = [];
const consoleError = console.error;

beforeEach(() => {
  app = startApp();
  // React tells of misuse, and of updates outside of a test's control, on the console only.
  console.error = (...args) => {
    const text = args.map(String).join(" ");
    if (!text.includes("not wrapped in act")) complaints.push(text);
  };
});

afterEach(async () => {
  cleanup();
  await settled();
  await app[Symbol.asyncDispose]();
  console.error = consoleError;
  expect(complaints.splice(0)).toEqual([]);
});

const live = {
  status: "live",
  error: undefined,
  snapshot: undefined,
  resumed: undefined,
} as const;

test("useRequest's error has the type of what the entry declares", async () => {
  const { log, Watch } = watch(() => useRequest("bid"));
  render(
    <Provider client={app.client()}>
      <Watch />
    </Provider>,
  );
  await act(() => last(log).call(1).catch(() => {}));
  await waitFor(() => expect(last(log).isLoading).toBe(false));
  const { error } = last(log);
  expect(error?.code === "TOO_LOW" ? error.data.minimum : undefined).toBe(11);
});

test("useStream shows items as they come, then the result", async () => {
  const { log, Watch } = watch(() => useStream("tell"));
  render(
    <Provider client={app.client()}>
      <Watch />
    </Provider>,
  );
  expect(last(log)).toMatchObject({ items: [], status: "idle" });
  const { start, cancel } = last(log);
  act(() => start("a"));
  expect(last(log)).toMatchObject({ items: [], status: "streaming" });
  await waitFor(() => expect(last(log).items).toEqual(["a1", "a2"]));
  expect(last(log).result).toBeUndefined();
  await act(() => app.answer("a"));
  await waitFor(() => expect(last(log).status).toBe("done"));
  expect(last(log)).toMatchObject({ items: ["a1", "a2", "a3"], result: 3 });
  expect([last(log).start, last(log).cancel]).toEqual([start, cancel]);
});

test("useStream: another start takes the place of the one that runs, cancel keeps its items", async () => {
  const { log, Watch } = watch(() => useStream("tell"));
  render(
    <Provider client={app.client()}>
      <Watch />
    </Provider>,
  );
  act(() => last(log).start("a"));
  await waitFor(() => expect(last(log).items).toEqual(["a1", "a2"]));
  act(() => last(log).start("b"));
  await waitFor(() => expect(last(log).items).toEqual(["b1", "b2"]));
  await waitFor(() => expect([...app.telling]).toEqual(["b"]));
  act(() => last(log).cancel());
  expect(last(log)).toMatchObject({ items: ["b1", "b2"], status: "idle" });
  await waitFor(() => expect(app.telling.size).toBe(0));
  expect(last(log).error).toBeUndefined();
});

test("useStream tells why it failed, and keeps what came before", async () => {
  const { log, Watch } = watch(() => useStream("tell"));
  render(
    <Provider client={app.client()}>
      <Watch />
    </Provider>,
  );
  act(() => last(log).start("broken"));
  await waitFor(() => expect(last(log).status).toBe("failed"));
  const { error, items } = last(log);
  expect(isSocketError(error) && error.code).toBe("BROKEN");
  expect(items).toEqual(["broken1", "broken2"]);
});

test("useStream under StrictMode: a start in an effect leaves one stream, none when the component goes", async () => {
  const { log, Watch } = watch(() => {
    const stream = useStream("tell");
    const { start } = stream;
    useEffect(() => start("a"), [start]);
    return stream;
  });
  const page = render(
    <StrictMode>
      <Provider client={app.client()}>
        <Watch />
      </Provider>
    </StrictMode>,
  );
  await waitFor(() => expect(last(log).items).toEqual(["a1", "a2"]));
  await settled();
  expect(last(log).status).toBe("streaming");
  expect(app.srv.stats().sizes.calls).toBe(1);
  page.unmount();
  await waitFor(() => expect(app.srv.stats().sizes.calls).toBe(0));
  expect(app.telling.size).toBe(0);
});

const count = () => app.srv.local.topics.get("count") ?? 0;
const accepted = () => app.srv.stats().accepted;
const connections = () => app.srv.stats().connections;

test("this is the React that was asked for", () => {
  expect(version.split(".")[0]).toBe(process.env.REACT_MAJOR);
  expect(dom.version).toBe(version);
});

test("useRequest follows a call from its start to its answer", async () => {
  const { log, Watch } = watch(() => useRequest("wait"));
  render(
    <Provider client={app.client()}>
      <Watch />
    </Provider>,
  );
  expect(last(log)).toMatchObject({ data: undefined, isLoading: false });
  const { call } = last(log);
  let answer: Promise<string> | undefined;
  act(() => {
    answer = call("a");
  });
  expect(last(log)).toMatchObject({ data: undefined, isLoading: true });
  await app.answer("a");
  await waitFor(() =>
    expect(last(log)).toEqual({
      data: "a",
      error: undefined,
      isLoading: false,
      call,
    })
  );
  expect(await answer).toBe("a");
});

test("useRequest shows the latest call's answer, whichever comes last", async () => {
  const { log, Watch } = watch(() => useRequest("wait"));
  render(
    <Provider client={app.client()}>
      <Watch />
    </Provider>,
  );
  let first: Promise<string> | undefined;
  act(() => {
    first = last(log).call("old");
    last(log).call("new");
  });
  await app.answer("new");
  await waitFor(() => expect(last(log).data).toBe("new"));
  await app.answer("old");
  expect(await first).toBe("old"); // its own caller has it
  await act(settled);
  expect(last(log)).toMatchObject({ data: "new", isLoading: false });
});

test("useRequest tells why a call failed, keeps what there was, and needs no catch", async () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => unhandled.push(reason);
  process.on("unhandledRejection", note);
  const { log, Watch } = watch(() => ({
    wait: useRequest("wait"),
    fail: useRequest("fail"),
  }));
  render(
    <Provider client={app.client()}>
      <Watch />
    </Provider>,
  );
  act(() => void last(log).fail.call("SOLD_OUT"));
  await waitFor(() => expect(last(log).fail.error).toBeDefined());
  const { error, isLoading } = last(log).fail;
  expect(isSocketError(error) && error.code).toBe("SOLD_OUT");
  expect(isLoading).toBe(false);

  act(() => void last(log).wait.call("a"));
  await app.answer("a");
  await waitFor(() => expect(last(log).wait.data).toBe("a"));
  const signal = AbortSignal.abort("changed my mind");
  await act(async () => {
    await last(log).wait.call("b", { signal }).catch(() => {});
  });
  expect(last(log).wait).toMatchObject({ data: "a", isLoading: false });
  expect(last(log).wait.error?.message).toBe("changed my mind");
  await settled();
  process.off("unhandledRejection", note);
  expect(unhandled).toEqual([]);
});

test("an answer that comes after the component has gone changes nothing", async () => {
  const { log, Watch } = watch(() => useRequest("wait"));
  const client = app.client();
  const { rerender } = render(
    <Provider client={client}>
      <Watch />
    </Provider>,
  );
  let answer: Promise<string> | undefined;
  act(() => {
    answer = last(log).call("a");
  });
  const { renders } = log;
  rerender(<Provider client={client}>gone</Provider>);
  await app.answer("a");
  expect(await answer).toBe("a");
  await act(settled);
  expect(log.renders).toBe(renders);
});

test("a request that the role does not have is a TypeError", () => {
  const { Watch } = watch(() => useRequest("nope" as "wait"));
  expect(() =>
    render(
      <Provider client={app.client()}>
        <Watch />
      </Provider>,
    )
  ).toThrow('Cannot use request "nope": it is undefined');
  complaints.length = 0;
});

test("useEvent runs the handler of the latest render, and listens once", async () => {
  const heard: string[] = [];
  const client = app.client();
  const Listener = ({ name }: { name: string }) => {
    useEvent("said", (text) => heard.push(`${name} ${text}`));
    return null;
  };
  const tree = (name: string) => (
    <Provider client={client}>
      <Listener name={name} />
    </Provider>
  );
  const { rerender, unmount } = render(tree("a"));
  await client.ready;
  app.srv.room("all").broadcast("said", "1");
  await waitFor(() => expect(heard).toEqual(["a 1"]));
  rerender(tree("b"));
  app.srv.room("all").broadcast("said", "2");
  await waitFor(() => expect(heard).toEqual(["a 1", "b 2"]));
  unmount();
  app.srv.room("all").broadcast("said", "3");
  app.srv.room("all").broadcast("said", "4");
  const call = client.wait("after");
  await app.answer("after");
  await call;
  expect(heard).toEqual(["a 1", "b 2"]);
});

test("useSubscription shows the latest payload, on one subscription for all", async () => {
  const one = watch(() => useSubscription("count"));
  const two = watch(() => useSubscription("count", { withState: true }));
  const late = watch(() => useSubscription("count"));
  const client = app.client();
  const tree = (more: boolean) => (
    <Provider client={client}>
      <one.Watch />
      <two.Watch />
      {more && <late.Watch />}
    </Provider>
  );
  const { rerender, unmount } = render(tree(false));
  expect(one.log.last).toBeUndefined();
  expect(two.log.last?.status).toBe("pending");
  await waitFor(() => expect(two.log.last?.status).toBe("live"));
  expect(two.log.last?.data).toBeUndefined();
  app.srv.publish("count", 1);
  app.srv.publish("count", 2);
  await waitFor(() => expect(one.log.last).toBe(2));
  expect(two.log.last).toEqual({ ...live, data: 2 });
  rerender(tree(true));
  expect(late.log.last).toBe(2);
  expect(count()).toBe(1);
  unmount();
  await waitFor(() => expect(count()).toBe(0));
});

test("useSubscription asked for the payload alone renders for nothing else", async () => {
  const plain = watch(() => useSubscription("count"));
  const full = watch(() => useSubscription("count", { withState: true }));
  render(
    <Provider client={app.client()}>
      <plain.Watch />
      <full.Watch />
    </Provider>,
  );
  await waitFor(() => expect(full.log.last?.status).toBe("live"));
  expect(plain.log.renders).toBe(1);
});

test("useSubscription of a kept topic: snapshot, what was missed, and a gap, under StrictMode", async () => {
  const seen: unknown[] = [];
  const book = watch(() => {
    const state = useSubscription("book", { id: "1" });
    if (state.data !== undefined && state.data !== seen.at(-1)) {
      seen.push(state.data);
    }
    return state;
  });
  let pages = 1;
  app.srv.snapshot("book", ({ id }) => `${id}: ${pages}`);
  const turnPage = () => app.srv.publish("book", { id: "1" }, ++pages);
  const drop = () => app.srv.local.connections[0]?.close(1012, "restart");
  render(
    <StrictMode>
      <Provider client={app.client()}>
        <book.Watch />
        <book.Watch />
      </Provider>
    </StrictMode>,
  );
  await waitFor(() => expect(book.log.last?.snapshot).toBe("1: 1"));
  expect(book.log.last).toMatchObject({ status: "live", resumed: true });
  await turnPage();
  await waitFor(() => expect(book.log.last?.data).toBe(2));
  drop();
  await turnPage();
  await waitFor(() => expect(book.log.last?.data).toBe(3));
  expect(book.log.last).toMatchObject({ snapshot: "1: 1", resumed: true });
  drop();
  for (let page = 0; page < 5; page++) await turnPage(); // more than are kept
  await waitFor(() => expect(book.log.last?.snapshot).toBe("1: 8"));
  expect(book.log.last).toMatchObject({ data: 3, resumed: true });
  await turnPage();
  await waitFor(() => expect(book.log.last?.data).toBe(9));
  expect(seen).toEqual([2, 3, 9]);
  expect(app.srv.local.topics.get('book{"id":"1"}')).toBe(1);
});

test("useSubscription with params shares one subscription between equal params", async () => {
  const one = watch(() => useSubscription("order", { id: "1", open: true }));
  const same = watch(() => useSubscription("order", { open: true, id: "1" }));
  const two = watch(() => useSubscription("order", { id: "2", open: true }));
  const client = app.client();
  const { unmount } = render(
    <Provider client={client}>
      <one.Watch />
      <same.Watch />
      <two.Watch />
    </Provider>,
  );
  expect(one.log.last?.status).toBe("pending");
  await waitFor(() => expect(two.log.last?.status).toBe("live"));
  app.srv.publish("order", { id: "1", open: true }, 10);
  app.srv.publish("order", { id: "2", open: true }, 20);
  await waitFor(() => expect(two.log.last?.data).toBe(20));
  expect(one.log.last).toEqual({ ...live, data: 10 });
  expect(same.log.last).toBe(one.log.last);
  const subscribed = () =>
    [...app.srv.local.topics].filter(([name]) => name.startsWith("order"));
  expect(subscribed()).toEqual([
    ['order{"id":"1","open":true}', 1],
    ['order{"id":"2","open":true}', 1],
  ]);
  unmount();
  await waitFor(() => expect(subscribed()).toEqual([]));
});

test("a refused subscription says so, with the reason", async () => {
  const { log, Watch } = watch(() =>
    useSubscription("secret", { withState: true })
  );
  render(
    <Provider client={app.client()}>
      <Watch />
    </Provider>,
  );
  await waitFor(() => expect(log.last?.status).toBe("refused"));
  const { error } = last(log);
  expect(isSocketError(error) && error.code).toBe("FORBIDDEN");
});

test("useStatus and subscriptions follow the connection: lost, and back", async () => {
  const seen: string[] = [];
  const status = watch(() => useStatus());
  const topic = watch(() => useSubscription("count", { withState: true }));
  const Note = () => {
    const { state } = useStatus();
    const { status: topicState } = useSubscription("count", {
      withState: true,
    });
    const both = `${state} ${topicState}`;
    if (seen.at(-1) !== both) seen.push(both);
    return null;
  };
  render(
    <Provider client={app.client()}>
      <status.Watch />
      <topic.Watch />
      <Note />
    </Provider>,
  );
  await waitFor(() => expect(topic.log.last?.status).toBe("live"));
  app.srv.publish("count", 7);
  await waitFor(() => expect(topic.log.last?.data).toBe(7));
  app.srv.local.connections[0]?.close(1012, "restart");
  await waitFor(() => expect(seen.at(-1)).toBe("open live"));
  await waitFor(() => expect(accepted()).toBe(2));
  await waitFor(() => expect(seen.at(-1)).toBe("open live"));
  expect(topic.log.last?.data).toBe(7);
  expect(seen).toEqual([
    "connecting pending",
    "open pending",
    "open live",
    "waiting pending",
    "connecting pending",
    "open live",
  ]);
  app.srv.local.connections[0]?.close(4403, "go away");
  await waitFor(() =>
    expect(status.log.last).toEqual({
      state: "closed",
      code: 4403,
      reason: "go away",
      willRetry: false,
    })
  );
});

test("under StrictMode there is one socket and one subscription, of a client that was given", async () => {
  const topic = watch(() => useSubscription("count"));
  const client = app.client();
  const { unmount } = render(
    <StrictMode>
      <Provider client={client}>
        <topic.Watch />
      </Provider>
    </StrictMode>,
  );
  await waitFor(() => expect(count()).toBe(1));
  app.srv.publish("count", 1);
  await waitFor(() => expect(topic.log.last).toBe(1));
  unmount();
  await waitFor(() => expect(count()).toBe(0));
  expect(app.dials).toBe(1);
  expect(client.state).toBe("open"); // it is the giver's
});

test("under StrictMode there is one socket, of a client that a function makes, until the Provider goes", async () => {
  const topic = watch(() => useSubscription("count"));
  let made = 0;
  const make = () => {
    made++;
    return app.client(true);
  };
  const { unmount } = render(
    <StrictMode>
      <Provider client={make}>
        <topic.Watch />
      </Provider>
    </StrictMode>,
  );
  await waitFor(() => expect(count()).toBe(1));
  app.srv.publish("count", 1);
  await waitFor(() => expect(topic.log.last).toBe(1));
  expect(made).toBeGreaterThan(1); // StrictMode is on
  expect(accepted()).toBe(1);
  unmount();
  await waitFor(() => expect(connections()).toBe(0));
  await act(settled);
  expect(app.dials).toBe(1);
});

test("under StrictMode a call that is made when the component comes is answered", async () => {
  const { log, Watch } = watch(() => {
    const request = useRequest("wait");
    useEffect(() => void request.call("first"), []);
    return request;
  });
  render(
    <StrictMode>
      <Provider client={() => app.client(true)}>
        <Watch />
      </Provider>
    </StrictMode>,
  );
  await app.answer("first");
  await waitFor(() => expect(last(log).data).toBe("first"));
  expect(last(log).error).toBeUndefined();
  expect(app.dials).toBe(1);
});

test("a function that makes a client which connects at once is a TypeError", async () => {
  expect(() => render(<Provider client={() => app.client(false)} />))
    .toThrow("must be made with lazy: true");
  complaints.length = 0;
  await settled();
  expect(connections()).toBe(0);
});

test("a tree that suspends before it is on the page leaves nothing behind", async () => {
  let arrive = (_: { default: () => string }) => {};
  const Slow = lazy(() =>
    new Promise<{ default: () => string }>((resolve) => {
      arrive = resolve;
    })
  );
  const topic = watch(() => useSubscription("count"));
  const App = () => (
    <Provider client={() => app.client(true)}>
      <topic.Watch />
      <Slow />
    </Provider>
  );
  const { container } = render(
    <Suspense fallback="waiting">
      <App />
    </Suspense>,
  );
  expect(container.textContent).toBe("waiting");
  await settled();
  expect(app.dials).toBe(0); // not on the page
  await act(async () => {
    arrive({ default: () => "here" });
    await settled();
  });
  expect(container.textContent).toBe("here");
  await waitFor(() => expect(count()).toBe(1));
  app.srv.publish("count", 3);
  await waitFor(() => expect(topic.log.last).toBe(3));
  expect(accepted()).toBe(1);
});

test("hooks go over to another client, and hear nothing of the one before", async () => {
  const other = startApp();
  try {
    const heard: string[] = [];
    const request = watch(() => useRequest("wait"));
    const topic = watch(() => useSubscription("count"));
    const Ear = () => {
      useEvent("said", (text) => heard.push(text));
      return null;
    };
    const tree = (client: ReturnType<App["client"]>) => (
      <Provider client={client}>
        <request.Watch />
        <topic.Watch />
        <Ear />
      </Provider>
    );
    const [before, after] = [app.client(), other.client()];
    const { rerender } = render(tree(before));
    let answer: Promise<string> | undefined;
    act(() => {
      answer = last(request.log).call("late");
    });
    await waitFor(() => expect(count()).toBe(1));
    rerender(tree(after));
    expect(last(request.log)).toMatchObject({
      data: undefined,
      isLoading: false,
    });
    await app.answer("late");
    await answer;
    await waitFor(() => expect(count()).toBe(0));
    await waitFor(() => expect(other.srv.local.topics.get("count")).toBe(1));
    app.srv.room("all").broadcast("said", "before");
    other.srv.room("all").broadcast("said", "after");
    other.srv.publish("count", 9);
    await waitFor(() => expect(topic.log.last).toBe(9));
    await waitFor(() => expect(heard).toEqual(["after"]));
    expect(last(request.log).data).toBeUndefined();
  } finally {
    await other[Symbol.asyncDispose]();
  }
});

test("one key a login: another function has no effect, another key has", async () => {
  const ids: unknown[] = [];
  const Id = () => {
    ids.push(useClient());
    return null;
  };
  const make = () => app.client(true);
  const { rerender } = render(
    <Provider key="ada" client={make}>
      <Id />
    </Provider>,
  );
  rerender(
    <Provider key="ada" client={() => make()}>
      <Id />
    </Provider>,
  );
  expect(new Set(ids).size).toBe(1);
  rerender(
    <Provider key="grace" client={make}>
      <Id />
    </Provider>,
  );
  expect(new Set(ids).size).toBe(2);
  await waitFor(() => expect(accepted()).toBeGreaterThan(0));
  await waitFor(() => expect(connections()).toBe(1));
});

test("a component that comes and goes in one turn keeps its subscription", async () => {
  const client = app.client();
  const topic = watch(() => useSubscription("count"));
  let flip = () => {};
  const Parent = () => {
    const [key, setKey] = useState(0);
    flip = () => setKey(key + 1);
    return <topic.Watch key={key} />;
  };
  render(
    <Provider client={client}>
      <Parent />
    </Provider>,
  );
  await waitFor(() => expect(count()).toBe(1));
  app.srv.publish("count", 5);
  await waitFor(() => expect(topic.log.last).toBe(5));
  const { framesIn } = app.srv.stats();
  act(() => flip());
  expect(topic.log.last).toBe(5);
  await act(settled);
  const call = client.wait("x");
  await app.answer("x");
  await call;
  expect(app.srv.stats().framesIn).toBe(framesIn + 1);
});

test("a hook outside of a Provider says so", () => {
  const { Watch } = watch(() => useClient());
  expect(() => render(<Watch />)).toThrow("no Provider");
  complaints.length = 0;
});

// React 19 only.
const { Activity } = React;
if (Activity) {
  test("hidden by an Activity the client is closed, and shown again there is a new one", async () => {
    const topic = watch(() => useSubscription("count"));
    const make = () => app.client(true);
    const tree = (mode: "hidden" | "visible") => (
      <Activity mode={mode}>
        <Provider client={make}>
          <topic.Watch />
        </Provider>
      </Activity>
    );
    const { rerender } = render(tree("visible"));
    await waitFor(() => expect(count()).toBe(1));
    rerender(tree("hidden"));
    await waitFor(() => expect(connections()).toBe(0));
    rerender(tree("visible"));
    await waitFor(() => expect(count()).toBe(1));
    app.srv.publish("count", 6);
    await waitFor(() => expect(topic.log.last).toBe(6));
    expect(accepted()).toBe(2);
  });
}
