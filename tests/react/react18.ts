// Preloaded: React 18 under React's name, for all that import it. It lies beside React 19 as react18 and react-dom18.
import { mock } from "bun:test";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
for (
  const path of [
    "react",
    "react/jsx-runtime",
    "react/jsx-dev-runtime",
    "react-dom",
    "react-dom/client",
    "react-dom/server",
    "react-dom/test-utils",
  ]
) {
  const old = path.replace(/^react(-dom)?/, "react$118");
  mock.module(path, () => require(old));
}
