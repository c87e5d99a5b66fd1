/**
 * The structural types of Cloudflare's runtime. Nothing of it is imported, so these files load everywhere.
 *
 * @module
 */

/** A WebSocket that a Durable Object accepted. */
export interface DurableSocketLike {
  /** 1 while the socket is open. */
  readonly readyState: number;
  /** Sends one message. */
  send(data: string | Uint8Array<ArrayBuffer>): void;
  /** Starts or answers the closing handshake. */
  close(code?: number, reason?: string): void;
  /** Saves a value of at most 16 384 bytes with the socket, replacing the last one. */
  serializeAttachment(value: unknown): void;
  /** Returns that value, `null` if there is none. */
  deserializeAttachment(): unknown;
  /** Accepts the socket without hibernation. */
  accept(): void;
}

/** The members used of an object's storage. */
export interface DurableStorageLike {
  /** Reads all values whose keys have a prefix. */
  list(options: { prefix: string }): Promise<Map<string, unknown>>;
  /** Stores values by key, at most 128. */
  put(entries: Record<string, unknown>): Promise<void>;
  /** Deletes keys, at most 128. */
  delete(keys: string[]): Promise<number>;
  /** Returns when the alarm is due, `null` if none is set. */
  getAlarm(): Promise<number | null>;
  /** Sets the alarm, replacing the last one. */
  setAlarm(time: number): Promise<void>;
}

/** The first argument of a Durable Object's constructor. */
export interface DurableStateLike {
  /** The object's id; its text is unique. */
  readonly id: { toString(): string };
  /** The object's storage. */
  readonly storage: DurableStorageLike;
  /** Accepts a socket for hibernation. */
  acceptWebSocket(ws: DurableSocketLike): void;
  /** Returns all such sockets, also after a sleep. */
  getWebSockets(): DurableSocketLike[];
  /** Answers a fixed text with another, without waking the object. */
  setWebSocketAutoResponse(pair: object): void;
  /** Returns when a socket was last answered like that. */
  getWebSocketAutoResponseTimestamp(ws: DurableSocketLike): Date | null;
  /** Delays events until the promise settles. */
  blockConcurrencyWhile<T>(run: () => Promise<T>): Promise<T>;
}

/** A stub of one Durable Object. */
export interface DurableStubLike {
  /** Sends a request to the object. */
  fetch(request: Request): Promise<Response>;
}

/** A binding to a class of Durable Objects. */
export interface DurableNamespaceLike {
  /** Returns the id of a name. */
  idFromName(name: string): object;
  /** Returns the stub of an id. */
  get(id: object): DurableStubLike;
}

/** The globals used of the runtime. */
interface Globals {
  readonly WebSocketPair: new () => {
    readonly 0: object;
    readonly 1: DurableSocketLike;
  };
  readonly WebSocketRequestResponsePair: new (
    request: string,
    response: string,
  ) => object;
}

/** Returns the runtime's globals, which exist wherever a Durable Object runs. */
export function globals(): Globals {
  return globalThis as unknown as Globals;
}

/** Creates the upgrade response, with the client's end of the socket. */
export function upgraded(webSocket: object, headers: HeadersInit): Response {
  const how = { status: 101, webSocket, headers };
  return new Response(null, how);
}
