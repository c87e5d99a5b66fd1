/** A client whose server is the test. */
import {
  type ClientOptions,
  type ClientStatus,
  createClient,
} from "../../src/client/client.ts";
import { api } from "../helpers/api.ts";
import { createScript, type ScriptedSocket } from "../helpers/scripted.ts";

/** Connects; `states` and `errors` are what it told so far. */
export function scripted(
  options: Partial<ClientOptions<"user">> = {},
  dialling?: (socket: ScriptedSocket) => void,
) {
  const script = createScript(dialling);
  const errors: unknown[] = [];
  const client = createClient(api, {
    url: "ws://app.test/",
    role: "user",
    WebSocket: script.WebSocket,
    reconnectBaseMs: 1,
    onError: (error) => errors.push(error),
    ...options,
  });
  const states: ClientStatus[] = [];
  client.onStatus((status) => states.push(status));
  return { ...script, client, errors, states };
}
