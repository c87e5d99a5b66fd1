/** Peers that stall, reset, trickle and ignore, on every place; and the rows of the compatibility page. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { missing, peerCases, peerPlaces, PeerRuns } from "./peers.ts";
import { renderPeers, written } from "./peers_table.ts";

for (const place of peerPlaces) {
  describe(place.name, () => {
    const runs = new PeerRuns(place);
    const cases = peerCases.filter((it) => !missing(it, place));
    beforeAll(() => runs.start(cases));
    afterAll(() => runs[Symbol.asyncDispose]());
    for (const it of cases) {
      test(it.name, async () => {
        expect(await runs.of(it)).toBeUndefined();
      }, 240_000);
    }
    test("after all of this the server is well", async () => {
      await runs.expectWell();
    }, 60_000);
  });
}

test("docs/compatibility.md has a row for each case, and declares what a place cannot", () => {
  expect(renderPeers()).toBe(written());
});
