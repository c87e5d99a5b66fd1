/**
 * Events between nodes.
 *
 * @module
 */
import { summary } from "./answers.ts";
import { serverChannel } from "./channels.ts";
import type { Core } from "./core.ts";
import { quote } from "./names.ts";
import { type Frame, read } from "./protocol.ts";
import { type Schema, validateSync } from "./schema.ts";
import type { Off } from "./server_api.ts";
import { observe } from "./watch.ts";

/**
 * Sends an event to the other nodes. What leaves is the data as given: each listening node runs it through the schema,
 * so that defaults and transforms happen once, there.
 */
export function emitServer(core: Core, event: string, data: unknown): void {
  const schema = schemaOf(core, event, "emit");
  const checked = validateSync(schema, data, `server event ${quote(event)}`);
  if (!checked.ok) {
    throw new TypeError(
      `Cannot emit server event ${quote(event)}: its schema refused it: ${
        summary(checked.issues)
      }`,
      {
        cause: { issues: checked.issues },
      },
    );
  }
  core.hub.emit(
    serverChannel(event),
    core.codec.frame(`["srv",${JSON.stringify(event)}`, data),
  );
  if (!core.settings.observer) return;
  const seen = { kind: "serverEvent", entry: event } as const;
  observe(core, "onPublish", (it) => it.onPublish?.(seen));
}

/** Listens to an event of the other nodes. */
export function onServer(
  core: Core,
  event: string,
  fn: (data: unknown) => void,
): Off {
  const schema = schemaOf(core, event, "listen to");
  const { off, ready } = core.hub.listen(serverChannel(event), (frames) => {
    for (const data of payloads(core, event, schema, frames)) {
      void core.hook(event, "serverEvent", () => fn(data));
    }
  });
  return Object.assign(off, { ready });
}

function* payloads(
  core: Core,
  event: string,
  schema: Schema,
  frames: Frame,
): Iterable<unknown> {
  for (const frame of read(frames)) {
    try {
      if (!frame.ok) throw new TypeError(frame.flaw);
      const [tag, name, raw] = frame.fields;
      if (tag !== "srv" || name !== event) {
        throw new TypeError(`Cannot take a frame ${quote(tag)} for an event`);
      }
      const checked = validateSync(
        schema,
        core.codec.payload(raw),
        `server event ${quote(event)}`,
      );
      if (!checked.ok) {
        throw new TypeError(summary(checked.issues), {
          cause: { issues: checked.issues },
        });
      }
      yield checked.value;
    } catch (cause) {
      refuse(core, event, cause);
    }
  }
}

/** A node with another contract, as there is while a deploy rolls, may send many: the first of each event is told. */
function refuse(core: Core, event: string, cause: unknown): void {
  core.counters.refusedServerEvents++;
  if (core.refusedEvents.has(event)) return;
  core.refusedEvents.add(event);
  const error = new TypeError(
    `Cannot hear server event ${
      quote(event)
    }: what another node sent was refused; further ones are only counted`,
    { cause },
  );
  core.report(error, { source: "serverEvent", name: event });
}

function schemaOf(core: Core, event: string, action: string): Schema {
  const schema = core.contract.serverEvents.get(event);
  if (schema) return schema;
  throw new TypeError(
    `Cannot ${action} ${
      quote(event)
    }: the contract has no such server event, must be one of its serverToServer entries`,
  );
}
