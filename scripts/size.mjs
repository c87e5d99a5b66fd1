// What a browser downloads: the client alone, which has a limit, and the client
// side of the README's program, schemas and their library included.
import { join } from "node:path";
import process from "node:process";
import { gzipSync } from "node:zlib";
import { withReadmeProgram } from "./readme_program.mjs";
import { bun, root } from "./run.mjs";
import { spawnSync } from "node:child_process";

const limit = 8300;

const client = weigh("client", join(root, "scripts/size_entry_client.ts"));
await withReadmeProgram((folder) =>
  weigh("README's program", join(folder, "client.ts"))
);
if (client > limit) {
  console.error(`client is over its limit of ${limit} bytes min+gzip`);
  process.exit(1);
}

function weigh(name, entry) {
  const { status, stdout, stderr } = spawnSync(
    bun,
    ["build", "--minify", "--target=browser", entry],
    { cwd: root },
  );
  if (status !== 0) {
    console.error(String(stderr));
    process.exit(1);
  }
  const gzipped = gzipSync(stdout, { level: 9 }).length;
  console.log(`${name}: ${stdout.length} bytes min, ${gzipped} min+gzip`);
  return gzipped;
}
