/**
 * Where one case of the adapter suite plays: nodes of a fresh namespace, and nothing left of them afterwards.
 *
 * @module
 */
import type { Adapter } from "../seams/adapter.ts";
import type {
  AdapterCase,
  AdapterNeed,
  AdapterPromise,
  AdapterSubject,
} from "./adapter_subject.ts";
import { assert, show, within } from "./assert.ts";
import { RecordingHost } from "./recording_host.ts";

/** What probes start with; they are left out of what a node got. */
const PROBE = "probe of the adapter suite ";

/** One adapter, open, with what it told. */
export class StageNode {
  readonly adapter: Adapter;
  readonly host: RecordingHost = new RecordingHost();
  readonly #patienceMs: number;

  constructor(adapter: Adapter, patienceMs: number) {
    this.adapter = adapter;
    this.#patienceMs = patienceMs;
    adapter.open(this.host);
  }

  /** Subscribes in time. */
  subscribe(channel: string): Promise<void> {
    return within(
      this.adapter.subscribe(channel),
      this.#patienceMs,
      `subscribe(${show(channel)})`,
    );
  }

  /** Unsubscribes in time. */
  unsubscribe(channel: string): Promise<void> {
    return within(
      this.adapter.unsubscribe(channel),
      this.#patienceMs,
      `unsubscribe(${show(channel)})`,
    );
  }

  /** Publishes each payload. */
  publish(channel: string, ...payloads: string[]): void {
    for (const payload of payloads) this.adapter.publish(channel, payload);
  }

  /** What came on a channel. */
  got(channel: string): string[] {
    return this.host.received(channel).filter((it) => !it.startsWith(PROBE));
  }

  /** Waits until a payload has come. */
  gets(channel: string, payload: string): Promise<void> {
    return this.host.until(
      `the arrival of ${show(payload)} on ${show(channel)}`,
      this.#patienceMs,
      () =>
        this.host.received(channel).at(-1) === payload || // the last one is it, mostly
        this.host.received(channel).includes(payload),
    );
  }

  /** Waits until it is told that the broker is there, or away. */
  turns(state: "up" | "down"): Promise<void> {
    return this.host.until(
      `status("${state}")`,
      this.#patienceMs,
      () => this.host.state === state,
    );
  }
}

interface Several {
  2: [StageNode, StageNode];
  3: [StageNode, StageNode, StageNode];
  4: [StageNode, StageNode, StageNode, StageNode];
}

/** The nodes of one case. */
export class Stage {
  readonly patienceMs: number;
  readonly #subject: AdapterSubject;
  readonly #namespace = `suite-${crypto.randomUUID()}`;
  readonly #nodes: StageNode[] = [];
  #away = false;

  constructor(subject: AdapterSubject) {
    this.#subject = subject;
    this.patienceMs = subject.patienceMs;
  }

  /** Makes an adapter that is not open, and not closed afterwards. */
  async adapter(suffix = ""): Promise<Adapter> {
    return await this.#subject.create({ namespace: this.#namespace + suffix });
  }

  /** Makes a node. */
  async node(suffix = ""): Promise<StageNode> {
    const node = new StageNode(await this.adapter(suffix), this.patienceMs);
    this.#nodes.push(node);
    return node;
  }

  /** Makes several nodes. */
  async nodes<N extends keyof Several>(count: N): Promise<Several[N]> {
    const nodes = Array.from({ length: count }, () => this.node());
    return await Promise.all(nodes) as Several[N]; // that many
  }

  /**
   * Subscribes nodes and waits until they hear another one. It does not rely on A1, so that of all cases only those
   * about A1 fail where `subscribe` resolves too early.
   */
  async tune(
    channel: string,
    from: StageNode,
    ...to: StageNode[]
  ): Promise<void> {
    await Promise.all(to.map((node) => node.subscribe(channel)));
    await this.hear(channel, from, ...to);
  }

  /** Waits until subscribed nodes hear another one. */
  async hear(
    channel: string,
    from: StageNode,
    ...to: StageNode[]
  ): Promise<void> {
    const deaf = new Set(to);
    const deadline = Date.now() + this.patienceMs;
    for (let round = 0; deaf.size > 0; round++) {
      assert(
        Date.now() < deadline,
        `${deaf.size} of ${to.length} nodes hear nothing on ${
          show(channel)
        } for ${this.patienceMs} ms after subscribe`,
      );
      const probe = PROBE + crypto.randomUUID();
      from.publish(channel, probe);
      await Promise.all([...deaf].map(async (node) => {
        const heard = () =>
          node.host.received(channel).some((it) => it === probe);
        const share = Math.max(1, this.patienceMs / 20);
        await node.host.until("a probe", share, heard).catch(() => {}); // asked again with the next probe
        if (heard()) deaf.delete(node);
      }));
    }
  }

  /** Takes the broker away, and waits until nodes know. Each must have a subscription: others need not look. */
  async begin(...nodes: StageNode[]): Promise<void> {
    assert(this.#subject.outage !== undefined, "the subject has no outage");
    this.#away = true;
    await this.#subject.outage.begin();
    await Promise.all(nodes.map((node) => node.turns("down")));
  }

  /** Brings the broker back, and waits until nodes know. */
  async end(...nodes: StageNode[]): Promise<void> {
    this.#away = false;
    await this.#subject.outage?.end();
    await Promise.all(nodes.map((node) => node.turns("up")));
  }

  /** Brings the broker back if it is away, takes back what was registered, if something was, and closes all nodes. */
  async clear(registered = false): Promise<void> {
    if (this.#away) await this.end();
    if (registered) {
      await Promise.all(
        this.#nodes.map(({ adapter }) => adapter.presence?.clear()),
      ).catch(() => {}); // whether it can is for the cases to find out
    }
    await Promise.all(
      this.#nodes.map(({ adapter }) =>
        within(adapter.close(), this.patienceMs, "close").catch(() => {}) // whether it ends well is for A8 to find out
      ),
    );
  }
}

/** Makes a case of what happens on a stage. */
export function defineCase(
  promise: AdapterPromise,
  name: string,
  play: (stage: Stage, subject: AdapterSubject) => Promise<void>,
  ...needs: AdapterNeed[]
): AdapterCase {
  return {
    promise,
    name,
    ...(needs.length > 0 && { needs }),
    async run(subject) {
      const stage = new Stage(subject);
      try {
        await play(stage, subject);
      } finally {
        await stage.clear(needs.includes("presence"));
      }
    },
  };
}
