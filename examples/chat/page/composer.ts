// Where one writes. What is not sent stays, room by room, whatever happens.
import { find, h } from "./dom.ts";
import type { Session } from "./session.ts";

const COMMANDS = ["/time", "/roll 2d6", "/help"];

/** Wires the composer; returns what makes it show a session. */
export function createComposer(current: () => Session | undefined) {
  const form = find<HTMLFormElement>("#composer");
  const text = find<HTMLTextAreaElement>("#text");
  const send = find<HTMLButtonElement>("#composer .primary");
  const hints = find("#hints");
  const error = find("#send-error");
  const drafts = new Map<string, string>();
  let shown: string | undefined;

  const refresh = () => {
    const live = current()?.conversation?.live ?? false;
    send.disabled = !live || text.value.trim() === "";
    hints.hidden = !COMMANDS.some((it) =>
      it.startsWith(text.value) && text.value !== "" && it !== text.value
    );
  };

  hints.append(...COMMANDS.map((command) => {
    const button = h("button", "hint", command);
    button.type = "button";
    button.addEventListener("click", () => {
      text.value = command;
      text.focus();
      refresh();
    });
    return button;
  }));

  text.addEventListener("input", () => {
    error.textContent = "";
    refresh();
    if (text.value.trim()) current()?.typing();
  });
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const session = current();
    const draft = text.value;
    if (!session || send.disabled) return;
    const { room } = session;
    text.value = "";
    refresh();
    try {
      await session.say(draft);
    } catch (cause) {
      // Whoever has typed on meanwhile keeps that.
      if (session.room !== room) drafts.set(room, draft);
      else if (text.value === "") text.value = draft;
      const why = cause instanceof Error ? cause.message : String(cause);
      error.textContent = `Perhaps not sent: ${why}`;
    }
    refresh();
  });

  return (session: Session) => {
    if (shown !== session.room) {
      if (shown !== undefined) drafts.set(shown, text.value);
      shown = session.room;
      text.value = drafts.get(shown) ?? "";
      error.textContent = "";
      text.placeholder = `Message ${shown}`;
      text.setAttribute("aria-label", text.placeholder);
    }
    refresh();
  };
}
