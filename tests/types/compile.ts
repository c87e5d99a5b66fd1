// Compiles many small files in one program, with the options of tsconfig.json.
import ts from "typescript";

const root = new URL("../../", import.meta.url).pathname;

/** One thing that the compiler found wrong. */
export interface Finding {
  readonly code: number;
  readonly message: string;
}

/**
 * Compiles virtual files that lie beside this one, and real ones.
 *
 * @param sources The virtual files' texts by name
 * @param files The real files' names
 * @returns What was found, by the name of the file it is in; an entry for every file given
 */
export function compile(
  sources: ReadonlyMap<string, string>,
  files: readonly string[],
): Map<string, Finding[]> {
  const pathOf = (name: string) => `${root}tests/types/${name}`;
  const virtual = new Map(
    [...sources].map(([name, text]) => [pathOf(name), text]),
  );
  const options = readOptions();
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (path) => virtual.has(path) || fileExists(path);
  host.readFile = (path) => virtual.get(path) ?? readFile(path);
  host.getSourceFile = (path, how, ...rest) => {
    const text = virtual.get(path);
    return text === undefined
      ? getSourceFile(path, how, ...rest)
      : ts.createSourceFile(path, text, how);
  };

  const names = [...sources.keys(), ...files];
  const program = ts.createProgram({
    rootNames: [`${root}scripts/bun_types.d.ts`, ...names.map(pathOf)],
    options,
    host,
  });
  const global = program.getOptionsDiagnostics().concat(
    program.getGlobalDiagnostics(),
  );
  if (global.length > 0) throw new Error(textOf(global[0]));
  return new Map(names.map((name) => {
    const file = program.getSourceFile(pathOf(name));
    return [
      name,
      [
        ...program.getSyntacticDiagnostics(file),
        ...program.getSemanticDiagnostics(file),
      ].map((found) => ({ code: found.code, message: textOf(found) })),
    ];
  }));
}

function readOptions(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(
    `${root}tsconfig.json`,
    ts.sys.readFile,
  );
  return ts.convertCompilerOptionsFromJson(config.compilerOptions, root)
    .options;
}

function textOf(found: ts.Diagnostic | undefined): string {
  return found ? ts.flattenDiagnosticMessageText(found.messageText, "\n") : "";
}
