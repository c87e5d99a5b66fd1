/** What each file of the client costs: min+gzip of all, less what is left where the file is empty. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const root = fileURLToPath(new URL("../..", import.meta.url));

async function weigh(without?: string): Promise<[number, Set<string>]> {
  const files = new Set<string>();
  const { outputs: [output] } = await Bun.build({
    entrypoints: [`${root}scripts/size_entry_client.ts`],
    target: "browser",
    minify: true,
    plugins: [{
      name: "without",
      setup(build) {
        build.onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => {
          const file = path.slice(root.length);
          files.add(file);
          const text = readFileSync(path, "utf8");
          const contents = file === without ? emptied(text) : text;
          return { contents, loader: "ts" };
        });
      },
    }],
  });
  const code = await output?.text() ?? "";
  return [gzipSync(code, { level: 9 }).length, files];
}

/** The same exports, all `undefined`. */
function emptied(text: string): string {
  const exports = text.matchAll(
    /^export (?:async )?(?:function\*?|const|class) (\w+)/gm,
  );
  return [...exports].map(([, name]) => `export const ${name} = void 0;`)
    .join("\n");
}

const [all, files] = await weigh();
const costs: [string, number][] = [];
for (const file of files) {
  if (/client\/(client|core)\.ts$/.test(file)) continue; // without these there is nothing
  const [rest] = await weigh(file);
  if (rest < all) {
    costs.push([file.slice("src/".length, -".ts".length), all - rest]);
  }
}
costs.sort((a, b) => b[1] - a[1]);
console.log(JSON.stringify({ all, costs: Object.fromEntries(costs) }));
