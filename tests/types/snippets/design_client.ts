// The design page's client, word for word but for the URL and the end of a subscription, which is a function.
// deno-fmt-ignore-file
// deno-lint-ignore-file
import { createClient } from "@super-line/edge/client";
import { api } from "./design_server.ts";

/** What the page leaves to the reader. */
export interface Given {
  readonly url: string;
  readonly input: { readonly room: string; readonly text: string };
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly fn: (payload: unknown) => void;
}

/** Does each once. */
export async function run({ url, input, timeoutMs, signal, fn }: Given) {
  const client =
// --- snippet
createClient(api, { url, role: "user", params: { name: "ada" } })
// --- end
  const id =
// --- snippet
await client.say(input, { timeoutMs, signal })
// --- end
  const nothing: void =
// --- snippet
client.typing(input)
// --- end
  const off =
// --- snippet
client.on("message", fn)
// --- end
// --- snippet
const sub = client.subscribe("presence", fn); await sub.ready; sub()
// --- end
  off();
// --- snippet
client.close()
// --- end
  return id;
}
