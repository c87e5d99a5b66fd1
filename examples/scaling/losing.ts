// For `--break`: an adapter that loses one kind of message on its way out, so
// that one can see the proof fail.
import type { Adapter } from "@super-line/edge";
import type { Way } from "./ways.ts";

/** What the messages of each way are called between nodes. */
const names: Record<Way, string> = {
  topic: "news",
  room: "said",
  server: "note",
  dm: "whispered",
};

/** Makes an adapter lose what is sent one way; everything else still leaves. */
export function losing(way: Way, adapter: Adapter): Adapter {
  const publish = adapter.publish.bind(adapter);
  adapter.publish = (channel, payload) => {
    if (!payload.includes(`","${names[way]}",`)) publish(channel, payload);
  };
  return adapter;
}
