/** Mistakes of a first day: what an application passes, and the whole message of the error. */
import { Hono } from "hono";
import { z } from "zod";
import { createRedisAdapter } from "../../adapters/redis.ts";
import { createUpstashAdapter } from "../../adapters/upstash.ts";
import { createSocketServer, defineContract } from "../../mod.ts";
import { superline } from "../../src/hono.ts";
import { createSocketServer as createOnNode } from "../../src/node.ts";

const api = defineContract({
  shared: {
    clientToServer: {
      say: { input: z.string(), output: z.string() },
    },
    serverToClient: {
      said: { payload: z.string() },
      news: { payload: z.string(), subscribe: true },
    },
  },
  roles: { user: {}, agent: {} },
});

/** The types refuse all of these; people without them, or with a cast, get here. */
const server = (options: object) => () =>
  createSocketServer(
    api,
    { authenticate: () => ({ role: "user" }), ...options } as never,
  );
const limits = (given: object) => server({ limits: given });
const contract = (definition: unknown) => () =>
  defineContract(definition as never);
const implement = (handlers: unknown) => () =>
  createSocketServer(api, { authenticate: () => ({ role: "user" }) })
    .implement(handlers as never);
const redis = (options: unknown) => () => createRedisAdapter(options as never);
const upstash = (options: unknown) => () =>
  createUpstashAdapter(options as never);
const input = z.string();
const entry = { input, output: input };

