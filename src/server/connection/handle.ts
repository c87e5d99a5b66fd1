/**
 * The object that stands for a connection in handlers and hooks.
 *
 * @module
 */
import { roomOf } from "../fanout/channels.ts";
import type { Connection } from "../types/connection.ts";
import type { FromSchema } from "../../contract/schema.ts";
import type { Session } from "./session.ts";

/** What a connection is known by. */
export interface ConnectionIdentity {
  readonly id: string;
  readonly connectedAt: number;
}

/** Shows of a session what the application may see. */
export class ConnectionHandle implements Connection {
  readonly id: string;
  readonly role: string;
  readonly ctx: unknown;
  readonly data: FromSchema;
  readonly connectedAt: number;
  readonly #session: Session;

  constructor(
    session: Session,
    { id, connectedAt }: ConnectionIdentity,
    role: string,
    ctx: unknown,
    data: unknown,
  ) {
    this.#session = session;
    this.id = id;
    this.connectedAt = connectedAt;
    this.role = role;
    this.ctx = ctx;
    this.data = data as FromSchema;
  }

  get dropped(): number {
    return this.#session.missed;
  }

  /** Finds the session behind a connection; `undefined` for an object that is none of this package's copy. */
  static sessionOf(connection: object): Session | undefined {
    return #session in connection ? connection.#session : undefined;
  }

  get rooms(): string[] {
    return (this.#session.channels ?? []).flatMap(({ name }) =>
      roomOf(name) ?? []
    );
  }

  emit(event: string, data: unknown): void {
    this.#session.emit(event, data);
  }

  close(code?: number, reason?: string): void {
    this.#session.close(code, reason);
  }
}
