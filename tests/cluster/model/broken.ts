/** Copies of this library with one fault each: the cluster suite must find it. */
import { cp, mkdtemp, readFile, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** One fault: what is replaced, once, in which file. */
export interface Fault {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** The kinds of faults that the model must report. */
  readonly found: readonly string[];
  /** Whether it shows only where a broker repeats. */
  readonly repeating?: true;
}

const own = fileURLToPath(new URL("../../..", import.meta.url));

export const faults: readonly Fault[] = [
  {
    name: "takes its own envelopes",
    file: "src/server/fanout/relay.ts",
    find: "envelope.nodeId === this.#host.nodeId",
    replace: "false",
    found: ["repeated", "not for it"], // an event, the node's own
  },
  {
    name: "forgets to leave when a client unsubscribes",
    file: "src/server/calls/subscribe.ts",
    find: "if (channel) hub.leave(channel, session);",
    replace: "",
    found: ["not for it"],
  },
  {
    name: "lets what is old or repeated pass",
    file: "src/server/fanout/envelope.ts",
    find: "if (seq <= position.seq) return undefined;",
    replace: "",
    found: ["repeated"],
    repeating: true,
  },
  {
    name: "takes the topics of two roles for one",
    file: "src/server/fanout/channels.ts",
    find: 'block === "shared" ? "" : escape(block)',
    replace: 'block === "shared" ? "" : "any"',
    found: ["stray", "not for it"],
  },
  {
    name: "stops hearing a channel that one member is left in",
    file: "src/server/fanout/hub.ts",
    find: "channel.direct.size + channel.grouped.size > 0 ||",
    replace: "channel.direct.size + channel.grouped.size > 1 ||",
    found: ["missing"],
  },
  {
    name: "lets an answer overtake a broadcast",
    file: "src/server/fanout/hub.ts",
    find: "} else if (channel) this.#deliver(channel, frame, 1);",
    replace:
      "} else if (channel) queueMicrotask(() => this.#deliver(channel, frame, 1));",
    found: ["overtaken"],
  },
];

/** Makes a copy; gives its folder. */
export async function copyWith({ file, find, replace }: Fault) {
  const root = await mkdtemp(join(tmpdir(), "super-line-broken-"));
  for (const part of ["src", "adapters", "mod.ts", "package.json"]) {
    await cp(join(own, part), join(root, part), { recursive: true });
  }
  const model = "tests/cluster/model";
  await cp(join(own, model), join(root, model), { recursive: true });
  await symlink(join(own, "node_modules"), join(root, "node_modules"));
  const text = await readFile(join(root, file), "utf8");
  if (text.split(find).length !== 2) {
    throw new Error(`${file} must have ${JSON.stringify(find)} once`);
  }
  await writeFile(join(root, file), text.replace(find, replace));
  return root;
}
