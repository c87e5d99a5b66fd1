/**
 * Failures of requests, without the payloads that were in them.
 *
 * @module
 */

/**
 * - `away`: it is unknown whether the server ran the request; retry it.
 * - `permanent`: wrong token, missing permission, over a quota: a retry will fail too.
 * - `too-large`: the request, or its reply.
 * - `record-too-large`: the stream.
 */
export type FailureKind =
  | "away"
  | "permanent"
  | "too-large"
  | "record-too-large";

/** A failed request. It has no cause: the client's own errors quote the whole command, payloads included. */
export class UpstashFailure extends Error {
  override readonly name = "UpstashFailure";
  readonly kind: FailureKind;

  constructor(message: string, kind: FailureKind) {
    super(message);
    this.kind = kind;
  }

  /** Converts any error that a client threw. */
  static of(error: unknown): UpstashFailure {
    return error instanceof UpstashFailure
      ? error
      : UpstashFailure.ofText(textOf(error));
  }

  /** Classifies an error reply. The client does not expose the HTTP status, so the text decides. */
  static ofText(text: string): UpstashFailure {
    const said = strip(text);
    const kind = KINDS.find(([pattern]) => pattern.test(said))?.[1] ?? "away";
    return new UpstashFailure(said, kind);
  }

  /** Whether a single command is forbidden, as opposed to all of them. */
  get forbidden(): boolean {
    return /NOPERM|not allowed in REST|unknown command/i.test(this.message);
  }
}

const KINDS: readonly (readonly [RegExp, FailureKind])[] = [
  [/max request size exceeded/i, "too-large"],
  [/max single record size exceeded/i, "record-too-large"],
  [
    /\b(WRONGPASS|NOAUTH|NOPERM|Unauthorized)\b|max daily request limit|max requests limit/i,
    "permanent",
  ],
];

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return "The client threw no error";
  if (/JSONParse/.test(error.name)) return "The answer is no JSON"; // its message quotes the reply
  const cause = error.cause;
  const code = cause instanceof Error
    ? (cause as Error & { code?: unknown }).code ?? cause.name // the message of Node's fetch
    : undefined;
  return code === undefined ? error.message : `${error.message} (${code})`;
}

function strip(text: string): string {
  return (text.split(/,? ?command was:/)[0] ?? "")
    .replace(/^Command failed: /, "").slice(0, 200);
}
