/** Schemas with asynchronous functions: each runs once a message, and one that rejects ends nothing. */
import { z } from "zod";
import { createClient } from "../../../src/client/client.ts";
import { defineContract } from "../../../src/contract/define.ts";
import { assert, assertRejects } from "../../../src/testing/assert.ts";
import { rejection } from "../../helpers/wait.ts";
import { defineCase } from "../stage.ts";
import type { RuntimeCase } from "../subject.ts";

const answering = { confirm: (it: { key: string; at: string }) => it };

export const schemas: readonly RuntimeCase[] = [
  ...["input", "output", "question", "answer"].map((at) =>
    defineCase(
      "safe",
      `an asynchronous schema that rejects is INTERNAL, reaches onError and ends no process: ${at}`,
      async (stage) => {
        const client = (await stage.user()).implement(answering);
        const key = crypto.randomUUID();
        const error = await rejection(client.look({ key, at }));
        const { code, message } = error as { code?: string; message?: string };
        assert(code === "INTERNAL", `${code}: ${message}`);
        assert(!String(message).includes("password"), String(message));
        await stage.reports(
          "onError is told once",
          ({ log }) =>
            log.filter(({ kind, name }) => kind === "error" && name === "look")
              .length === 1,
        );
        const again = { key: crypto.randomUUID(), at: "nowhere" };
        assert((await client.look(again)).runs === 1, "it answers the next");
      },
    )
  ),
  defineCase(
    "promises",
    "an asynchronous refinement runs once a message",
    async (stage) => {
      const client = (await stage.user()).implement({
        confirm: ({ key }) => ({ key, at: "nowhere" }),
      });
      const key = crypto.randomUUID();
      const first = await client.look({ key, at: "nowhere" });
      assert(first.runs === 1, `the input: ${first.runs}`);
      const second = await client.look({ key, at: "nowhere" });
      assert(second.runs === 3, `with the first answer: ${second.runs}`);
    },
  ),
  defineCase(
    "safe",
    "an asynchronous schema that rejects in the client fails only its own call",
    async (stage) => {
      const text = z.object({ text: z.string() });
      let runs = 0;
      const failing = text.refine(async () => {
        runs++;
        await new Promise((resolve) => setTimeout(resolve, 1));
        throw new Error("lookup failed");
      });
      const placed = z.object({ key: z.string(), at: z.string() });
      const own = defineContract({
        shared: {
          clientToServer: {
            echo: { input: text, output: failing },
            look: { input: placed, output: placed },
          },
          serverToClient: {
            confirm: {
              input: placed.refine(() => Promise.reject(new Error("mine"))),
              output: placed,
            },
          },
        },
        roles: { user: {} },
      });
      const reported: string[] = [];
      const client = stage.keep(createClient(own, {
        url: stage.subject.origin + stage.path,
        WebSocket: stage.subject.WebSocket,
        role: "user",
        validate: "inbound",
        onError: (error) => void reported.push(String(error)),
      }));
      client.implement({ confirm: (it) => it });
      const error = await rejection(client.echo({ text: "a" }));
      assert(String(error) === "Error: lookup failed", String(error));
      assert(runs === 1, `it ran ${runs} times`);
      const nested = { key: crypto.randomUUID(), at: "client" };
      await assertRejects(client.look(nested), "INTERNAL", 4_000, "look");
      assert(reported.includes("Error: mine"), reported.join());
    },
  ),
];
