// The page, bundled by Bun when the server starts and served from memory.
import { fileURLToPath } from "node:url";

const entry = fileURLToPath(new URL("page/index.html", import.meta.url));

/** Bundles the page; resolves to what answers a path of it. */
export async function bundlePage() {
  const { outputs } = await Bun.build({
    entrypoints: [entry],
    target: "browser",
    minify: true,
  });
  const files = new Map(
    outputs.map((file) => [file.path.replace(/^\.?\/?/, "/"), file]),
  );

  return (path: string): Response | undefined => {
    const file = files.get(path === "/" ? "/index.html" : path);
    if (!file) return;
    // All names but the page's own hold a hash of what is in the file.
    const cache = file.kind === "entry-point" && file.loader === "html"
      ? "no-cache"
      : "public, max-age=31536000, immutable";
    return new Response(file, { headers: { "cache-control": cache } });
  };
}
