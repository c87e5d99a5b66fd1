/**
 * What is behind a client: calls out, frames in, and the link between them.
 *
 * @module
 */
import { exceeds } from "../wire/bytes.ts";
import type { Contract } from "../contract/define.ts";
import { remoteError } from "../wire/errors.ts";
import {
  type Codec,
  createCodec,
  type Fields,
  type Frame,
  type Hello,
  plainFrame,
} from "../wire/protocol.ts";
import { type Schema, validate } from "../contract/schema.ts";
import {
  canonicalParams,
  PARAMS_RULE,
  readTopic,
  type TopicElement,
  topicText,
} from "../contract/params.ts";
import { backoffOf, targetOf } from "./address.ts";
import { createOff, type Off } from "../wire/off.ts";
import { type Answerer, Answers } from "./question_handlers.ts";
import { Calls } from "./calls.ts";
import { createDeferred, type Deferred } from "../shared/deferred.ts";
import { type ClientStatus, Link } from "./link.ts";
import type { Transport } from "./transport.ts";
import { Login } from "./token_refresh.ts";
import { createOutgoing } from "./outgoing.ts";
import { accepted, type Fn, run } from "./listeners.ts";
import { Stream } from "./stream.ts";
import type { Names } from "./surface.ts";
import { Topics } from "./topics.ts";
import type {
  AnySubscribeOptions,
  CallOptions,
  ClientOptions,
  Gap,
  Subscription,
} from "./types.ts";

/** The text of a topic; of a kept one without parameters that of an array. */
function textOf(element: TopicElement | undefined): string | undefined {
  if (!element) return undefined;
  const { name, params, long } = element;
  return topicText(
    name,
    params ? canonicalParams(params) : long ? null : params,
  );
}

/** Every member but those of `Client` is private: a contract's methods may have any other name. */
export class ClientCore {
  readonly role: string;
  readonly #surface;
  readonly #options: ClientOptions;
  readonly #codec: Codec;
  readonly #link: Link;
  readonly #calls: Calls;
  readonly #topics: Topics;
  readonly #answers: Answers;
  /** Where a token can be asked for. */
  readonly #login: Login | undefined;
  readonly #events = new Map<string, Set<Fn>>();
  readonly #statusFns = new Set<Fn>();
  readonly #reconnectFns = new Set<Fn>();
  readonly #gapFns = new Set<Fn>();
  readonly #out = createOutgoing((message) => this.#link.send(message));
  #hello: Hello | undefined;
  #gate: Deferred<void> = createDeferred();
  #greeted = false;
  #away: ReturnType<typeof setTimeout> | undefined;

