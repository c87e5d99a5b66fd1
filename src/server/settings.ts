/**
 * The options of a server with their defaults.
 *
 * @module
 */
import { MAX_TIMER_MS } from "../shared/timers.ts";
import type { Settings } from "./context.ts";
import { MAX_NAME_BYTES } from "../contract/names.ts";
import type { Middleware } from "./options.ts";

/** What is left to be filled in. */
type Options =
  & Partial<Omit<Settings, "use" | "backpressure" | "authenticate">>
  & Pick<Settings, "authenticate">
  & {
    readonly use?: Middleware | readonly Middleware[];
    readonly backpressure?: Partial<Settings["backpressure"]>;
  };

/**
 * Checks options and fills in the defaults.
 *
 * @throws {TypeError} When `authenticate` is missing
 * @throws {RangeError} When a number is not a positive one, or no limit at all
 */
export function createSettings(options: Options): Settings {
  if (typeof options?.authenticate !== "function") {
    throw new TypeError(
      `Cannot create a server: authenticate is ${typeof options
        ?.authenticate}, must be a function that returns a role`,
    );
  }
  const { use = [], backpressure, ...given } = options;
  const settings = {
    maxMessageBytes: 1_048_576,
    maxInFlight: 64,
    maxSubscriptions: 1_000,
    maxRooms: 1_000,
    framesPerSecond: 200,
    frameBurst: 400,
    maxMalformed: 10,
    maxPendingHandshakes: 1_000,
    handshakesPerSecond: 2_000,
    maxNameBytes: MAX_NAME_BYTES,
    authTimeoutMs: 10_000,
    heartbeatMs: 25_000,
    heartbeatTimeoutMs: 90_000,
    subscribeTimeoutMs: 5_000,
    validateOutput: "on" as const,
    ...defined(given),
    use: typeof use === "function" ? [use] : use,
    backpressure: {
      maxBufferedBytes: 1_048_576,
      onExceed: "drop" as const,
      ...defined(backpressure ?? {}),
    },
  } satisfies Omit<Settings, "authenticate"> & Partial<Settings>;
  for (
    const [name, value] of Object.entries({
      ...settings,
      ...settings.backpressure,
    })
  ) {
    if (typeof value !== "number") continue;
    const most = name.endsWith("Ms") ? MAX_TIMER_MS : Number.MAX_SAFE_INTEGER;
    if (!(value > 0 && value <= most)) {
      throw new RangeError(
        `Cannot create a server: ${name} is ${value}, must be more than 0 and at most ${most}`,
      );
    }
  }
  return { ...settings, authenticate: options.authenticate };
}

/** Leaves out what is `undefined`, so that it does not hide a default. */
function defined<T extends object>(options: T): T {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as T; // the same keys, fewer
}
