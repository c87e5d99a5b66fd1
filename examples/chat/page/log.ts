// The conversation: messages grouped by sender, and the place one has read to.
import type { Message } from "../api.ts";
import { find, h, showList } from "./dom.ts";
import { avatar, typingText } from "./people.ts";
import type { Session } from "./session.ts";

const GROUP_MS = 5 * 60_000;
const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
});
const full = new Intl.DateTimeFormat(undefined, {
  dateStyle: "full",
  timeStyle: "medium",
});

/** Wires the log; returns what makes it show a session. */
export function createLog() {
  const log = find("#log");
  const list = find("#messages");
  const newest = find("#newest");
  let shown: string | undefined;
  let last: string | undefined;

  const atEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  const toEnd = () => {
    log.scrollTop = log.scrollHeight;
    newest.hidden = true;
  };
  newest.addEventListener("click", toEnd);
  log.addEventListener("scroll", () => {
    if (atEnd()) newest.hidden = true;
  });
  // The keyboard of a phone, or a composer that grows, must not cover the end.
  let height = 0;
  new ResizeObserver(() => {
    if (log.scrollHeight - log.scrollTop - height < 80) toEnd();
    height = log.clientHeight;
  }).observe(log);

  return (session: Session) => {
    const messages = session.conversation?.messages ?? [];
    const moved = shown !== session.room;
    const stay = !moved && !atEnd();
    // Going to another room is not news: a screen reader would read it all.
    log.ariaLive = moved ? "off" : "polite";
    showList(list, messages, {
      key: ({ id }) => id,
      create: (message) => line(message, session.me),
      update: (element, message, before) => {
        element.classList.toggle("first", !continues(message, before));
      },
    });
    find("#empty").textContent = messages.length > 0
      ? ""
      : session.conversation?.live
      ? "It is quiet here. Say hello, or ask Robo with /help."
      : "Joining…";
    find("#typing").textContent = typingText([
      ...session.conversation?.typing.keys() ?? [],
    ]);

    const latest = messages.at(-1);
    const isNew = latest !== undefined && latest.id !== last;
    if (!stay || (isNew && isMine(latest, session.me))) toEnd();
    else if (isNew) newest.hidden = false;
    shown = session.room;
    last = latest?.id;
  };
}

function isMine({ from }: Message, me: string): boolean {
  return from.role === "user" && from.name === me;
}

function continues(message: Message, before: Message | undefined): boolean {
  return before !== undefined && before.from.name === message.from.name &&
    before.from.role === message.from.role &&
    message.at - before.at < GROUP_MS;
}

function line(message: Message, me: string): HTMLElement {
  const { from, text, at } = message;
  const mine = isMine(message, me);
  const time = h("time", "", clock.format(at));
  time.dateTime = new Date(at).toISOString();
  const byline = h("p", "byline", h("b", "", mine ? "You" : from.name));
  if (from.role === "agent") byline.append(h("span", "tag", "agent"));
  byline.append(time);
  const bubble = h("p", "bubble", text);
  bubble.title = full.format(at);
  return h(
    "li",
    `message ${from.role}${mine ? " mine" : ""}`,
    avatar(from),
    h("div", "body", byline, bubble),
  );
}