export const mistakes: readonly (readonly [() => unknown, string])[] = [
  [
    () => createSocketServer(undefined as never, {} as never),
    "Cannot create a server: the contract is not defined, must be what defineContract returned",
  ],
  [
    () => createSocketServer({} as never, {} as never),
    "Cannot create a server: the contract is not defined, must be what defineContract returned",
  ],
  [
    () => createSocketServer(api, undefined as never),
    "Cannot create a server: options is undefined, must be an object",
  ],
  [
    () => createSocketServer(api, {} as never),
    "Cannot create a server: authenticate is undefined, must be a function that returns a role",
  ],
  [
    () => createSocketServer(api, "user" as never),
    'Cannot create a server: options is "user", must be an object',
  ],
  [
    server({ authenticate: "user" }),
    'Cannot create a server: authenticate is "user", must be a function that returns a role',
  ],
  [
    server({ server: new Hono() }),
    "Cannot create a server: server is an option of another entry, import createSocketServer from @super-line/edge/node",
  ],
  [
    server({ maxRoom: 5 }),
    'Cannot create a server: unknown option "maxRoom", did you mean "limits.maxRooms"?',
  ],
  [
    server({ maxRooms: 5 }),
    'Cannot create a server: unknown option "maxRooms", did you mean "limits.maxRooms"?',
  ],
  [
    server({ onConnect: () => {} }),
    'Cannot create a server: unknown option "onConnect", did you mean "onConnection"?',
  ],
  [
    server({ heartbeatMs: "25s" }),
    'Cannot create a server: heartbeatMs is "25s", must be a number above 0 and at most 2147483647',
  ],
  [
    server({ heartbeatMs: 0 }),
    "Cannot create a server: heartbeatMs is 0, must be a number above 0 and at most 2147483647",
  ],
  [
    server({ heartbeatMs: Infinity }),
    "Cannot create a server: heartbeatMs is Infinity, must be a number above 0 and at most 2147483647",
  ],
  [
    server({ heartbeatTimeoutMs: -1 }),
    "Cannot create a server: heartbeatTimeoutMs is -1, must be a number above 0 and at most 2147483647",
  ],
  [
    server({ authTimeoutMs: NaN }),
    "Cannot create a server: authTimeoutMs is NaN, must be a number above 0 and at most 2147483647",
  ],
  [
    server({ closeTimeoutMs: "10" }),
    'Cannot create a server: closeTimeoutMs is "10", must be a number above 0 and at most 2147483647',
  ],
  [
    server({ subscribeTimeoutMs: 2 ** 31 }),
    "Cannot create a server: subscribeTimeoutMs is 2147483648, must be a number above 0 and at most 2147483647",
  ],
  [
    server({ adapter: "redis://localhost" }),
    'Cannot create a server: adapter is "redis://localhost", must be an adapter, such as createRedisAdapter returns',
  ],
  [
    server({ adapter: {} }),
    "Cannot create a server: adapter is an object, must be an adapter, such as createRedisAdapter returns",
  ],
  [
    server({ path: "realtime" }),
    'Cannot create a server: path is "realtime", must be a path that starts with "/"',
  ],
  [
    server({ path: 3000 }),
    'Cannot create a server: path is 3000, must be a path that starts with "/"',
  ],
  [
    server({ origins: 5 }),
    'Cannot create a server: origins is 5, must be an origin such as "https://app.example", an array of them, a function or "*"',
  ],
  [
    server({ origins: "app.example" }),
    'Cannot create a server: origins has "app.example", must be an origin as browsers send it: such as "https://app.example"',
  ],
  [
    server({ origins: ["https://app.example/"] }),
    'Cannot create a server: origins has "https://app.example/", must be an origin as browsers send it: write "https://app.example"',
  ],
  [
    server({ origins: ["https://user@app.example"] }),
    'Cannot create a server: origins has "https://user@app.example", must be an origin as browsers send it: write "https://app.example"',
  ],
  [
    server({ authorizeSubscribe: true }),
    "Cannot create a server: authorizeSubscribe is true, must be a function or an object of blocks",
  ],
  [
    server({ authorizeSubscribe: { shared: { new: true } } }),
    'Cannot authorize subscriptions: unknown topic "shared.new", did you mean "shared.news"?',
  ],
  [
    server({ use: [() => {}, "logger"] }),
    "Cannot create a server: use is an array, must be a middleware function or an array of them",
  ],
  [
    server({ onConnection: true }),
    "Cannot create a server: onConnection is true, must be a function",
  ],
  [
    server({ onError: "console" }),
    'Cannot create a server: onError is "console", must be a function',
  ],
  [
    server({ identify: "id" }),
    'Cannot create a server: identify is "id", must be a function',
  ],
  [
    server({ describe: {} }),
    "Cannot create a server: describe is an object, must be a function",
  ],
  [
    server({ refresh: 5 }),
    "Cannot create a server: refresh is 5, must be a function",
  ],
  [
    server({ reach: "yes" }),
    'Cannot create a server: reach is "yes", must be true or false',
  ],
  [
    server({ presence: 5 }),
    "Cannot create a server: presence is 5, must be true, false or { ttlMs }",
  ],
  [
    server({ presence: { ttlMs: 5 } }),
    "Cannot create a server: presence.ttlMs is 5, must be from 1000 to 2147483647",
  ],
  [
    server({ observer: () => {} }),
    "Cannot create a server: observer is a function, must be an object of functions",
  ],
  [
    server({ validateOutput: "on" }),
    'Cannot create a server: validateOutput is "on", must be true or false',
  ],
  [
    server({ limits: 5 }),
    "Cannot create a server: limits is 5, must be an object",
  ],
  [
    server({ backpressure: "drop" }),
    'Cannot create a server: backpressure is "drop", must be an object',
  ],
  [
    server({ backpressure: { onExceed: "kick" } }),
    'Cannot create a server: backpressure.onExceed is "kick", must be "drop" or "close"',
  ],
  [
    server({ backpressure: { maxBuffered: 5 } }),
    'Cannot create a server: unknown option "backpressure.maxBuffered", did you mean "backpressure.maxBufferedBytes"?',
  ],
  [
    limits({ maxRoom: 5 }),
    'Cannot create a server: unknown option "limits.maxRoom", did you mean "limits.maxRooms"?',
  ],
  [
    limits({ maxMessageBytes: "1MB" }),
    'Cannot create a server: limits.maxMessageBytes is "1MB", must be a number above 0 and at most 9007199254740991',
  ],
  [
    limits({ maxInFlight: -1 }),
    "Cannot create a server: limits.maxInFlight is -1, must be a number above 0 and at most 9007199254740991",
  ],
  [
    limits({ framesPerSecond: 0 }),
    "Cannot create a server: limits.framesPerSecond is 0, must be a number above 0 and at most 9007199254740991",
  ],
  [
    limits({ maxDepth: null }),
    "Cannot create a server: limits.maxDepth is null, must be a number above 0 and at most 9007199254740991",
  ],
  [
    contract(undefined),
    "Cannot define the contract: it has no roles, must be { roles: { … } }",
  ],
  [
    contract({}),
    "Cannot define the contract: it has no roles, must be { roles: { … } }",
  ],
  [
    contract({ roles: {} }),
    "Cannot define the contract: it has 0 roles, must be at least 1",
  ],
  [
    contract({ role: { user: {} }, roles: { user: {} } }),
    'Cannot define the contract: unknown member "role", did you mean "roles"?',
  ],
  [
    contract({ roles: { user: { clientToSever: {} } } }),
    'Cannot define the contract: unknown member "user.clientToSever", did you mean "user.clientToServer"?',
  ],
  [
    contract({ roles: { user: { serverToServer: {} } } }),
    'Cannot define "user.serverToServer": nodes have no role, must be at the top level, beside roles',
  ],
  [
    contract({ roles: { shared: {} } }),
    'Cannot define role "shared": the name stands for what all roles have, must be another',
  ],
  [
    contract({
      roles: { user: { clientToServer: { say: { input: "string" } } } },
    }),
    'Cannot define "user.clientToServer.say.input": it is no schema, must be a Standard Schema such as zod 4, Valibot or ArkType make',
  ],
  [
    contract({
      roles: { user: { clientToServer: { say: { input, ouput: input } } } },
    }),
    'Cannot define the contract: unknown member "user.clientToServer.say.ouput", did you mean "user.clientToServer.say.output"?',
  ],
  [
    contract({ roles: { user: { clientToServer: { say: input } } } }),
    'Cannot define "user.clientToServer.say": it is no kind of entry, must be { input, output } (request), { input, yields } (stream) or { input } (signal)',
  ],
  [
    contract({ roles: { user: { clientToServer: { on: entry } } } }),
    'Cannot define "user.clientToServer.on": a client has a member of that name, must be another name',
  ],
  [
    contract({ roles: { user: { clientToServer: { $close: entry } } } }),
    'Cannot define "user.clientToServer.$close": names with "$" in front are the client\'s own, must be another name',
  ],
  [
    contract({
      roles: {
        user: {
          serverToClient: { said: { payload: input, subscribed: true } },
        },
      },
    }),
    'Cannot define the contract: unknown member "user.serverToClient.said.subscribed", did you mean "user.serverToClient.said.subscribe"?',
  ],
  [
    contract({
      roles: {
        user: {
          serverToClient: { said: { payload: input, keep: { last: 5 } } },
        },
      },
    }),
    'Cannot define "user.serverToClient.said": an event has no "keep", must be a topic (subscribe: true)',
  ],
  [
    contract({
      shared: { clientToServer: { say: entry } },
      roles: { user: { clientToServer: { say: entry } } },
    }),
    'Cannot define "user.say": "shared" has it already, must be in one of the two',
  ],
  [
    contract({ roles: { user: {} }, serializer: {} }),
    "Cannot define the serializer: a member is missing, must be { name, encode, decode }",
  ],
  [
    contract({ roles: { "": {} } }),
    'Cannot define role "": it is empty, must be well-formed Unicode of 1 to 256 bytes',
  ],
  [
    implement(undefined),
    "Cannot implement: handlers is undefined, must be an object of blocks such as { shared: { … } }",
  ],
  [
    implement({}),
    'Cannot implement "shared.say": its handler is undefined, must be a function',
  ],
  [
    implement({ shared: { say: "hello" } }),
    'Cannot implement "shared.say": its handler is string, must be a function',
  ],
  [
    implement({ shared: { say: () => "", shout: () => "" } }),
    'Cannot implement: unknown request or signal "shared.shout", must be one of "shared.say"',
  ],
  [
    implement({ shared: { say: () => "" }, users: {} }),
    'Cannot implement: unknown role "users", did you mean "user"?',
  ],
  [
    redis(undefined),
    'Cannot create the Redis adapter: its URL is undefined, must be one such as "redis://localhost:6379", or options',
  ],
  [
    redis({}),
    "Cannot create the Redis adapter: it needs one of url, client, or publisher and subscriber",
  ],
  [
    redis({ ulr: "redis://localhost" }),
    'Cannot create the Redis adapter: unknown option "ulr", did you mean "url"?',
  ],
  [
    redis({ url: "localhost" }),
    "Cannot create the Redis adapter: url must start with redis:// or rediss://",
  ],
  [
    redis({ url: "redis://localhost", timeoutMs: 5 }),
    "Cannot create the Redis adapter: timeoutMs is 5, must be from 100 to 3600000",
  ],
  [
    redis({ url: "redis://localhost", namespace: "" }),
    'Cannot create the Redis adapter: namespace is "", must be a text that is not empty',
  ],
  [
    upstash(undefined),
    "Cannot create the Upstash adapter: options is undefined, must be an object",
  ],
  [
    upstash({}),
    "Cannot create the Upstash adapter: it needs url and token, or client",
  ],
  [
    upstash({ url: "https://localhost", tokne: "x" }),
    'Cannot create the Upstash adapter: unknown option "tokne", did you mean "token"?',
  ],
  [
    upstash({ url: "https://localhost", token: "x", wake: "poll" }),
    'Cannot create the Upstash adapter: wake is "poll", must be "sse" or left out',
  ],
  [
    () => superline(undefined as never),
    "Cannot mount the server: it is undefined, must be what createSocketServer or forwardTo returned",
  ],
  [
    () => superline(api as never),
    "Cannot mount the server: it is no server, must be what createSocketServer or forwardTo returned",
  ],
  [
    () =>
      createOnNode(api, { authenticate: () => ({ role: "user" }) } as never),
    "Cannot create a server: server is undefined, must be what createServer of node:http returns",
  ],
  [
    () =>
      createOnNode(
        api,
        { server: new Hono(), authenticate: () => ({ role: "user" }) } as never,
      ),
    "Cannot create a server: server is no http.Server, must be what createServer of node:http returns",
  ],
];
