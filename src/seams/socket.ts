/**
 * Seam 1: what the core needs of one live WebSocket, and what it is told about it.
 *
 * @module
 */
import type { Data } from "../wire/bytes.ts";

/** All that a connection is made again from. */
export interface ConnectionSnapshot {
  /** Its id. */
  readonly id: string;
  /** Its role. */
  readonly role: string;
  /** What `authenticate` returned as `ctx`. */
  readonly ctx: unknown;
  /** What `authenticate` returned as `data`, as the role's schema gave it back. */
  readonly data: unknown;
  /** When it was accepted, in milliseconds since the epoch. */
  readonly connectedAt: number;
  /** When its login ends, in milliseconds since the epoch. */
  readonly expiresAt: number | undefined;
  /** The rooms it is in. */
  readonly rooms: readonly string[];
  /** The topics it has subscribed to, as they stand in frames. */
  readonly topics: readonly (
    | string
    | readonly [name: string, params: object | null]
  )[];
}

/** One live WebSocket, as a runtime file gives it to the core. No member throws. */
export interface Socket {
  /** Sends one message, in order; after a close it does nothing. */
  send(data: Data): void;
  /** Starts the closing handshake; a second call does nothing. The core passes only codes that may be sent. */
  close(code: number, reason: string): void;
  /**
   * Cuts the connection at once, whatever its peer does; `closed` follows. Left out where the runtime cannot, and where
   * it ends closed connections by itself.
   */
  readonly terminate?: (() => void) | undefined;
  /**
   * `true` where a closed socket stays until its peer answers, and `closed` is told only then. Where it is left out the
   * runtime tells of the end at once, and sees to the rest by itself.
   */
  readonly lingers?: boolean;
  /** How many bytes wait to be written; `undefined` where the runtime does not tell. */
  buffered(): number | undefined;
  /** Runs a function when all that runs now has run, so that what is sent meanwhile leaves as one message. */
  endOfTurn(fn: () => void): void;
  /** The runtime's own fan-out, where it has one. */
  readonly groups?: SocketGroups;
  /**
   * Where the node may be put to sleep under the socket: keeps what the connection is made again from, in place of what
   * was kept before; `undefined` when it is over.
   *
   * @returns Why it cannot be kept, if so
   */
  keep?(kept: ConnectionSnapshot | undefined): Error | undefined;
  /** When the runtime last answered a ping by itself, in milliseconds since the epoch. */
  answeredAt?(): number | undefined;
}

/** One socket's membership in groups that the runtime itself fans out to. Order with `send` is kept. */
export interface SocketGroups {
  /** The same object for all sockets that one publish can reach. */
  readonly domain: GroupDomain;
  /** Makes the socket a member; a second time does nothing. */
  join(group: string): void;
  /** Ends the membership; of a non-member it does nothing. */
  leave(group: string): void;
}

/** What all sockets of one listener share. */
export interface GroupDomain {
  /**
   * Sends one message to all members of a group.
   *
   * @returns `false` when bytes may wait at one of them, so that the caller has to look for it
   */
  publish(group: string, data: Data): boolean;
}

/** What a runtime file tells the core about a socket. No member throws; calls after `closed` do nothing. */
export interface SocketEvents {
  /** A message came: text as a string, bytes as their own view. */
  message(data: Data): void;
  /** The peer answered a ping of the runtime's own. */
  alive(): void;
  /** Bytes that waited have been written, perhaps not all. */
  drained(): void;
  /** The connection is over; a second call does nothing. 1006 when no close frame came. */
  closed(code: number, reason: string): void;
  /** Resolves when no call is under way; `undefined` when none is. For a runtime that must not sleep meanwhile. */
  settled?(): Promise<void> | undefined;
}
