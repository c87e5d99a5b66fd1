/** What a rest asks of its adapter and of its object, in order. */
import { expect, test } from "bun:test";
import { Rest } from "../../src/runtimes/cloudflare/rest.ts";
import { until } from "../helpers/wait.ts";

test("silence pauses, stores and sets the alarm, an alarm looks again, and a word resumes and forgets", async () => {
  const calls: string[] = [];
  const call = <T>(name: string, result: T) => {
    calls.push(name);
    return Promise.resolve(result);
  };
  const rest = new Rest(
    {
      pause: () => call("pause", "here"),
      resume: () => void call("resume", undefined),
      restore: () => Promise.resolve(),
    },
    {
      idleAfterMs: 10,
      sleepPollMs: 1_000,
      wakeAt: () => void call("alarm", undefined),
      report: () => {},
      storage: {
        list: () => Promise.resolve(new Map()),
        put: () => call("put", undefined),
        delete: () => call("delete", 1),
        getAlarm: () => Promise.resolve(null),
        setAlarm: () => Promise.resolve(),
      },
    },
  );
  rest.touch();
  await until(() => calls.includes("put"));
  await rest.rang();
  rest.touch();
  expect(calls).toEqual([
    "resume",
    ...["pause", "alarm", "put"],
    ...["pause", "alarm", "put"],
    ...["resume", "delete"],
  ]);
});
