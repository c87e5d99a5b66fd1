// The same requests for this library, an oRPC contract and a tRPC router: each a server's file that implements all of
// them and a client's file that calls all of them.

const schema = (at) =>
  `z.object({ id: z.string(), n${at}: z.number(), tags: z.array(z.string()), kind: z.enum(["a", "b", "c${at}"]).optional() })`;

/** Files by name: `NAME_server.ts` and `NAME_client.ts` of each peer, and what they import. */
export function contracts(count) {
  const names = Array.from({ length: count }, (_, at) => at);
  const each = (make, between = ",\n") => names.map(make).join(between);
  const answer = (at) => `({ id, n${at + count}: 1, tags: [] })`;
  const input = (at) => `{ id: "", n${at}: 1, tags: [] }`;
  const read = (at) => `.then((it) => it.n${at + count})`;
  const schemas = `import { z } from "zod";\n${
    each(
      (at) =>
        `const input${at} = ${schema(at)};\nconst output${at} = ${
          schema(at + count)
        };`,
      "\n",
    )
  }`;
  return {
    "ours_api.ts": `import { defineContract } from "@super-line/edge";
${schemas}
export const api = defineContract({ roles: { user: { clientToServer: {
${each((at) => `r${at}: { input: input${at}, output: output${at} }`)}
} } } });
`,
    "ours_server.ts": `import { createSocketServer } from "@super-line/edge";
import { api } from "./ours_api.ts";
const srv = createSocketServer(api, { authenticate: () => ({ role: "user" }) });
srv.implement({ user: {
${each((at) => `r${at}: ({ id }) => ${answer(at)}`)}
} });
`,
    "ours_client.ts": `import { createClient } from "@super-line/edge/client";
import { api } from "./ours_api.ts";
const client = createClient(api, { url: "ws://localhost", role: "user" });
export const answers = [
${each((at) => `client.r${at}(${input(at)})${read(at)}`)}
];
client./*here*/close();
`,
    "orpc_api.ts": `import { oc } from "@orpc/contract";
${schemas}
export const contract = {
${each((at) => `r${at}: oc.input(input${at}).output(output${at})`)}
};
`,
    "orpc_server.ts": `import { implement } from "@orpc/server";
import { contract } from "./orpc_api.ts";
const os = implement(contract);
export const router = os.router({
${
      each((at) =>
        `r${at}: os.r${at}.handler(({ input: { id } }) => ${answer(at)})`
      )
    }
});
`,
    "orpc_client.ts": `import { createORPCClient } from "@orpc/client";
import type { ClientLink } from "@orpc/client";
import type { ContractRouterClient } from "@orpc/contract";
import type { contract } from "./orpc_api.ts";
declare const link: ClientLink<{}>;
const client: ContractRouterClient<typeof contract> = createORPCClient(link);
export const answers = [
${each((at) => `client.r${at}(${input(at)})${read(at)}`)}
];
client./*here*/r0;
`,
    "trpc_server.ts": `import { initTRPC } from "@trpc/server";
${schemas}
const t = initTRPC.create();
export const router = t.router({
${
      each((at) =>
        `r${at}: t.procedure.input(input${at}).output(output${at}).query(({ input: { id } }) => ${
          answer(at)
        })`
      )
    }
});
`,
    "trpc_client.ts":
      `import { createTRPCClient, httpLink } from "@trpc/client";
import type { router } from "./trpc_server.ts";
const client = createTRPCClient<typeof router>({ links: [httpLink({ url: "http://localhost" })] });
export const answers = [
${each((at) => `client.r${at}.query(${input(at)})${read(at)}`)}
];
client./*here*/r0;
`,
  };
}
