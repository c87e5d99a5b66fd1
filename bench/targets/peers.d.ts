/** Peers are plain JavaScript: their packages are in this folder's node_modules only, which nothing else needs. */
declare module "*.mjs" {
  export const serve: import("./target.ts").Serve;
}
