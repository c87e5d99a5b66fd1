// The same in PartyServer, as its README says, with hibernation.
import { getServerByName, routePartykitRequest, Server } from "partyserver";
import { echo, frame } from "../targets/target.ts";
import objects, { isSend, objectOf, payload, publish } from "./objects.mjs";

export { Bare, Ours } from "./objects.mjs";

export class Party extends Server {
  static options = { hibernate: true };

  onMessage(connection, message) {
    connection.send(echo(message));
  }

  onRequest(request) {
    return publish(request, () => this.broadcast(frame(payload)));
  }
}

export default {
  async fetch(request, env) {
    if (!objectOf(request).startsWith("/parties/")) {
      return objects.fetch(request, env);
    }
    return isSend(request)
      ? (await getServerByName(env.PARTY, "r")).fetch(request)
      : await routePartykitRequest(request, env);
  },
};
