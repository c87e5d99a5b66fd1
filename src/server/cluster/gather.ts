/**
 * One question to many: their answers, and who gave none.
 *
 * @module
 */
import { outcomeOf } from "./client_request.ts";
import type { Question } from "../../contract/define.ts";
import type { ReachHost } from "./reach.ts";
import { type AskOptions, withDeadline } from "./ask_options.ts";
import {
  isSocketError,
  remoteError,
  type SocketError,
} from "../../wire/errors.ts";
import type { Fields, Frame } from "../../wire/protocol.ts";

/** What came back. */
export interface Gathered {
  /** Whose answer was taken, with it. */
  readonly answers: { id: string; output: unknown }[];
  /** Who answered with an error, or in a way that the schema refuses. */
  readonly failed: { id: string; error: SocketError }[];
  /** Those who were asked and did not answer. */
  readonly missing: string[];
  /** The nodes that said nothing at all. */
  readonly missingNodes: string[];
}

/** How long many are waited for when nobody says, in milliseconds. */
const TIMEOUT_MS = 5_000;

/** One node that was asked: those who have not answered; `undefined` before it said who is asked. */
type Open = Set<string> | undefined;

/** What came back, unread. */
export interface Collected {
  /** Who answered, a node for itself or a member, and the `res` or `err` frame. */
  readonly taken: [id: string, answer: Fields][];
  /** See {@linkcode Gathered}. */
  readonly missing: string[];
  /** See {@linkcode Gathered}. */
  readonly missingNodes: string[];
}

/**
 * Asks all nodes, and waits until all have answered or the time is over.
 *
 * @param kind Who answers there
 * @param about What it is about
 */
export async function collect(
  core: ReachHost,
  kind: string,
  about: readonly string[],
  frame: Frame,
  { timeoutMs = TIMEOUT_MS, signal }: AskOptions,
): Promise<Collected> {
  core.reach.mustReach("those to be asked");
  const { calls, directory } = core.reach;
  await directory.settled;
  const open = new Map<string, Open>([[core.nodeId, undefined]]);
  for (const { nodeId } of directory.others()) open.set(nodeId, undefined);
  const taken: [id: string, answer: Fields][] = [];
  const missing: string[] = [];
  const missingNodes: string[] = [];
  const options = signal ? { timeoutMs, signal } : { timeoutMs };
  await withDeadline<void>(options, ({ resolve }) => {
    const close = (nodeId: string) => {
      open.delete(nodeId);
      if (open.size === 0) resolve();
    };
    return calls.ask(undefined, kind, about, frame, {
      asked(nodeId, members) {
        open.set(nodeId, new Set(members));
        if (members.length === 0) close(nodeId);
      },
      answer(nodeId, member, answer) {
        const members = open.get(nodeId);
        if (member !== "" && !members?.delete(member)) return;
        taken.push([member || nodeId, answer]);
        if (!members?.size) close(nodeId);
      },
      gone(nodeId) {
        if (!open.has(nodeId)) return;
        const members = open.get(nodeId);
        if (members) missing.push(...members);
        else missingNodes.push(nodeId);
        close(nodeId);
      },
    });
  }, () => {});
  for (const [nodeId, members] of open) {
    if (members) missing.push(...members);
    else missingNodes.push(nodeId);
  }
  return { taken, missing, missingNodes };
}

/** As `collect`, with the answers held to a question's schema. */
export async function gather(
  core: ReachHost,
  kind: string,
  about: readonly string[],
  question: Question,
  frame: Frame,
  options: AskOptions,
): Promise<Gathered> {
  const { taken, missing, missingNodes } = await collect(
    core,
    kind,
    about,
    frame,
    options,
  );
  const answers: Gathered["answers"] = [];
  const failed: Gathered["failed"] = [];
  for (const [id, answer] of taken) {
    try {
      answers.push({ id, output: await outcomeOf(core, question, answer) });
    } catch (error) {
      failed.push({ id, error: errorOf(error) });
    }
  }
  return { answers, failed, missing, missingNodes };
}

function errorOf(error: unknown): SocketError {
  return isSocketError(error)
    ? error
    : remoteError("VALIDATION", "The answer cannot be read", undefined, {
      cause: error,
    });
}
