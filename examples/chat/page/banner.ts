// How the connection is, in words; nothing while it is simply there.
import type { ClientStatus } from "@super-line/edge/client";
import { find } from "./dom.ts";

const BACK_MS = 2_500;

/** Makes what shows a client's status. */
export function createBanner() {
  const banner = find("#banner");
  let attempts = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const show = (kind: string, text: string) => {
    clearTimeout(timer);
    banner.className = kind;
    // The same text again is no news to a screen reader.
    if (banner.textContent !== text) banner.textContent = text;
  };

  return ({ state, reason }: ClientStatus) => {
    // Who was here may be gone by now: shown, but faintly.
    document.body.classList.toggle("offline", state !== "open");
    if (state === "connecting" && attempts > 0) {
      show("lost", `Reconnecting… attempt ${attempts}`);
    }
    if (state === "waiting") {
      attempts++;
      show("lost", "Connection lost. What you type is kept.");
    }
    if (state === "closed") show("lost", reason || "Disconnected");
    if (state === "open" && attempts > 0) {
      attempts = 0;
      show("back", "Back online");
      timer = setTimeout(() => show("", ""), BACK_MS);
    }
  };
}
