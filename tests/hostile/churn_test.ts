import { expect, test } from "bun:test";
import { dial } from "../helpers/tcp_socket.ts";
import { runtimes } from "../runtimes/command.ts";
import { type Child, startChild } from "./child.ts";

/** Of a hundred connections each; `WAVES=1000` makes a hundred thousand. */
const WAVES = Number(process.env["WAVES"] ?? 20);
/** Waves beforehand: what a runtime makes once, compiled code above all, is no leak. */
const WARM_UP = 20;

for (const runtime of runtimes) {
  test(
    `${runtime}: ${
      WAVES * 100
    } fast connects and disconnects, with joins pending, leave nothing and no heap`,
    async () => {
      await using child = await startChild(runtime);
      await churn(child, WARM_UP);
      const before = await child.heap();
      const start = Date.now();
      await churn(child, WAVES);
      const seconds = (Date.now() - start) / 1_000;
      await child.expectWell();
      const after = await child.heap();
      console.log(
        `${runtime}: ${WAVES * 100} connects in ${seconds.toFixed(1)} s, heap ${
          [before, after].map(({ used }) => (used / 1e6).toFixed(2)).join(" → ")
        } MB, resident ${
          [before, after].map(({ resident }) => Math.round(resident / 1e6))
            .join(" → ")
        } MB`,
      );
      expect(after.used).toBeLessThan(before.used * 1.1);
    },
    60_000 + WAVES * 600,
  );
}

/** Every second one leaves by a reset, all of them while what they asked for is under way. */
async function churn(child: Child, waves: number): Promise<void> {
  for (let wave = 0; wave < waves; wave++) {
    const sockets = await Promise.all(
      Array.from({ length: 100 }, () => dial(child.port)),
    );
    for (const [n, socket] of sockets.entries()) {
      socket.text(`["req",1,"join",{"room":"r${n}"}]\n["sub",2,"presence"]`);
      if (n % 2) socket.reset();
      else socket.destroy();
    }
  }
  await child.expectWell();
}
