// What types the hooks have. Nothing here runs: compiling is the test.
import type { Client } from "@super-line/edge/client";
import {
  createSocketReact,
  type ProviderProps,
  type SubscriptionState,
} from "@super-line/edge/react";
import { type Api, type api, user } from "./fixture.ts";
import { type Same, same } from "./same.ts";

const hooks = createSocketReact<typeof api, "user">();
const { useClient, useEvent, useRequest, useSubscription } = hooks;

const client = useClient();
same<Same<typeof client, Client<Api, "user">>>();
const props: ProviderProps<Api, "user"> = { client: user };
void hooks.Provider({ ...props, client: () => user });
// @ts-expect-error: a client of another role
void hooks.Provider({ client: {} as Client<Api, "agent"> });

const say = useRequest("say");
same<Same<typeof say.data, { id: string; at: number } | undefined>>();
same<Same<typeof say.error, Error | undefined>>();
const answer = say.call({ text: "a", loud: "yes" }, { timeoutMs: 1 });
same<Same<typeof answer, Promise<{ id: string; at: number }>>>();
void useRequest("me").call();
// @ts-expect-error: text is missing
void say.call({ loud: true });
// @ts-expect-error: a signal has no answer to follow
useRequest("typing");
// @ts-expect-error: another role's request
useRequest("finish");

useEvent("message", (payload) => {
  same<Same<typeof payload, { from: string; text: string }>>();
});
useEvent("invited", ({ by }) => void by);
// @ts-expect-error: a topic is subscribed to
useEvent("presence", () => {});
// @ts-expect-error: another role's event
useEvent("paged", () => {});

const presence = useSubscription("presence");
same<Same<typeof presence, { room: string; count: number } | undefined>>();
const status = useSubscription("status", { withState: true });
same<Same<typeof status, SubscriptionState<string>>>();
const order = useSubscription("order", { id: "1" });
same<Same<typeof order, SubscriptionState<{ state: string }>>>();
// @ts-expect-error: its params are missing
useSubscription("order");
// @ts-expect-error: a param of another type
useSubscription("order", { id: 1 });
// @ts-expect-error: an event is listened to
useSubscription("message");
// @ts-expect-error: another role's topic
useSubscription("task");

// @ts-expect-error: no role of the contract
void createSocketReact<typeof api, "admin">();
