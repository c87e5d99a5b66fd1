// An agent's answer appears word by word in every tab, and a tab that reloads goes on where it was.
// Prints:
//   asking tab: Bees
//   asking tab: dance
//   asking tab: to
//   asking tab: talk
//   other tab: Bees dance to talk
//   reloaded: resumed, to talk
import { z } from "zod";
import { createSocketServer, defineContract } from "@super-line/edge";
import { createClient } from "@super-line/edge/client";

const api = defineContract({
  shared: {
    clientToServer: {
      ask: {
        input: z.object({ chat: z.string(), prompt: z.string() }),
        yields: z.string(),
      },
    },
    serverToClient: {
      word: {
        payload: z.string(),
        subscribe: true,
        params: z.object({ chat: z.string() }),
        keep: { last: 500 },
      },
    },
  },
  roles: { user: {} },
});

/** Stands for a language model. */
async function* model(prompt: string) {
  await Bun.sleep(1);
  yield* `${prompt} dance to talk`.split(" ");
}

const srv = createSocketServer(api, { authenticate: () => ({ role: "user" }) });
srv.implement({
  shared: {
    ask: async function* ({ chat, prompt }) {
      for await (const word of model(prompt)) {
        await srv.publish("word", { chat }, word); // for every tab, also later
        yield word; // for the tab that asked, as it reads
      }
    },
  },
});

const { fetch, websocket } = srv;
const server = Bun.serve({ port: 0, fetch, websocket });
const options = { url: server.url, role: "user" } as const;
const chat = "c1";
const other = createClient(api, options);
const heard: string[] = [];
let after = ""; // a page would store it with every word
const sub = other.subscribe("word", { chat }, (word) => {
  if (heard.push(word) === 3) after = sub.position ?? ""; // of the second word
});
await sub.ready;

const asking = createClient(api, options);
const answer = asking.ask({ chat, prompt: "Bees" });
for await (const word of answer) console.log(`asking tab: ${word}`);
while (heard.length < 4) await Bun.sleep(1);
console.log(`other tab: ${heard.join(" ")}`);
other.close();

const again = createClient(api, options);
const missed: string[] = [];
const take = (word: string) => void missed.push(word);
const { ready } = again.subscribe("word", { chat }, take, { after });
const { resumed } = await ready;
while (missed.length < 2) await Bun.sleep(1);
console.log(`reloaded: ${resumed ? "resumed" : "gap"}, ${missed.join(" ")}`);

for (const it of [again, asking]) it.close();
await srv.close();
await server.stop();
