// The hooks of this page's contract and role.
import { createSocketReact } from "@super-line/edge/react";
import type { api } from "../api.ts";

export const { Provider, useClient, useEvent, useStatus } = createSocketReact<
  typeof api,
  "user"
>();
