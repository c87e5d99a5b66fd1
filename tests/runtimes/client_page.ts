/** Runs the suite in a page of the server's own origin; bundled, and called by whoever opened the page. */
import type { WebSocketConstructor } from "../../src/client/client.ts";
import type { Outcome } from "./subject.ts";
import { runSuite } from "./suite.ts";

Object.assign(globalThis, {
  runInPage: async (names: string[]): Promise<Outcome[]> => {
    const outcomes: Outcome[] = [];
    await runSuite(
      {
        origin: location.origin,
        WebSocket: WebSocket as unknown as WebSocketConstructor, // it has all that is used
      },
      names,
      4, // a browser slows down who dials many at once
      (outcome) => void outcomes.push(outcome),
    );
    return outcomes;
  },
});
