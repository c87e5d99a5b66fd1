/**
 * Targets: one connection, one user, or one role.
 *
 * @module
 */
import type { FromSchema } from "../../contract/schema.ts";
import { askConnection, questionOf } from "../cluster/client_request.ts";
import {
  CloseCode,
  sendableCode,
  sendableReason,
} from "../../wire/close_codes.ts";
import { userChannel } from "../fanout/channels.ts";
import type { Message, Surface } from "../../contract/define.ts";
import type { NodeHost } from "./host.ts";
import type { AskOptions } from "../cluster/ask_options.ts";
import { quote } from "../../contract/names.ts";
import { publish, published } from "./publish.ts";
import { checkUserId } from "../cluster/reach.ts";

/** One connection, on any node. */
export class ConnectionTarget {
  readonly #host: NodeHost;
  readonly #id: string;
  readonly #surface: Surface;

  constructor(host: NodeHost, id: string, role: string | undefined) {
    if (typeof id !== "string") {
      throw new TypeError(
        `Cannot reach a connection: its id is of type ${typeof id}, must be a string`,
      );
    }
    this.#host = host;
    this.#id = id;
    this.#surface = role === undefined
      ? host.contract.shared
      : surfaceOf(host, role);
  }

  emit(event: string, data: unknown): void {
    const message = eventOf(this.#surface, event);
    const frame = this.#host.encode(message, data);
    this.#host.reach.toConnection(this.#id, message.block, frame);
  }

  async request(
    name: string,
    input: unknown,
    options: AskOptions = {},
  ): Promise<FromSchema> {
    const question = questionOf(this.#surface, name);
    const host = this.#host;
    const answer = await askConnection(
      host,
      this.#id,
      question,
      input,
      options,
    );
    return answer as FromSchema; // `askConnection` validated it
  }

  close(code: number = CloseCode.normal, reason = ""): void {
    this.#host.reach.endConnection(
      this.#id,
      sendableCode(code),
      sendableReason(reason),
    );
  }
}

/** All connections of one user. */
export class UserTarget {
  readonly #host: NodeHost;
  readonly #userId: string;

  constructor(host: NodeHost, userId: string) {
    this.#host = host;
    this.#userId = checkUserId(userId);
    if (host.settings.identify) return;
    throw new TypeError(
      `Cannot reach user ${
        quote(userId)
      }: the server has no option identify, must have one`,
    );
  }

  emit(event: string, data: unknown): void {
    const host = this.#host;
    const message = eventOf(host.contract.shared, event);
    const channel = userChannel(this.#userId);
    publish(host, channel, message, data, { kind: "user" });
  }

  close(code: number = CloseCode.normal, reason = ""): void {
    this.#host.reach.endUser(
      this.#userId,
      sendableCode(code),
      sendableReason(reason),
    );
  }
}

/** All connections of one role. */
export class RoleTarget {
  readonly #host: NodeHost;
  readonly #role: string;
  readonly #surface: Surface;

  constructor(host: NodeHost, role: string) {
    this.#host = host;
    this.#role = role;
    this.#surface = surfaceOf(host, role);
  }

  emit(event: string, data: unknown): void {
    const host = this.#host;
    const message = eventOf(this.#surface, event);
    host.reach.toRole(this.#role, host.encode(message, data));
    published(host, message, { kind: "role" });
  }
}

function surfaceOf(host: NodeHost, role: string): Surface {
  const surface = host.contract.roles.get(role);
  if (surface) return surface;
  throw new TypeError(
    `Cannot reach role ${quote(role)}: the contract has no such role`,
  );
}

function eventOf(surface: Surface, event: string): Message {
  const message = surface.events.get(event);
  if (message) return message;
  throw new TypeError(
    `Cannot emit ${
      quote(event)
    }: there is no such event for all whom it may reach, must be one of shared or of the named role`,
  );
}
