// What the board does: it keeps notes, and tells everybody what changes.
import {
  type Adapter,
  createSocketServer,
  SocketError,
} from "@super-line/edge";
import { api } from "./api.ts";
import type { Notes } from "./notes.ts";
import { People } from "./people.ts";

/** Creates one node of the board. */
export function createBoard(notes: Notes, adapter?: Adapter) {
  const srv = createSocketServer(api, {
    ...(adapter && { adapter }),
    authenticate: (request) => {
      const params = new URL(request.url).searchParams;
      const name = (params.get("name") ?? "").normalize("NFC").trim();
      if (name.length < 1 || name.length > 20) {
        throw new SocketError("FORBIDDEN", "A name has 1 to 20 characters");
      }
      return { role: "user", data: { name, hue: hueOf(name) } };
    },
    onConnection: (conn) => {
      board.add(conn);
      people.join({ id: conn.id, ...conn.data });
    },
    onDisconnect: ({ id }) => people.leave(id),
  });
  const board = srv.room("board");
  const people = new People({
    tellNodes: (people) =>
      srv.emitServer("people", { node: srv.nodeId, people }),
    tellClients: (people) => {
      for (const conn of srv.local.connections) conn.emit("people", people);
    },
  });
  srv.onServer("people", ({ node, people: theirs }) => {
    people.heard(node, theirs);
  });

  srv.implement({
    user: {
      load: () => notes.all(),
      put: async (draft) => {
        const note = { ...draft, at: Date.now() };
        await notes.put(note);
        board.broadcast("put", note);
        return note;
      },
      remove: async ({ id }) => {
        await notes.remove(id);
        board.broadcast("removed", { id });
        return null;
      },
      point: (place, _ctx, { id }) =>
        board.broadcast("pointed", { by: id, ...place }),
      drag: (note, _ctx, { id }) =>
        board.broadcast("dragged", { by: id, ...note }),
    },
  });
  return Object.assign(srv, { people });
}

/** A colour for a name, the same on every node. */
function hueOf(name: string): number {
  let hash = 7;
  for (const char of name) {
    hash = (hash * 31 + (char.codePointAt(0) ?? 0)) % 997;
  }
  return hash * 137 % 360;
}
