/** The app: the same on every host. */
import { z } from "zod";
import {
  type AnyConnection,
  defineContract,
  type Node,
} from "@super-line/edge";

export const api = defineContract({
  shared: {
    clientToServer: { say: { input: z.string(), output: z.number() } },
    serverToClient: {
      said: { payload: z.object({ from: z.string(), text: z.string() }) },
    },
  },
  roles: { user: {} },
});

/** What every host makes of the contract. */
type Srv = Node<
  (typeof api)["definition"],
  { role: "user"; ctx: { name: string } }
>;

/** The server's options on every host; hooks use the server. */
export const options = (srv: Pick<Srv, "room">) => ({
  authenticate(request: Request) {
    const name = new URL(request.url).searchParams.get("name") ?? "nobody";
    return { role: "user" as const, ctx: { name } };
  },
  onConnection: (conn: AnyConnection) => void srv.room("lobby").add(conn),
});

/** The handlers on every host. */
export function app(srv: Srv): void {
  srv.implement({
    shared: {
      say: (text, { name }) => {
        const room = srv.room("lobby");
        room.broadcast("said", { from: name, text });
        return room.size;
      },
    },
  });
}
