/** The app: the same on every host. */
import { z } from "zod";
import { defineContract, type Node } from "@super-line/edge";

export const api = defineContract({
  shared: {
    clientToServer: { say: { input: z.string(), output: z.number() } },
    serverToClient: {
      said: { payload: z.object({ from: z.string(), text: z.string() }) },
    },
  },
  roles: { user: {} },
});

export function authenticate(request: Request) {
  const name = new URL(request.url).searchParams.get("name") ?? "nobody";
  return { role: "user" as const, ctx: { name } };
}

/** What a host makes of the contract. */
type Srv = Node<(typeof api)["definition"], ReturnType<typeof authenticate>>;

export function app(srv: Srv): void {
  srv.implement({
    shared: {
      say: (text, { name }, conn) => {
        const room = srv.room("lobby");
        void room.add(conn);
        room.broadcast("said", { from: name, text });
        return room.size;
      },
    },
  });
}
