import { alter, listening, type Mutant, rename } from "./alter.ts";

/** Faults against A3, A4 and A6. */
export const carrying: readonly Mutant[] = [
  {
    name: "drops what a node publishes after its first 100",
    breaks: ["A3"],
    mutate: (adapter) => {
      let count = 0;
      return alter(adapter, {
        publish: (channel, payload) =>
          ++count <= 100 && adapter.publish(channel, payload),
      });
    },
  },
  {
    name: "repeats one payload of a channel",
    breaks: ["A3"],
    mutate: (adapter) => {
      const counts = new Map<string, number>();
      return alter(adapter, {
        publish: (channel, payload) => {
          const count = (counts.get(channel) ?? 0) + 1;
          counts.set(channel, count);
          adapter.publish(channel, payload);
          if (count === 45) adapter.publish(channel, payload);
        },
      });
    },
  },
  {
    name: "swaps two payloads of a channel",
    breaks: ["A3"],
    mutate: (adapter) => {
      const counts = new Map<string, number>();
      let held: (() => void) | undefined;
      return alter(adapter, {
        publish: (channel, payload) => {
          const count = (counts.get(channel) ?? 0) + 1;
          counts.set(channel, count);
          if (count === 45) held = () => adapter.publish(channel, payload);
          else adapter.publish(channel, payload);
          if (count !== 45) held = held?.() as undefined;
        },
      });
    },
  },
  {
    name: "cuts payloads at 64 KiB",
    breaks: ["A4"],
    mutate: (adapter) =>
      alter(adapter, {
        publish: (channel, payload) =>
          adapter.publish(channel, payload.slice(0, 65_536)),
      }),
  },
  {
    name: "counts the limit in characters, not in bytes",
    breaks: ["A4"],
    mutate: (adapter) =>
      alter(adapter, {
        publish: (channel, payload) => {
          const bytes = new TextEncoder().encode(payload);
          const { maxPayloadBytes } = adapter.limits;
          if (bytes.length < maxPayloadBytes) adapter.publish(channel, payload);
        },
      }),
  },
  {
    name: "drops empty payloads",
    breaks: ["A4"],
    mutate: (adapter) =>
      alter(adapter, {
        publish: (channel, payload) =>
          payload && adapter.publish(channel, payload),
      }),
  },
  {
    name: "splits at line ends",
    breaks: ["A4"],
    mutate: (adapter) =>
      alter(adapter, {
        publish: (channel, payload) =>
          adapter.publish(channel, payload.replaceAll("\r\n", "\n")),
      }),
  },
  {
    name: "parses what looks like JSON",
    breaks: ["A4"],
    mutate: (adapter) =>
      listening(adapter, (host) => ({
        message: (channel, payload) =>
          host.message(
            channel,
            /^\d+$/.test(payload) ? `${Number(payload)}` : payload,
          ),
      })),
  },
  {
    name: "takes channel names for patterns",
    breaks: ["A4"],
    mutate: (adapter) => {
      const plain = (channel: string) => channel.replace(/[*?]/g, "");
      return rename(adapter, plain);
    },
  },
  {
    name: "trims channel names",
    breaks: ["A4"],
    mutate: (adapter) => rename(adapter, (channel) => channel.trim()),
  },
  {
    name: "declares a limit that is too small",
    breaks: ["A4"],
    mutate: (adapter) =>
      alter(adapter, { limits: { maxPayloadBytes: 1_048_576 } }),
  },
  {
    name: "is deaf after host.message threw",
    breaks: ["A6"],
    mutate: (adapter) => {
      let deaf = false;
      return listening(adapter, (host) => ({
        message: (channel, payload) => {
          if (deaf) return;
          deaf = true;
          host.message(channel, payload);
          deaf = false;
        },
      }));
    },
  },
  {
    name: "swallows what host.message throws",
    breaks: ["A6"],
    mutate: (adapter) => listening(adapter, () => ({ error: () => {} })),
  },
];
