// Random subscribes, unsubscribes and publishes of several nodes, and what each must and must not have got.
import { RecordingHost } from "../../src/testing/recording_host.ts";
import type { Adapter } from "../../src/seams/adapter.ts";

/** How a run went. */
export interface Outcome {
  /** Pairs of a message and a subscription that was live before the message was published, and stayed. */
  must: number;
  /** Of these, those that did not get it. */
  missed: number;
  /** Messages that came to a subscription that was asked for after they had been published. */
  early: number;
  /** Messages that came twice, or before an older one of their sender and channel. */
  disorder: number;
}

interface Listening {
  readonly node: number;
  readonly channel: string;
  readonly asked: number;
  live: number;
  left: number;
  readonly got: Set<string>;
}

interface Sent {
  readonly text: string;
  readonly channel: string;
  readonly started: number;
  /** When its writer was told that it is stored; a retry may have stored it several times until then. */
  done: number;
}

/** Plays for a while. An adapter is made with what it has to call when a text is stored. */
export async function play(
  makeAdapters: readonly ((stored: (text: string) => void) => Adapter)[],
  { ms, channels }: { ms: number; channels: readonly string[] },
): Promise<Outcome> {
  const listenings: Listening[] = [];
  const current = new Map<string, Listening>();
  const sent: Sent[] = [];
  const outcome: Outcome = { must: 0, missed: 0, early: 0, disorder: 0 };
  const byText = new Map<string, Sent>();
  const last = new Map<string, number>();
  const adapters = makeAdapters.map((make) =>
    make((text) => {
      const it = byText.get(text);
      if (it) it.done = performance.now();
    })
  );
  const hosts = adapters.map((adapter, node) => {
    const host = new RecordingHost();
    host.onMessage = (channel, text) => {
      const it = current.get(`${node} ${channel}`);
      const [sender, number] = text.split(" ");
      const key = `${node} ${channel} ${sender}`;
      if ((last.get(key) ?? -1) >= Number(number)) outcome.disorder++;
      last.set(key, Number(number));
      const message = byText.get(text);
      if (!it || !message) return;
      it.got.add(text);
      if (message.done < it.asked) outcome.early++;
    };
    adapter.open(host);
    return host;
  });
  const pick = <T>(all: readonly T[]) =>
    all[Math.floor(Math.random() * all.length)] as T;
  const end = performance.now() + ms;
  let number = 0;
  const turn = async (node: number) => {
    const adapter = adapters[node] as Adapter;
    while (performance.now() < end) {
      const channel = pick(channels);
      const key = `${node} ${channel}`;
      const it = current.get(key);
      const stays = channels.indexOf(channel) % 2 === 0;
      if (Math.random() < 0.3 && it && it.live < Infinity && !stays) {
        it.left = performance.now();
        current.delete(key);
        await adapter.unsubscribe(channel);
      } else if (Math.random() < 0.3 && !it) {
        const now: Listening = {
          ...{ node, channel, asked: performance.now() },
          ...{ live: Infinity, left: Infinity, got: new Set<string>() },
        };
        current.set(key, now);
        listenings.push(now);
        adapter.subscribe(channel).then(
          () => now.live = performance.now(),
          () => current.get(key) === now && current.delete(key),
        );
      } else {
        const text = `${node} ${number++}`;
        const it = {
          ...{ text, channel, started: performance.now() },
          done: Infinity,
        };
        sent.push(it);
        byText.set(text, it);
        adapter.publish(channel, text);
      }
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 15));
    }
  };
  await Promise.all(adapters.map((_, node) => turn(node)));
  const stop = performance.now();
  const due = () =>
    sent.flatMap((it) =>
      listenings.filter(({ node, channel, live, left, got }) =>
        channel === it.channel && live < it.started && left === Infinity &&
        !it.text.startsWith(`${node} `) && !got.has(it.text)
      )
    );
  while (due().length > 0 && performance.now() < stop + 15_000) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  for (const it of sent) {
    for (const { node, channel, live, left } of listenings) {
      const must = channel === it.channel && live < it.started &&
        left === Infinity && !it.text.startsWith(`${node} `);
      if (must) outcome.must++;
    }
  }
  outcome.missed = due().length;
  await Promise.all(adapters.map((it) => it.close()));
  if (hosts.some((it) => it.droppedCount > 0)) {
    throw new Error("Some were given up");
  }
  return outcome;
}
