// The client side of the README's program.
import { z } from "zod";
import { defineContract } from "../src/contract.ts";
import { createClient } from "../src/client/client.ts";

export const api = defineContract({
  shared: {
    serverToClient: {
      message: { payload: z.object({ from: z.string(), text: z.string() }) },
    },
  },
  roles: {
    user: {
      clientToServer: {
        say: {
          input: z.object({ room: z.string(), text: z.string() }),
          output: z.object({ id: z.string() }),
        },
      },
    },
  },
});

const client = createClient(api, {
  url: "ws://localhost:3000",
  role: "user",
  params: { name: "ada" },
});
client.on("message", ({ from, text }) => console.log(`${from}: ${text}`));
console.log(await client.say({ room: "lobby", text: "hello" }));
