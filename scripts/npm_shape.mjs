// The npm package that JSR makes of this one, as near as it can be built here:
// TypeScript stripped to .js, declarations beside it, imports and exports
// rewritten, a package.json with the name that JSR gives.
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import ts from "typescript";
import { root } from "./run.mjs";

const options = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
  rewriteRelativeImportExtensions: true,
  isolatedDeclarations: true,
  declaration: true,
  jsx: ts.JsxEmit.ReactJSX,
};

/** Builds the package into a folder, with a package.json that `change` may alter; returns that. */
export function buildNpmShape(folder, change = (manifest) => manifest) {
  const jsr = JSON.parse(readFileSync(join(root, "deno.json"), "utf8"));
  for (const pattern of jsr.publish.include) {
    for (const file of filesOf(pattern)) {
      const target = join(folder, file);
      mkdirSync(dirname(target), { recursive: true });
      if (!/\.tsx?$/.test(file)) cpSync(join(root, file), target);
      else compile(file, target);
    }
  }
  const [scope, name] = jsr.name.slice(1).split("/");
  const manifest = change({
    name: `@jsr/${scope}__${name}`,
    version: jsr.version,
    type: "module",
    dependencies: dependencies(jsr.imports),
    exports: Object.fromEntries(
      Object.entries(jsr.exports).map(([key, file]) => [key, {
        types: file.replace(/\.tsx?$/, ".d.ts"),
        default: file.replace(/\.tsx?$/, ".js"),
      }]),
    ),
  });
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
  return manifest;
}

// The files of a pattern of deno.json: a name, or all of a folder with an ending. Node 20 has no `globSync`.
function filesOf(pattern) {
  const [folder, ending] = pattern.split("/**/*");
  if (ending === undefined) return [pattern];
  return readdirSync(join(root, folder), { recursive: true })
    .filter((file) => file.endsWith(ending))
    .map((file) => join(folder, file));
}

function compile(file, target) {
  const text = readFileSync(join(root, file), "utf8");
  const how = { fileName: file, compilerOptions: options };
  const base = target.replace(/\.tsx?$/, "");
  writeFileSync(`${base}.js`, ts.transpileModule(text, how).outputText);
  const { outputText, diagnostics } = ts.transpileDeclaration(text, how);
  if (diagnostics?.length) {
    const [{ messageText }] = diagnostics;
    throw new Error(`${file}: ${ts.flattenDiagnosticMessageText(messageText)}`);
  }
  writeFileSync(`${base}.d.ts`, relativeImports(outputText));
}

/** In declarations `./x.ts` stays as it is; a published one needs `./x.js`. */
function relativeImports(text) {
  return text.replace(
    /((?:from|import\()\s*"\.[^"]*)\.tsx?"/g,
    '$1.js"',
  );
}

/** `npm:redis@^6.0.0` becomes a dependency. */
function dependencies(imports) {
  return Object.fromEntries(
    Object.values(imports)
      .map((specifier) => /^npm:(@?[^@]+)@(.+)$/.exec(specifier))
      .map(([, name, range]) => [name, range]),
  );
}
