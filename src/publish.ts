/**
 * One message to all members of a channel.
 *
 * @module
 */
import type { Message } from "./contract.ts";
import type { Core } from "./core.ts";
import type { Publication } from "./observer.ts";
import { observe } from "./watch.ts";

/**
 * Validates a payload once, encodes it once, and sends it to a channel's members on all nodes.
 *
 * @throws {TypeError} When the payload's schema refuses the data
 */
export function publish(
  core: Core,
  channel: string,
  message: Message,
  data: unknown,
  to: Omit<Publication, "entry">,
): void {
  core.hub.publish(channel, core.encode(message, data));
  if (!core.settings.observer) return;
  const entry = `${message.block}.${message.name}`;
  observe(core, "onPublish", (it) => it.onPublish?.({ ...to, entry }));
}
