// What the chat does: joining, talking, and handing commands to the agent.
import { createSocketServer, SocketError } from "@super-line/edge";
import { api, type Member, type Message, type Presence } from "./api.ts";
import { authenticateWith } from "./authenticate.ts";
import { History } from "./history.ts";

/** Creates the chat's server, which takes agents that have the token. */
export function createChat(agentToken: string) {
  const history = new History();
  const agents = new Map<string, string>();
  const srv = createSocketServer(api, {
    authenticate: authenticateWith(agentToken),
    use: async (_ctx, { kind, name, conn }, next) => {
      await next();
      // An agent is there once it hears commands, not when it connects.
      if (kind === "subscribe" && name === "command") {
        agents.set(conn.id, conn.data.name);
        history.rooms.forEach(publishPresence);
      }
    },
    onDisconnect: ({ id }, { rooms }) => {
      const changed = agents.delete(id) ? history.rooms : [...rooms];
      changed.forEach(publishPresence);
    },
  });

  function presence(room: string): Presence {
    const names = srv.room(room).connections.map(({ data }) => data.name);
    const people = [
      ...unique(names).map((name): Member => ({ name, role: "user" })),
      ...unique(agents.values()).map((name): Member => ({
        name,
        role: "agent",
      })),
    ];
    return { room, people };
  }

  function publishPresence(room: string) {
    srv.publish("presence", presence(room));
  }

  function post(room: string, from: Member, text: string): Message {
    const id = crypto.randomUUID();
    const message = { id, room, from, text, at: Date.now() };
    history.add(message);
    srv.room(room).broadcast("message", message);
    return message;
  }

  return srv.implement({
    shared: {
      typing: ({ room }, { rooms }, { role, data }) => {
        if (role === "user") mustBeIn(room, rooms);
        srv.room(room).broadcast("typing", { room, from: data.name });
      },
    },
    user: {
      join: async ({ room }, { rooms }, conn) => {
        history.open(room, (it) => srv.room(it).size === 0);
        await srv.room(room).add(conn);
        rooms.add(room);
        publishPresence(room);
        return {
          messages: history.messages(room),
          rooms: history.rooms.map(presence),
        };
      },
      leave: ({ room }, { rooms }, conn) => {
        srv.room(room).remove(conn);
        if (rooms.delete(room)) publishPresence(room);
        return null;
      },
      say: ({ room, text }, { rooms }, { data }) => {
        mustBeIn(room, rooms);
        const { name } = data;
        const { id } = post(room, { name, role: "user" }, text);
        if (text.startsWith("/")) {
          srv.forRole("agent").publish("command", {
            room,
            id,
            from: name,
            text,
          });
        }
        return { id };
      },
    },
    agent: {
      answer: ({ room, text }, _ctx, { data }) => {
        if (!history.has(room)) {
          throw new SocketError("NOT_FOUND", `There is no room ${room}`);
        }
        const { id } = post(room, { name: data.name, role: "agent" }, text);
        return { id };
      },
    },
  });
}

function mustBeIn(room: string, rooms: ReadonlySet<string>) {
  if (rooms.has(room)) return;
  throw new SocketError("FORBIDDEN", `Join ${room} first`);
}

/** A name is shown once, however many tabs it has open. */
function unique(names: Iterable<string>): string[] {
  return [...new Set(names)].sort((a, b) => a.localeCompare(b));
}
