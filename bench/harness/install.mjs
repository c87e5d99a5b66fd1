// The peers, in this package's own node_modules: the library's has none of them.
import { installedIn, installInto } from "../../scripts/own_packages.mjs";

/** Installs what is missing; where that cannot be done, the peers are listed as missing. */
export function ensurePeers() {
  const failure = installInto("bench");
  if (failure) console.error(failure);
}

/** The versions of what is compared. */
export function peerVersions() {
  return installedIn("bench");
}
