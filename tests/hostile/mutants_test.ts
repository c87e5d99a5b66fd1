import { expect, test } from "bun:test";
import { join, type TcpSocket } from "../helpers/tcp_socket.ts";
import { until } from "../helpers/wait.ts";
import { places, startServer } from "./child.ts";
import { type Kind, mutants } from "./mutants.ts";

/** How many; `npm run fuzz` sends 100 000 to each server. */
const ALL = Number(process.env["FRAMES"] ?? 20_000);
const CLIENTS = 8;
const SEED = Number(process.env["SEED"] ?? 20_261_124);

for (const place of places) {
  const FRAMES = place === "Durable Object" ? ALL / 10 : ALL; // each goes through the Worker, too
  test(
    `${place}: ${FRAMES} hostile frames end in replies, counted refusals and documented closes`,
    async () => {
      await using child = await startServer(place);
      const kinds: Record<Kind, number> = {
        valid: 0,
        mutated: 0,
        noise: 0,
        broken: 0,
      };
      const codes = new Map<number, number>();

      /** One client: waits after each frame until the server is through with it, and comes back when it was closed. */
      async function attack(seed: number): Promise<void> {
        let socket: TcpSocket | undefined;
        const frames = mutants(seed);
        for (let n = 0; n < FRAMES / CLIENTS; n++) {
          if (!socket || socket.end || socket.gone) {
            socket?.destroy();
            socket = await join(child.port);
          }
          const { value } = frames.next();
          kinds[value.kind]++;
          const { pongs } = socket;
          const current = socket;
          socket.bytes(value.bytes);
          socket.text("ping");
          await until(
            () => current.pongs > pongs || current.end || current.gone,
            `the end of frame ${n} of seed ${seed}`,
            20_000,
          );
          if (current.end || current.gone) {
            const code = current.end?.code ?? 1006;
            codes.set(code, (codes.get(code) ?? 0) + 1);
          }
        }
        socket?.destroy();
      }

      await Promise.all(
        Array.from(
          { length: CLIENTS },
          (_, index) => attack(SEED * CLIENTS + index),
        ),
      );
      const { stats, validated, handled, reported } = await child.expectWell();
      const share = (count: number) => `${Math.round(100 * count / FRAMES)} %`;
      const understood = stats.framesIn - stats.malformed;
      console.log(
        `${place}, seed ${SEED}: ${
          share(kinds.mutated)
        } were valid but for one mutation; ` +
          `${share(understood)} were understood, ${
            share(validated)
          } reached validation, ` +
          `${share(handled)} a handler; closes ${
            JSON.stringify(Object.fromEntries(codes))
          }, reported ${reported.length}`,
      );
      expect(kinds.mutated * 3).toBeGreaterThan(FRAMES);
      expect(understood * 4).toBeGreaterThan(FRAMES);
      expect(validated * 5).toBeGreaterThan(FRAMES);
      expect(handled * 10).toBeGreaterThan(FRAMES);
      // Deno resets a connection whose peer still sends: its close frame may be lost, and 1006 is seen.
      const policy = (codes.get(1008) ?? 0) +
        (place === "Deno" ? codes.get(1006) ?? 0 : 0);
      expect(policy * 500).toBeGreaterThan(FRAMES);
      // Up to 1014 are the runtime's own, and echoes of close frames that the client sent.
      const others = [...codes.keys()].filter((code) =>
        code > 1014 && code !== 4400
      );
      expect(others).toEqual([]);
    },
    20_000 + 3 * FRAMES,
  );
}
