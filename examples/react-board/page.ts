// The page, bundled by Bun when the server starts and served from memory.
import { fileURLToPath } from "node:url";

const entry = fileURLToPath(new URL("page/index.html", import.meta.url));

/** Bundles the page; resolves to what answers a path of it. */
export async function bundlePage() {
  const { outputs } = await Bun.build({
    entrypoints: [entry],
    target: "browser",
    minify: true,
    define: { "process.env.NODE_ENV": '"production"' }, // React's own switch
  });
  const files = new Map(
    outputs.map((file) => [file.path.replace(/^\.?\/?/, "/"), file]),
  );
  return (path: string): Response | undefined => {
    const file = files.get(path === "/" ? "/index.html" : path);
    return file && new Response(file);
  };
}
