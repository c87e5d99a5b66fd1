// What can be said on the command line.
import { parseArgs } from "node:util";
import { adapterNames } from "./adapters.ts";
import { isWay, type Way, ways } from "./ways.ts";

export interface Options {
  readonly adapter: string;
  /** What node B loses on purpose, if anything. */
  readonly breaks: Way | "";
  readonly serve: boolean;
}

/** Reads the arguments, or throws what is wrong with them. */
export function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args: args.filter((arg) => arg !== "--"), // Bun hands it on, npm does not
    options: {
      adapter: { type: "string", default: "redis" },
      break: { type: "string", default: "" },
      serve: { type: "boolean", default: false },
    },
  });
  const { adapter, break: breaks, serve } = values;
  if (!adapterNames.includes(adapter)) {
    throw new TypeError(wrong("--adapter", adapter, adapterNames));
  }
  if (breaks !== "" && !isWay(breaks)) {
    throw new TypeError(wrong("--break", breaks, ways));
  }
  return { adapter, breaks, serve };
}

function wrong(option: string, value: string, all: readonly string[]): string {
  return `Cannot take ${option} ${value}: must be ${all.join(" or ")}`;
}
