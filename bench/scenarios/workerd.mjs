// Beside the rows: a Durable Object in workerd, beside PartyServer and one with nothing around it. CPU of the process.
import { join } from "node:path";
import { bun } from "../../scripts/run.mjs";
import { interleave, result } from "../harness/compare.mjs";
import { expectBytes, here, Program, startLoad } from "../harness/programs.mjs";

const subjects = {
  bare: { dialect: "object", path: "/bare" },
  ours: { dialect: "superline", path: "/" },
  partyserver: {
    ...{ dialect: "party", path: "/parties/party/r" },
    ...{ peer: true, rounds: 5 },
  },
};

export async function* run(size) {
  const { scale, few } = size;
  const members = few ? 10 : 200;
  const rounds = Math.ceil(5 * scale);
  const workers = {};
  const workerOf = async ({ dialect, peer }) =>
    workers[dialect] ??= await start(peer);
  const common = { ours: "ours", control: "bare", peer: "partyserver" };
  try {
    for (const perTurn of few ? [10] : [10, 1]) {
      const messages = few
        ? 10
        : Math.ceil(perTurn * 100 * Math.max(scale, 0.5));
      const measured = await interleave(
        subjects,
        { rounds, few },
        async (it) =>
          await fanOut(await workerOf(it), it, { members, messages, perTurn }),
      );
      yield result(measured, {
        ...{ ...common, id: 1, name: `fanout-workerd-${perTurn}-a-turn` },
        unit: `µs of workerd's CPU a delivery, ${members} members`,
      });
    }
    const requests = few ? 100 : Math.ceil(20_000 * Math.max(scale, 0.25));
    const measured = await interleave(
      subjects,
      { rounds, few },
      async (it) => await ask(await workerOf(it), it, requests),
    );
    yield result(measured, {
      ...{ ...common, id: 5, name: "requests-workerd" },
      unit: "µs of workerd's CPU a request",
    });
  } finally {
    await Promise.all(Object.values(workers).map((it) => it.close()));
  }
}

async function fanOut(
  worker,
  { dialect, path },
  { members, messages, perTurn },
) {
  const readers = startLoad("readers.mjs", worker.port, dialect, members);
  const send = (count) =>
    worker.ask(`/send?to=${path}&messages=${count}&perTurn=${perTurn}`);
  try {
    await readers.line();
    const warm = Math.ceil(messages / 5);
    await send(warm);
    await expectBytes(readers, members * warm * 120);
    const before = await worker.ask("cpu");
    await send(messages);
    await expectBytes(readers, members * (warm + messages) * 120);
    const after = await worker.ask("cpu");
    return (after.cpu - before.cpu) / messages / members;
  } finally {
    await readers.end();
  }
}

async function ask(worker, { dialect }, requests) {
  const load = startLoad("requests.mjs", worker.port, dialect, 50, 32);
  try {
    await load.line();
    await load.ask(Math.ceil(requests / 5)); // warm
    const before = await worker.ask("cpu");
    await load.ask(requests);
    const after = await worker.ask("cpu");
    return (after.cpu - before.cpu) / requests;
  } finally {
    await load.end();
  }
}

/** A workerd of its own, which keeps what it has compiled. */
async function start(peer) {
  const args = peer
    ? ["peers_worker.mjs", "OURS=Ours", "BARE=Bare", "PARTY=Party"]
    : ["objects.mjs", "OURS=Ours", "BARE=Bare"];
  const program = join(here, "server/workerd.ts");
  const worker = new Program(bun, [program, ...args]);
  try {
    const { port } = await worker.line();
    return Object.assign(worker, { port });
  } catch (error) {
    await worker.close();
    throw error;
  }
}
