// What a promise costs: output that is validated before it leaves, beside `validateOutput: false`.
import { interleave, result } from "../harness/compare.mjs";
import { fanOut } from "./fanout.mjs";
import { ask } from "./requests.mjs";

const ours = { target: "ours", dialect: "superline", runtime: "bun" };
const subjects = { validated: ours, off: { ...ours, mode: "unvalidated" } };
const members = 10;

export async function* run(size) {
  const { scale } = size;
  const rounds = { ...size, rounds: size.rounds * 2 - 1 };
  const requests = Math.ceil(100_000 * scale);
  yield result(
    await interleave(
      subjects,
      rounds,
      async (it) => (await ask(it, requests)).cpu,
    ),
    {
      ...{ id: 5, name: "price-of-validated-answers" },
      unit: "µs of server CPU a request",
      ...{ ours: "validated", control: "off" },
    },
  );
  const messages = Math.ceil(20_000 * scale);
  yield result(
    await interleave(
      subjects,
      rounds,
      async (it) =>
        members *
        await fanOut("bun", it, { members, perTurn: 10, messages }),
    ),
    {
      ...{ id: 1, name: "price-of-validated-events" },
      unit: `µs of server CPU an event to ${members} members, ten a turn`,
      ...{ ours: "validated", control: "off" },
    },
  );
}
