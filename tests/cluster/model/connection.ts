/** Tells the model what the frames of one connection mean. */
import { type Payload, type Role, topicOf } from "./api.ts";
import type { Model, Receiver } from "./model.ts";
import type { TapHost } from "./tap.ts";

/** Watches one connection of a client. */
export function watch(
  model: Model,
  receiver: Receiver,
  role: Role,
): TapHost {
  const answers = new Map<unknown, (output: never) => void>();
  /** `unsub` has no answer: that of the next call says that it is done. */
  let unsubscribed: string[] = [];

  function called(id: unknown, name: unknown, input: unknown): void {
    const { room, n = 0 } = input as { room?: string; n?: number };
    const channel = `room/${room}`;
    const left = unsubscribed;
    unsubscribed = [];
    if (name === "join") model.joining(receiver, channel);
    if (name === "leave") model.leaving(receiver, channel);
    answers.set(id, (output: { live: boolean }) => {
      for (const topic of left) model.left(receiver, topic);
      if (name === "join") model.joined(receiver, channel, output.live);
      if (name === "leave") model.left(receiver, channel);
      if (name === "say") model.answered(receiver, n);
    });
  }

  return {
    sent([tag, first, second, third]) {
      if (tag === "req") called(first, second, third);
      if (tag === "sig") model.ending(receiver); // there is one signal
      if (tag === "sub") {
        const topic = topicOf(role, String(second));
        model.joining(receiver, topic);
        answers.set(
          first,
          ({ live }: { live: boolean }) => model.joined(receiver, topic, live),
        );
      }
      if (tag === "unsub") {
        const topic = topicOf(role, String(first));
        model.leaving(receiver, topic);
        unsubscribed.push(topic);
      }
    },
    received([tag, first, second, third]) {
      if (tag === "hi") {
        model.add(receiver);
      } else if (tag === "res") {
        answers.get(first)?.(second as never); // what the contract says
        answers.delete(first);
      } else if (tag === "evt" || tag === "pub") {
        const payload = second as Payload; // the model looks at it
        const topic = topicOf(role, String(first));
        if (tag === "pub" && topic !== payload.channel) {
          model.fault("stray", `${payload.channel} came as ${topic}`);
        }
        model.got(receiver, payload);
      } else {
        model.fault("refused", JSON.stringify([tag, first, second, third]));
      }
    },
    closing: () => model.ending(receiver),
    closed: () => model.end(receiver),
  };
}
