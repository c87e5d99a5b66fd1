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
  readonly #core: NodeHost;
  readonly #id: string;
  readonly #surface: Surface;

  constructor(core: NodeHost, id: string, role: string | undefined) {
    if (typeof id !== "string") {
      throw new TypeError(
        `Cannot reach a connection: its id is of type ${typeof id}, must be a string`,
      );
    }
    this.#core = core;
    this.#id = id;
    this.#surface = role === undefined
      ? core.contract.shared
      : surfaceOf(core, role);
  }

  emit(event: string, data: unknown): void {
    const message = eventOf(this.#surface, event);
    const frame = this.#core.encode(message, data);
    this.#core.reach.toConnection(this.#id, message.block, frame);
  }

  async request(
    name: string,
    input: unknown,
    options: AskOptions = {},
  ): Promise<FromSchema> {
    const question = questionOf(this.#surface, name);
    const core = this.#core;
    const answer = await askConnection(
      core,
      this.#id,
      question,
      input,
      options,
    );
    return answer as FromSchema; // `askConnection` validated it
  }

  close(code: number = CloseCode.normal, reason = ""): void {
    this.#core.reach.endConnection(
      this.#id,
      sendableCode(code),
      sendableReason(reason),
    );
  }
}

/** All connections of one user. */
export class UserTarget {
  readonly #core: NodeHost;
  readonly #userId: string;

  constructor(core: NodeHost, userId: string) {
    this.#core = core;
    this.#userId = checkUserId(userId);
    if (core.settings.identify) return;
    throw new TypeError(
      `Cannot reach user ${
        quote(userId)
      }: the server has no option identify, must have one`,
    );
  }

  emit(event: string, data: unknown): void {
    const core = this.#core;
    const message = eventOf(core.contract.shared, event);
    const channel = userChannel(this.#userId);
    publish(core, channel, message, data, { kind: "user" });
  }

  close(code: number = CloseCode.normal, reason = ""): void {
    this.#core.reach.endUser(
      this.#userId,
      sendableCode(code),
      sendableReason(reason),
    );
  }
}

/** All connections of one role. */
export class RoleTarget {
  readonly #core: NodeHost;
  readonly #role: string;
  readonly #surface: Surface;

  constructor(core: NodeHost, role: string) {
    this.#core = core;
    this.#role = role;
    this.#surface = surfaceOf(core, role);
  }

  emit(event: string, data: unknown): void {
    const core = this.#core;
    const message = eventOf(this.#surface, event);
    core.reach.toRole(this.#role, core.encode(message, data));
    published(core, message, { kind: "role" });
  }
}

function surfaceOf(core: NodeHost, role: string): Surface {
  const surface = core.contract.roles.get(role);
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
