/**
 * Events between nodes.
 *
 * @module
 */
import {
  type Schema,
  schemaError,
  summary,
  type Validated,
  validateSync,
} from "../../contract/schema.ts";
import { serverChannel } from "../fanout/channels.ts";
import type { ClusterHost } from "./host.ts";
import { quote } from "../../contract/names.ts";
import type { Fields } from "../../wire/protocol.ts";
import type { Off } from "../fanout/hub.ts";
import { observe } from "../stats/observer.ts";

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

/** What events between nodes need of their server. */
export interface ServerEventsHost extends ClusterHost {
  /** Those that were sent or listened to, by name. */
  readonly serverEvents: Map<string, ServerEvent>;
}

/**
 * Sends an event to the other nodes. What leaves is the data as given: each listening node runs it through the schema,
 * so that defaults and transforms happen once, there.
 */
export function emitServer(
  core: ServerEventsHost,
  name: string,
  data: unknown,
): void {
  const event = eventOf(core, name, "emit");
  const checked = check(event, data);
  if (!checked.ok) {
    throw schemaError("emit server event", name, "the data", checked.issues);
  }
  core.hub.emit(event.channel, core.codec.frame(event.fields, data));
  if (!core.settings.observer) return;
  const seen = { kind: "serverEvent", entry: name } as const;
  observe(core, "onPublish", (it) => it.onPublish?.(seen));
}

/** Listens to an event of the other nodes. */
export function onServer(
  core: ServerEventsHost,
  name: string,
  fn: (data: unknown) => void,
): Off {
  const event = eventOf(core, name, "listen to");
  return core.hub.listen(event.channel, ({ fields }) => {
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
}

function payloadOf(
  core: ServerEventsHost,
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
function refuse(
  core: ServerEventsHost,
  event: ServerEvent,
  cause: unknown,
): void {
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

function eventOf(
  core: ServerEventsHost,
  name: string,
  action: string,
): ServerEvent {
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
