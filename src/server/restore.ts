/**
 * Restores connections after a node was taken out of memory while its sockets stayed open.
 *
 * @module
 */
import { roomChannel } from "./fanout/channels.ts";
import type { Server } from "./server.ts";
import type { ConnectionSnapshot, Socket } from "../seams/socket.ts";
import { Session } from "./connection/session.ts";
import { resubscribe } from "./calls/subscribe.ts";

/**
 * Restores a connection from its snapshot. No hook runs, and the client notices nothing.
 *
 * @returns `undefined` if the contract has no such role
 */
export function restore(
  server: Server,
  socket: Socket,
  { role, ctx, data, expiresAt, rooms, topics, ...known }: ConnectionSnapshot,
): Session | undefined {
  const surface = server.contract.roles.get(role);
  if (!surface) return undefined;
  const identity = { role, surface, ctx, data, expiresAt };
  const session = new Session(server, socket, identity, known);
  try {
    server.reach.opened(session);
  } catch (error) {
    server.report(error, { source: "hook", name: "identify" });
  }
  session.resume();
  for (const room of rooms) {
    session.rooms++;
    void server.hub.join(roomChannel(room), session); // never rejects
  }
  for (const topic of topics) resubscribe(server, session, topic);
  return session;
}
