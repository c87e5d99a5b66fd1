// Durable Objects that do the same: of this library, and with nothing around them.
import { defineContract } from "../../mod.ts";
import { durableObject, forwardTo } from "../../src/cloudflare.ts";
import {
  echo,
  event,
  frame,
  input,
  output,
  PROTOCOL,
} from "../targets/target.ts";

export const payload = { t: "x".repeat(105) };
const api = defineContract({
  shared: {
    clientToServer: { echo: { input, output } },
    serverToClient: { m: { payload: event } },
  },
  roles: { user: {} },
});

let srv; // there is one object in this process

export class Ours extends durableObject(
  api,
  () => ({
    authenticate: () => ({ role: "user" }),
    onConnection: (conn) => void srv.room("r").add(conn),
    limits: {
      framesPerSecond: 1e9,
      frameBurst: 1e9,
      bytesPerSecond: 1e12,
      handshakesPerSecond: 1e6,
    },
  }),
  (node) => {
    srv = node;
    node.implement({ shared: { echo: ({ text }) => ({ answer: text }) } });
  },
) {
  fetch(request) {
    return isSend(request)
      ? publish(request, () => srv.room("r").broadcast("m", payload))
      : super.fetch(request);
  }
}

export class Bare {
  #state;

  constructor(state) {
    this.#state = state;
  }

  fetch(request) {
    if (isSend(request)) {
      return publish(request, () => {
        const text = frame(payload);
        for (const ws of this.#state.getWebSockets()) ws.send(text);
      });
    }
    const { 0: far, 1: near } = new globalThis.WebSocketPair();
    this.#state.acceptWebSocket(near);
    const headers = { "sec-websocket-protocol": PROTOCOL };
    return new Response(null, { status: 101, webSocket: far, headers });
  }

  webSocketMessage(ws, message) {
    ws.send(echo(message));
  }
}

const [ours, bare] = ["OURS", "BARE"].map((it) => forwardTo(it, () => "r"));

export default {
  fetch: (request, env) =>
    (objectOf(request) === "/bare" ? bare : ours).fetch(request, env),
};

/** Which object a request is for. */
export function objectOf(request) {
  const { pathname, searchParams } = new URL(request.url);
  return searchParams.get("to") ?? pathname;
}

/** Whether it is asked to send. */
export function isSend(request) {
  return new URL(request.url).pathname === "/send";
}

/** Sends as often as the request says. */
export async function publish(request, send) {
  const { searchParams } = new URL(request.url);
  const perTurn = Number(searchParams.get("perTurn"));
  for (let left = Number(searchParams.get("messages")); left > 0; left--) {
    send();
    if (left % perTurn === 1 % perTurn) {
      await new Promise((later) => setTimeout(later, 1));
    }
  }
  return new Response("sent");
}
