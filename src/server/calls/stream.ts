/**
 * A streamed answer: what a generator yields, as far as the client asked for it and reads it.
 *
 * @module
 */
import type { CallsHost, PendingCall } from "./pending_call.ts";
import { quote } from "../../contract/names.ts";
import { type Schema, summary, validate } from "../../contract/schema.ts";
import type { Session } from "../connection/session.ts";
import { isId, STREAM_WINDOW } from "../../wire/protocol.ts";

/** What is used of a generator. */
interface Items {
  next(): IteratorResult<unknown> | Promise<IteratorResult<unknown>>;
  return?(): unknown;
}

/**
 * Answers a call with the items of a generator, then with what it returned. Ends the generator exactly once, however
 * the stream ends.
 *
 * @param entry The name, for errors, and the schema of an item
 * @param value What the handler returned
 * @param answer Sends the result, and frees the call
 */
export function openStream(
  host: CallsHost,
  session: Session,
  call: PendingCall,
  entry: { readonly name: string; readonly yields: Schema },
  value: unknown,
  answer: (result: unknown) => void,
): void {
  let items: Items | undefined;
  try {
    items = itemsOf(value);
  } catch (error) {
    return call.fail(error);
  }
  if (!items) {
    return call.fail(
      new TypeError(
        `Cannot stream the answer of ${
          quote(entry.name)
        }: its handler returned ${
          value === null ? "null" : `a value of type ${typeof value}`
        }, must return a generator or something to iterate`,
      ),
    );
  }
  new Stream(host, session, call, entry, items).run(answer);
}

class Stream {
  readonly #host: CallsHost;
  readonly #session: Session;
  readonly #call: PendingCall;
  readonly #entry: { readonly name: string; readonly yields: Schema };
  readonly #items: Items;
  /** How many items may still be sent before the client asks for more. */
  #credit = STREAM_WINDOW;
  #wake: (() => void) | undefined;
  #ended: Promise<void> | undefined;
  /** Whether the generator is done, so that only the answer is missing. */
  #isOver = false;

  constructor(
    host: CallsHost,
    session: Session,
    call: PendingCall,
    entry: { readonly name: string; readonly yields: Schema },
    items: Items,
  ) {
    this.#host = host;
    this.#session = session;
    this.#call = call;
    this.#entry = entry;
    this.#items = items;
  }

  /** Sends the items, then the answer. */
  run(answer: (result: unknown) => void): void {
    const call = this.#call;
    call.more = (items) => this.#more(items);
    call.interrupt = (error) => {
      if (this.#isOver) return;
      call.fail(error);
      call.abandon(error);
    };
    call.onAbandon = () => {
      this.#wake?.();
      this.#end().then(() => call.drop()); // the id is free when the generator has ended
    };
    if (call.abandoned) return call.onAbandon(); // before there was a generator
    this.#pump(answer).catch((error) => call.report(error));
  }

  /** Resolves when the call has ended, or nobody waits for it any more. What needs no waiting leaves in one turn. */
  async #pump(answer: (result: unknown) => void): Promise<void> {
    const call = this.#call;
    const { outbox } = this.#session;
    try {
      for (;;) {
        while (!call.abandoned && (this.#credit === 0 || outbox.held)) {
          await this.#mayGoOn();
        }
        if (call.abandoned) return;
        const next = this.#items.next();
        // A synchronous generator is not awaited, so that its items leave together.
        const step = "done" in next ? next : await next;
        if (call.abandoned) return;
        if (step.done) {
          this.#isOver = true;
          return answer(step.value);
        }
        const checked = this.#host.settings.validateOutput
          ? validate(this.#entry.yields, step.value)
          : { ok: true, value: step.value } as const;
        this.#send(checked instanceof Promise ? await checked : checked);
      }
    } catch (error) {
      this.#fail(error); // here, so that it leaves in the turn of the last item
    }
  }

  #fail(error: unknown): void {
    const call = this.#call;
    this.#isOver = true;
    if (!call.abandoned) {
      call.fail(error);
      // Whatever the generator waits for may stop.
      return call.abandon(
        error instanceof Error ? error : new Error(String(error)),
      );
    }
    // Most end this way when their signal aborts, so only what is not its reason is told.
    if (error !== call.signal.reason) call.report(error);
  }

  #send(item: Awaited<ReturnType<typeof validate>>): void {
    const { name } = this.#entry;
    if (!item.ok) {
      throw new TypeError(
        `Cannot stream an item of ${quote(name)}: its schema refused it: ${
          summary(item.issues)
        }`,
        { cause: { issues: item.issues } },
      );
    }
    if (this.#call.abandoned) return;
    const frame = this.#host.codec.frame(["next", this.#call.id], item.value);
    this.#credit--;
    this.#session.outbox.reply(frame);
  }

  /** Resolves when there may be credit, or when the reader keeps up again. */
  #mayGoOn(): Promise<void> {
    const { outbox } = this.#session;
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (outbox.held) outbox.onceReleased(resolve);
    });
  }

  #more(items: unknown): string | undefined {
    if (!isId(items) || this.#credit + items > STREAM_WINDOW) {
      return `Cannot handle frame "more": it gives credit for ${
        String(items)
      } items, must be for as many as came, at most ${STREAM_WINDOW}`;
    }
    this.#credit += items;
    this.#wake?.();
    return undefined;
  }

  /** Ends the generator once; what it throws in the end is told. */
  #end(): Promise<void> {
    return this.#ended ??= (async () => {
      try {
        await this.#items.return?.();
      } catch (error) {
        if (error !== this.#call.signal.reason) this.#call.report(error);
      }
    })();
  }
}

function itemsOf(value: unknown): Items | undefined {
  const iterable = value as
    | Partial<AsyncIterable<unknown> & Iterable<unknown>>
    | null
    | undefined;
  if (typeof value === "string") return undefined; // can be iterated, but never is an answer's items
  const iterator = iterable?.[Symbol.asyncIterator]?.() ??
    iterable?.[Symbol.iterator]?.();
  return iterator as Items | undefined;
}