  constructor(
    { serializer }: Pick<Contract, "serializer">,
    surface: Names,
    options: ClientOptions,
    transport: Transport,
  ) {
    this.role = options.role;
    this.#surface = {
      events: new Map(surface.events),
      topics: new Map(surface.topics),
      questions: new Map(surface.questions),
    };
    this.#options = options;
    this.#codec = createCodec(serializer);
    const isOpen = () => this.#hello !== undefined;
    const host = {
      get open() {
        return isOpen();
      },
      send: this.#out.send,
      can: (feature: string) =>
        this.#hello?.features?.includes(feature) ?? false,
    };
    this.#calls = new Calls(host);
    this.#topics = new Topics(host, this.#calls);
    this.#answers = new Answers(
      (...frame) => this.#encode(...frame),
      host.send,
      this.#report,
    );
    const { token } = options;
    if (typeof token === "function") {
      this.#login = new Login(
        this.#calls,
        async () => await token(),
        this.#report,
      );
    }
    for (const [name, { output, yields }] of surface.calls) {
      const method = output
        ? (input: unknown, how?: CallOptions) =>
          yields
            ? this.#stream(name, output, yields, input, how)
            : this.#request(name, output, input, how)
        : (input: unknown) => this.#signal(name, input);
      Object.defineProperty(this, name, { value: method });
    }
    this.#link = new Link({
      transport,
      backoff: backoffOf(options),
      target: () => targetOf(options),
      accept: (hello) => this.#flawOf(hello),
      opened: (hello) => this.#opened(hello),
      // Guarded as a whole: a field of any type may come, and a throw here would end some processes.
      frame: (fields) => run(() => this.#take(fields), fields, this.#report),
      down: (status) => this.#down(status),
      status: (status) => this.#tell(this.#statusFns, status),
      error: this.#report,
    });
    if (!options.lazy) this.#link.connect();
  }

  get id(): string | undefined {
    return this.#hello?.id;
  }

  get state(): ClientStatus["state"] {
    return this.#link.status.state;
  }

  get ready(): Promise<void> {
    this.#wake();
    return this.#gate.promise;
  }

  on(event: string, fn: Fn): Off {
    if (!this.#surface.events.has(event)) throw this.#unknown("event", event);
    let fns = this.#events.get(event);
    if (!fns) this.#events.set(event, fns = new Set());
    return this.#listen(fns, fn);
  }

  subscribe(name: string, ...args: unknown[]): Subscription {
    const topic = this.#surface.topics.get(name);
    if (!topic) throw this.#unknown("topic", name);
    const params = topic.params ? canonicalParams(args.shift()) : undefined;
    if (topic.params && params === undefined) {
      throw new TypeError(
        `Cannot subscribe to "${name}": its params must be ${PARAMS_RULE}`,
      );
    }
    const [fn, options = {}] = args as [Fn, AnySubscribeOptions?]; // typed where it was called
    const { onError = this.#report, onGap, onSnapshot, after, replay } =
      options;
    this.#wake();
    const { keep } = topic;
    const text = topicText(name, params ?? (keep && null));
    return this.#topics.add(text, keep, {
      fn,
      failed: (error) => run(onError, error, this.#report),
      gap: () => onGap && run(onGap, undefined, this.#report),
      onSnapshot,
      after,
      replay,
      late: (raw) => this.#deliver(name, topic, raw, [fn]),
    });
  }

  implement(answerers: Record<string, Answerer>): this {
    for (const [name, answerer] of Object.entries(answerers)) {
      const question = this.#surface.questions.get(name);
      if (!question) throw this.#unknown("question", name);
      const { input } = question;
      this.#answers.set(
        name,
        async (raw, call) =>
          answerer(await this.#accept(input, raw, name), call),
      );
    }
    return this;
  }

  onStatus(fn: (status: ClientStatus) => void): Off {
    return this.#listen(this.#statusFns, fn);
  }

  onReconnect(fn: () => void): Off {
    return this.#listen(this.#reconnectFns, fn);
  }

  onGap(fn: (gap: Gap) => void): Off {
    return this.#listen(this.#gapFns, fn);
  }

  close(): void {
    this.#out.flush();
    this.#link.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #wake(): void {
    if (this.state === "idle") this.#link.connect();
  }

  /** Adds a listener; the same function twice is two. */
  #listen(fns: Set<Fn>, fn: Fn): Off {
    this.#wake();
    const own: Fn = (payload) => fn(payload);
    fns.add(own);
    return createOff(() => void fns.delete(own));
  }

  // --- Out ----------------------------------------------------------------------------------------------------------

  async #request(
    name: string,
    output: Schema | true,
    input: unknown,
    how?: CallOptions,
  ): Promise<unknown> {
    this.#wake();
    const { timeoutMs = 30_000 } = this.#options;
    this.#checkCall(name);
    const build = (id: number) => this.#encode(["req", id, name], name, input);
    const raw = await this.#calls.start(build, {
      ...how,
      timeoutMs: how?.timeoutMs ?? timeoutMs,
    });
    return await this.#accept(output, raw, name);
  }

  #stream(
    name: string,
    output: Schema | true,
    yields: Schema | true,
    input: unknown,
    how?: CallOptions,
  ): Stream {
    this.#wake();
    let id = 0;
    const build = (given: number) =>
      this.#encode(["req", id = given, name], name, input);
    return new Stream({
      start: async (signal, item) => {
        this.#checkCall(name);
        const raw = await this.#calls.start(build, { signal }, item);
        return await this.#accept(output, raw, name);
      },
      more: (items) => this.#out.send(plainFrame("more", id, items)),
      read: (raw) => this.#accept(yields, raw, name),
    }, { timeoutMs: this.#options.timeoutMs ?? 30_000, ...how });
  }

  /** Throws where a call cannot be made. */
  #checkCall(name: string): void {
    const { maxQueued = 1_000 } = this.#options;
    if (this.state === "closed") {
      throw remoteError(
        "DISCONNECTED",
        `Cannot call "${name}": the client is closed`,
      );
    }
    if (this.#calls.waiting >= maxQueued) {
      throw remoteError(
        "UNAVAILABLE",
        `Cannot call "${name}": more than maxQueued ${maxQueued} calls wait`,
      );
    }
  }

  /** Reads a payload, held to its schema where that is wanted. */
  async #accept(schema: unknown, raw: unknown, name: string): Promise<unknown> {
    const value = this.#codec.payload(raw);
    return this.#options.validate === "inbound"
      ? accepted(await validate(schema as Schema, value), name) // a contract's
      : value;
  }

  #signal(name: string, input: unknown): void {
    this.#wake();
    if (this.#hello) {
      this.#out.send(this.#encode(["sig", name], name, input));
    }
  }

  #encode(fields: Fields, name: string, input: unknown): Frame {
    const frame = this.#codec.frame(fields, input);
    const max = this.#hello?.maxMessageBytes ?? Infinity;
    if (exceeds(frame, max)) {
      throw remoteError(
        "BAD_REQUEST",
        `Cannot send "${name}": it is larger than the server's maxMessageBytes ${max}`,
      );
    }
    return frame;
  }

  // --- In -----------------------------------------------------------------------------------------------------------

  #take([tag, first, second, third, fourth]: Fields): unknown {
    switch (tag) {
      case "res":
        return this.#calls.answer(first, undefined, second);
      case "err":
        return this.#failed(first, String(second), String(third), fourth);
      case "next":
        return this.#calls.item(first, second);
      case "evt":
        return this.#deliver(
          first as string,
          this.#surface.events.get(first as string),
          second,
          this.#events.get(first as string),
        ); // Maps take any key
      case "pub":
      case "snap":
      case "skip":
        return this.#publication(tag, readTopic(first), second);
      case "req":
        return this.#answers.answer(first, second as string, third);
      case "cancel":
        return this.#answers.cancel(first);
      case "gap":
        if (second === undefined) this.#tell(this.#gapFns, first);
        return this.#topics.lost(textOf(readTopic(second)));
      case "away":
        return this.#leave(
          (first as { withinMs?: number } | undefined)?.withinMs ?? 0,
        );
    }
    return undefined; // other tags are of a newer server
  }

  #failed(id: unknown, code: string, message: string, raw: unknown): void {
    let data: unknown;
    try {
      data = this.#codec.payload(raw);
    } catch (error) {
      this.#report(error);
    }
    const error = remoteError(code, message, data);
    if (id === 0) this.#report(error);
    else this.#calls.answer(id, error);
  }

  #publication(
    tag: string,
    element: TopicElement | undefined,
    payload: unknown,
  ): void {
    if (!element) return;
    const isMessage = tag !== "snap";
    const { name, position } = element;
    const message = this.#surface.topics.get(name);
    const topic = this.#topics.find(
      textOf(element) as string, // there is an element
      isMessage ? position : undefined,
    );
    if (!topic || !message) return;
    const listeners = [...topic.listeners];
    if (tag === "pub") {
      this.#deliver(name, message, payload, listeners.map(({ fn }) => fn));
      if (topic.keep?.last === 1) topic.value = { raw: payload };
    } else if (isMessage) { for (const { gap } of listeners) gap(); }
    else if (topic.joined) {
      this.#deliver(
        name,
        { payload: message.snapshot as Schema }, // the server sends none where there is none
        payload,
        listeners.flatMap(({ onSnapshot }) => onSnapshot ?? []),
      );
    }
    // Only now: a page that reloads while its listeners run gets the message again, not never.
    if (isMessage && position) topic.position = position;
  }

  #deliver(
    name: string,
    entry: { readonly payload?: Schema } | undefined,
    raw: unknown,
    fns: Iterable<Fn> | undefined,
  ): void {
    if (!entry || !fns) return;
    try {
      const value = this.#codec.payload(raw);
      const checked = this.#options.validate === "inbound"
        ? validate(entry.payload as Schema, value) // a contract's
        : { ok: true, value } as const;
      this.#tell(fns, accepted(checked, name));
    } catch (error) {
      this.#report(error);
    }
  }

  // --- The connection -----------------------------------------------------------------------------------------------

  #flawOf({ role, serializer }: Hello): string | undefined {
    if (role !== this.role) {
      return `the server's role is "${role}", must be "${this.role}"`;
    }
    if (serializer === this.#codec.name) return undefined;
    return `the server's serializer is "${serializer}", must be "${this.#codec.name}"`;
  }

  #opened(hello: Hello): void {
    this.#hello = hello;
    // What is sent first runs first: topics, then rooms joined again by the listeners, then the calls that waited.
    this.#calls.resume(hello.maxInFlight, () => {
      this.#topics.resume();
      if (this.#greeted) this.#tell(this.#reconnectFns, undefined);
    });
    this.#greeted = true;
    this.#login?.watch(hello.expiresAt);
    this.#gate.resolve();
  }

  #down({ state, code, reason }: ClientStatus): void {
    const wasOpen = this.#hello !== undefined;
    this.#hello = undefined;
    this.#out.clear();
    clearTimeout(this.#away);
    this.#login?.stop();
    const closed = state === "closed";
    const error = remoteError(
      "DISCONNECTED",
      `The connection ended with ${code}${reason ? `: ${reason}` : ""}`,
    );
    this.#calls.fail(error, closed);
    this.#answers.end();
    if (wasOpen) this.#gate = createDeferred();
    if (!closed) return;
    this.#gate.reject(error);
    this.#topics.end(error);
  }

  /** The server goes: finish what is under way, hold what is new, and come back at a moment of one's own. */
  #leave(withinMs: number): void {
    const hello = this.#hello;
    const restart = () => {
      if (this.#hello !== hello) return;
      this.#out.flush(); // such as a signal of this turn
      this.#link.restart();
    };
    clearTimeout(this.#away);
    this.#away = setTimeout(
      () => this.#calls.drain(restart),
      Math.random() * withinMs / 2, // the rest of the time is for what is under way
    );
  }

  #tell(fns: Iterable<Fn>, payload: unknown): void {
    for (const fn of [...fns]) run(fn, payload, this.#report); // one that is added or removed meanwhile counts from the next on
  }

  readonly #report = (error: unknown): void =>
    run(this.#options.onError ?? console.error, error, console.error);

  #unknown(kind: string, name: string): TypeError {
    return new TypeError(
      `Cannot listen to "${name}": role "${this.role}" has no such ${kind}`,
    );
  }
}
