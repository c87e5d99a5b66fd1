/**
 * Server events: events between nodes.
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
import type { ReadyOff } from "../../wire/off.ts";
import { observe } from "../stats/observer.ts";

/** A server event of the contract, compiled at its first use. */
export interface ServerEvent {
  /** The name in the contract. */
  readonly name: string;
  /** The schema of its data. */
  readonly schema: Schema;
  /** The channel. */
  readonly channel: string;
  /** The frame's fields before the data. */
  readonly fields: Fields;
  /** Whether a refused event was reported. */
  refused: boolean;
}

/** What server events need of their server. */
export interface ServerEventsHost extends ClusterHost {
  /** The events that were sent or listened to, by name. */
  readonly serverEvents: Map<string, ServerEvent>;
}

/**
 * Sends an event to the other nodes. The data is sent as it was passed: each listening node runs it through the schema,
 * so that defaults and transforms are applied once, there.
 */
export function emitServer(
  host: ServerEventsHost,
  name: string,
  data: unknown,
): void {
  const event = eventOf(host, name, "emit");
  const checked = check(event, data);
  if (!checked.ok) {
    throw schemaError("emit server event", name, "the data", checked.issues);
  }
  host.hub.emit(event.channel, host.codec.frame(event.fields, data));
  if (!host.settings.observer) return;
  const seen = { kind: "serverEvent", entry: name } as const;
  observe(host, "onPublish", (it) => it.onPublish?.(seen));
}

/** Adds a listener for an event of the other nodes. */
export function onServer(
  host: ServerEventsHost,
  name: string,
  fn: (data: unknown) => void,
): ReadyOff {
  const event = eventOf(host, name, "listen to");
  return host.hub.listen(event.channel, ({ fields }) => {
    for (const frame of fields) {
      let data: unknown;
      try {
        data = payloadOf(host, event, frame);
      } catch (cause) {
        refuse(host, event, cause);
        continue;
      }
      void host.hook(name, "serverEvent", () => fn(data));
    }
  });
}

function payloadOf(
  host: ServerEventsHost,
  event: ServerEvent,
  [, name, raw]: Fields,
): unknown {
  if (name !== event.name) {
    throw new TypeError(`Cannot take event ${quote(String(name))} for another`);
  }
  const checked = check(event, host.codec.payload(raw));
  if (checked.ok) return checked.value;
  throw new TypeError(summary(checked.issues), {
    cause: { issues: checked.issues },
  });
}

function check({ name, schema }: ServerEvent, data: unknown): Validated {
  return validateSync(schema, data, name, "server event ");
}

/**
 * A node with another contract, as during a rolling deployment, may send many: only the first one of each event is
 * reported.
 */
function refuse(
  host: ServerEventsHost,
  event: ServerEvent,
  cause: unknown,
): void {
  host.counters.refusedServerEvents++;
  if (event.refused) return;
  event.refused = true;
  const error = new TypeError(
    `Cannot hear server event ${
      quote(event.name)
    }: what another node sent was refused; further ones are only counted`,
    { cause },
  );
  host.report(error, { source: "serverEvent", name: event.name });
}

function eventOf(
  host: ServerEventsHost,
  name: string,
  action: string,
): ServerEvent {
  const known = host.serverEvents.get(name);
  if (known) return known;
  const schema = host.contract.serverEvents.get(name);
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
  host.serverEvents.set(name, event);
  return event;
}
