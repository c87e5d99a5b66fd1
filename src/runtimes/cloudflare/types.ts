/**
 * What is used of Cloudflare's runtime, by structure: nothing of it is imported, and these files load everywhere.
 *
 * @module
 */

/** One end of a WebSocket that a Durable Object has accepted. */
export interface DurableSocketLike {
  /** 1 when messages may be sent. */
  readonly readyState: number;
  /** Sends one message. */
  send(data: string | Uint8Array<ArrayBuffer>): void;
  /** Starts or answers the closing handshake. */
  close(code?: number, reason?: string): void;
  /** Keeps a value of at most 16 384 bytes with the socket, in place of the last one. */
  serializeAttachment(value: unknown): void;
  /** Reads that value, `null` when there is none. */
  deserializeAttachment(): unknown;
  /** Takes it without hibernation. */
  accept(): void;
}

/** What is used of an object's storage. */
export interface DurableStorageLike {
  /** Reads what is stored under keys that start so. */
  list(options: { prefix: string }): Promise<Map<string, unknown>>;
  /** Stores values by their keys, at most 128. */
  put(entries: Record<string, unknown>): Promise<void>;
  /** Deletes keys, at most 128. */
  delete(keys: string[]): Promise<number>;
  /** When the object is to be woken, `null` for never. */
  getAlarm(): Promise<number | null>;
  /** Has the object woken, in place of what was set before. */
  setAlarm(time: number): Promise<void>;
}

/** What a Durable Object's constructor gets first. */
export interface DurableStateLike {
  /** The object's id; its text is unique. */
  readonly id: { toString(): string };
  /** What outlives the object's time in memory. */
  readonly storage: DurableStorageLike;
  /** Takes a socket for hibernation. */
  acceptWebSocket(ws: DurableSocketLike): void;
  /** All such sockets, also after a sleep. */
  getWebSockets(): DurableSocketLike[];
  /** Has one fixed text answered with another, without waking the object. */
  setWebSocketAutoResponse(pair: object): void;
  /** When a socket was last answered so. */
  getWebSocketAutoResponseTimestamp(ws: DurableSocketLike): Date | null;
  /** Holds events back until the promise settles. */
  blockConcurrencyWhile<T>(run: () => Promise<T>): Promise<T>;
}

/** What leads to one Durable Object. */
export interface DurableStubLike {
  /** Has the object answer a request. */
  fetch(request: Request): Promise<Response>;
}

/** What a binding to a class of Durable Objects is. */
export interface DurableNamespaceLike {
  /** The id of a name. */
  idFromName(name: string): object;
  /** The object of an id. */
  get(id: object): DurableStubLike;
}

/** The globals of the runtime that are used. */
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

/** Reads the runtime's globals; they are there wherever a Durable Object is. */
export function globals(): Globals {
  return globalThis as unknown as Globals;
}

/** Makes the response that upgrades: its far end goes to the client. */
export function upgraded(webSocket: object, headers: HeadersInit): Response {
  const how = { status: 101, webSocket, headers };
  return new Response(null, how);
}
