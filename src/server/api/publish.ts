/**
 * Publishes one message to all members of a channel.
 *
 * @module
 */
import type { Message } from "../../contract/define.ts";
import type { NodeHost } from "./host.ts";
import type { Session } from "../connection/session.ts";
import { observe, type Publication } from "../stats/observer.ts";

/**
 * Validates a payload once, encodes it once, and sends it to a channel's members on all nodes.
 *
 * @param except Members of this node that do not get it
 * @throws {TypeError} If the schema refuses the payload
 */
export function publish(
  host: NodeHost,
  channel: string,
  message: Message,
  data: unknown,
  to: Omit<Publication, "entry">,
  except?: ReadonlySet<Session>,
): void {
  host.hub.publish(channel, host.encode(message, data), except);
  published(host, message, to);
}

/** Notifies the observer of a message that was sent. */
export function published(
  host: NodeHost,
  message: Message,
  to: Omit<Publication, "entry">,
): void {
  if (!host.settings.observer) return;
  const entry = `${message.block}.${message.name}`;
  observe(host, "onPublish", (it) => it.onPublish?.({ ...to, entry }));
}
