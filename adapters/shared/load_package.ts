/**
 * Loads the client packages that applications install themselves.
 *
 * @module
 */

/** A package that an adapter needs is not installed: retrying cannot help. */
export class MissingPackageError extends TypeError {
  constructor(name: string, cause: unknown) {
    super(
      `Cannot load the package "${name}": it is not installed, install it with: ${installer()}${name}`,
      { cause },
    );
    this.name = "TypeError";
  }
}

/**
 * Loads a package.
 *
 * @param name The package's name, for the message
 * @param load Imports it
 * @throws {MissingPackageError} If it is not installed, as a rejection
 */
export async function loadPackage<T>(
  name: string,
  load: () => Promise<T>,
): Promise<T> {
  try {
    return await load();
  } catch (error) {
    throw isMissing(error, name) ? new MissingPackageError(name, error) : error;
  }
}

/** Node and Bun have a code for it; Deno has only words (2.9), and a bundler's stub names the package. */
function isMissing(error: unknown, name: string): boolean {
  const { code, message } = (error ?? {}) as {
    code?: unknown;
    message?: unknown;
  }; // any value may be asked for a member but null
  return (code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND" ||
    /not found|cannot find|could not (find|resolve)|not a dependency/i
      .test(String(message))) && String(message).includes(name);
}

/** The start of the install command of the runtime's package manager. */
function installer(): string {
  const { Bun, Deno } = globalThis as { Bun?: unknown; Deno?: unknown };
  return Bun ? "bun add " : Deno ? "deno add npm:" : "npm install ";
}
