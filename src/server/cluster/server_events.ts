/**
 * Events between nodes.
 *
 * @module
 */
import { summary } from "../calls/reply.ts";
import { serverChannel } from "../fanout/channels.ts";
import type { Core } from "../context.ts";
import { quote } from "../../contract/names.ts";
import type { Fields } from "../../wire/protocol.ts";
import {
  type Schema,
  type Validated,
  validateSync,
} from "../../contract/schema.ts";
import type { Off } from "../types.ts";
import { observe } from "../stats/observe.ts";

/** One event of a contract, as it was when it was used first: what does not change is made once. */
export interface ServerEvent {
  /** Its name in the contract. */
  readonly name: string;
  /** What its data must be. */
  readonly schema: Schema;
  /** Where it travels. */
  readonly channel: string;
  /** Its frame's fields before the data. */
  readonly fields: Fields;
  /** Whether one was refused, and it was told. */
  refused: boolean;
}

/**
 * Sends an event to the other nodes. What leaves is the data as given: each listening node runs it through the schema,
 * so that defaults and transforms happen once, there.
 */
export function emitServer(core: Core, name: string, data: unknown): void {
  const event = eventOf(core, name, "emit");
  const checked = check(event, data);
  if (!checked.ok) {
    throw new TypeError(
      `Cannot emit server event ${quote(name)}: its schema refused it: ${
        summary(checked.issues)
      }`,
      {
        cause: { issues: checked.issues },
      },
    );
  }
  core.hub.emit(event.channel, core.codec.frame(event.fields, data));
  if (!core.settings.observer) return;
  const seen = { kind: "serverEvent", entry: name } as const;
  observe(core, "onPublish", (it) => it.onPublish?.(seen));
}

/** Listens to an event of the other nodes. */
export function onServer(
  core: Core,
  name: string,
  fn: (data: unknown) => void,
): Off {
  const event = eventOf(core, name, "listen to");
  const { off, ready } = core.hub.listen(event.channel, ({ fields }) => {
    for (const frame of fields) {
      let data: unknown;
      try {
        data = payloadOf(core, event, frame);
      } catch (cause) {
        refuse(core, event, cause);
        continue;
      }
      void core.hook(name, "serverEvent", () => fn(data));
    }
  });
  return Object.assign(off, { ready });
}

function payloadOf(
  core: Core,
  event: ServerEvent,
  [, name, raw]: Fields,
): unknown {
  if (name !== event.name) {
    throw new TypeError(`Cannot take event ${quote(String(name))} for another`);
  }
  const checked = check(event, core.codec.payload(raw));
  if (checked.ok) return checked.value;
  throw new TypeError(summary(checked.issues), {
    cause: { issues: checked.issues },
  });
}

function check({ name, schema }: ServerEvent, data: unknown): Validated {
  return validateSync(schema, data, name, "server event ");
}

/** A node with another contract, as there is while a deploy rolls, may send many: the first of each event is told. */
function refuse(core: Core, event: ServerEvent, cause: unknown): void {
  core.counters.refusedServerEvents++;
  if (event.refused) return;
  event.refused = true;
  const error = new TypeError(
    `Cannot hear server event ${
      quote(event.name)
    }: what another node sent was refused; further ones are only counted`,
    { cause },
  );
  core.report(error, { source: "serverEvent", name: event.name });
}

function eventOf(core: Core, name: string, action: string): ServerEvent {
  const known = core.serverEvents.get(name);
  if (known) return known;
  const schema = core.contract.serverEvents.get(name);
  if (!schema) {
    throw new TypeError(
      `Cannot ${action} ${
        quote(name)
      }: the contract has no such server event, must be one of its serverToServer entries`,
    );
  }
  const event: ServerEvent = {
    name,
    schema,
    channel: serverChannel(name),
    fields: ["srv", name],
    refused: false,
  };
  core.serverEvents.set(name, event);
  return event;
}
