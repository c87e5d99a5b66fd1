/**
 * One message to all members of a channel.
 *
 * @module
 */
import type { Message } from "../../contract/define.ts";
import type { Core } from "../context.ts";
import type { Member } from "../fanout/hub.ts";
import type { Publication } from "../stats/observer.ts";
import { observe } from "../stats/observe.ts";

/**
 * Validates a payload once, encodes it once, and sends it to a channel's members on all nodes.
 *
 * @param except Members of this node that are left out
 * @throws {TypeError} When the payload's schema refuses the data
 */
export function publish(
  core: Core,
  channel: string,
  message: Message,
  data: unknown,
  to: Omit<Publication, "entry">,
  except?: ReadonlySet<Member>,
): void {
  core.hub.publish(channel, core.encode(message, data), except);
  published(core, message, to);
}

/** Tells the observer of a message that was sent. */
export function published(
  core: Core,
  message: Message,
  to: Omit<Publication, "entry">,
): void {
  if (!core.settings.observer) return;
  const entry = `${message.block}.${message.name}`;
  observe(core, "onPublish", (it) => it.onPublish?.({ ...to, entry }));
}
