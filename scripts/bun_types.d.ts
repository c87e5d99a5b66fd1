// Gives tests and examples Bun's globals in tsc and editors. Not `types` in
// tsconfig.json: Deno reads that file too, and it has no use for them.
/// <reference types="bun-types" />
