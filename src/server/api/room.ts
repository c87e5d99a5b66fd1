/**
 * Rooms, as the application uses them.
 *
 * @module
 */
import type { FromSchema } from "../../contract/schema.ts";
import type { Room, RoomAnswers } from "./types.ts";
import { frameOf, questionOf } from "../cluster/client_request.ts";
import { roomChannel } from "../fanout/channels.ts";
import { ConnectionHandle } from "../connection/handle.ts";
import type { NodeHost } from "./host.ts";
import { countLimit } from "../stats/counters.ts";
import type { AskOptions } from "../cluster/ask_options.ts";
import { SocketError } from "../../wire/errors.ts";
import { gather } from "../cluster/gather.ts";
import { isIn, membersOf } from "../fanout/hub.ts";
import { nameFlaw, quote } from "../../contract/names.ts";
import { publish } from "./publish.ts";
import type { Joined } from "../../wire/joined.ts";
import type { AnyConnection } from "../types/connection.ts";
import type { Session } from "../connection/session.ts";

/** One room of a node. It has no state of its own: members are in the hub. */
export class RoomHandle implements Room {
  readonly #host: NodeHost;
  readonly #name: string;
  readonly #channel: string;

  constructor(host: NodeHost, name: string) {
    const { maxNameBytes } = host.settings.limits;
    const flaw = typeof name === "string"
      ? nameFlaw(name, maxNameBytes)
      : `it is of type ${typeof name}`;
    // Room names often come from a client, so the error is one for the caller.
    if (flaw) {
      throw new SocketError(
        "BAD_REQUEST",
        `Cannot use room ${
          quote(String(name))
        }: ${flaw}, must be well-formed Unicode of 1 to maxNameBytes ${maxNameBytes} bytes`,
      );
    }
    this.#host = host;
    this.#name = name;
    this.#channel = roomChannel(name);
  }

  get size(): number {
    const channel = this.#host.hub.channel(this.#channel);
    return channel ? channel.direct.size + channel.grouped.size : 0;
  }

  get connections(): ConnectionHandle[] {
    const channel = this.#host.hub.channel(this.#channel);
    return channel ? membersOf(channel).map(({ handle }) => handle) : [];
  }

  add(conn: AnyConnection): Promise<Joined> {
    const session = this.#session(conn);
    if (session.over) return Promise.resolve({ live: false });
    const { maxRooms } = this.#host.settings.limits;
    const known = this.#host.hub.channel(this.#channel);
    if (!known || !isIn(known, session)) {
      if (session.rooms >= maxRooms) {
        countLimit(this.#host.counters, "maxRooms");
        throw new SocketError(
          "RATE_LIMITED",
          `Cannot join room ${
            quote(this.#name)
          }: more than maxRooms ${maxRooms}`,
        );
      }
      session.rooms++;
    }
    return this.#host.hub.join(this.#channel, session, known);
  }

  remove(conn: AnyConnection): void {
    const session = this.#session(conn);
    const channel = this.#host.hub.channel(this.#channel);
    if (!channel || !isIn(channel, session)) return;
    session.rooms--;
    this.#host.hub.leave(channel, session);
  }

  except(...conns: AnyConnection[]): { broadcast: RoomHandle["broadcast"] } {
    const members = new Set(conns.map((conn) => this.#session(conn)));
    return {
      broadcast: (event, data) => this.#broadcast(event, data, members),
    };
  }

  broadcast(event: string, data: unknown): void {
    this.#broadcast(event, data);
  }

  async request(
    name: string,
    input: unknown,
    options: AskOptions = {},
  ): Promise<RoomAnswers<FromSchema>> {
    const host = this.#host;
    const question = questionOf(host.contract.shared, name);
    const frame = await frameOf(host, question, input);
    const about = [this.#name];
    const gathered = await gather(
      host,
      "room",
      about,
      question,
      frame,
      options,
    );
    return gathered as RoomAnswers<FromSchema>; // `gather` validated each answer
  }

  #broadcast(
    event: string,
    data: unknown,
    except?: ReadonlySet<Session>,
  ): void {
    const message = this.#host.contract.shared.events.get(event);
    if (!message) {
      throw new TypeError(
        `Cannot broadcast ${
          quote(event)
        }: the contract shares no such event, must be one of shared.serverToClient`,
      );
    }
    const to = { kind: "room", room: this.#name } as const;
    publish(this.#host, this.#channel, message, data, to, except);
  }

  #session(conn: AnyConnection): Session {
    const session = ConnectionHandle.sessionOf(conn);
    if (session?.host === this.#host) return session;
    throw new TypeError(
      `Cannot use a connection in room ${
        quote(this.#name)
      }: it is not of this server`,
    );
  }
}
