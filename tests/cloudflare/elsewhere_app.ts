/** The app that runs in objects and on a node elsewhere. */
import { z } from "zod";
import { defineContract, type Node } from "../../mod.ts";

export const api = defineContract({
  shared: {
    clientToServer: {
      join: { input: z.null(), output: z.boolean() },
      say: { input: z.string(), output: z.null() },
    },
    serverToClient: { said: { payload: z.string() } },
  },
  roles: { user: {} },
});

export function app(srv: Node<(typeof api)["definition"]>): void {
  srv.implement({
    shared: {
      join: async (_input, _ctx, conn) => (await srv.room("a").add(conn)).live,
      say: (text) => {
        srv.room("a").broadcast("said", text);
        return null;
      },
    },
  });
}
