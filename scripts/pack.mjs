// Writes the tarball that applications depend on while no registry has the
// package: `npm run pack`, `bun run pack`, `deno task pack`. An argument is the
// folder that it goes to, the repository when left out.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { buildNpmShape } from "./npm_shape.mjs";
import { root, run } from "./run.mjs";

/** Writes the tarball into a folder; returns its path. */
export async function pack(target) {
  const { name, version, description, license, engines } = JSON.parse(
    readFileSync(join(root, "package.json"), "utf8"),
  );
  const folder = mkdtempSync(join(tmpdir(), "pack-"));
  try {
    const built = join(folder, "package");
    mkdirSync(built);
    const { bun: _, ...node } = engines;
    buildNpmShape(built, (shape) => {
      const { dependencies, ...rest } = shape;
      const vendors = { ...dependencies, react: "^18.0.0 || ^19.0.0" };
      return {
        ...rest,
        name,
        version,
        description,
        license,
        engines: node,
        sideEffects: false,
        // Each entry needs its own package or none, so all are optional.
        peerDependencies: vendors,
        peerDependenciesMeta: Object.fromEntries(
          Object.keys(vendors).map((vendor) => [vendor, { optional: true }]),
        ),
      };
    });
    const file = `${name.slice(1).replace("/", "-")}-${version}.tgz`;
    const path = resolve(target, file);
    const { ok, output } = await run("tar", ["-czf", path, "package"], {
      cwd: folder,
    });
    if (!ok) throw new Error(`Cannot write ${path}: tar failed: ${output}`);
    return path;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(await pack(process.argv[2] ?? root));
}
