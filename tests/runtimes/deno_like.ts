/** What tests use of the `Deno` global; the types of this repository's tests are Bun's and Node's. */
export interface DenoServeLike {
  serve(
    options: {
      port: number;
      hostname: string;
      onListen(address: { port: number }): void;
    },
    handler: (
      request: Request,
      info: { remoteAddr: { hostname: string } },
    ) => Response | Promise<Response>,
  ): unknown;
}
