// Rooms and people: a column on a desk, a drawer on a phone.
import type { Member } from "../api.ts";
import { find, h, showList } from "./dom.ts";
import { avatar } from "./people.ts";
import type { Session } from "./session.ts";

const ALWAYS = ["lobby", "random", "help"];

/** What the sidebar calls back. */
export interface SidebarEvents {
  go(room: string): void;
  signOut(): void;
}

/** Wires the sidebar; returns what makes it show a session. */
export function createSidebar({ go, signOut }: SidebarEvents) {
  const drawer = createDrawer();
  const [rooms, people, me] = ["#rooms", "#people", "#me"].map((it) =>
    find(it)
  ) as [HTMLElement, HTMLElement, HTMLElement];
  rooms.addEventListener("click", drawer.close);

  const form = find<HTMLFormElement>("#new-room");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const input = form.elements.namedItem("room") as HTMLInputElement;
    const room = roomName(input.value);
    input.value = "";
    if (!room) return;
    drawer.close();
    go(room);
  });

  const out = h("button", "quiet", "Sign out");
  out.addEventListener("click", signOut);

  return (session: Session) => {
    showList(rooms, roomsOf(session), {
      key: (room) => room,
      create: roomLink,
      update: (element, room) => updateRoom(element, room, session),
    });
    const here = session.people.get(session.room) ?? [];
    showList(people, here, {
      key: ({ role, name }) => `${role} ${name}`,
      create: (member) => person(member, session.me),
    });
    if (me.dataset.name !== session.me) {
      me.dataset.name = session.me;
      const self: Member = { name: session.me, role: "user" };
      me.replaceChildren(avatar(self), h("span", "name", session.me), out);
    }
    const unread = roomsOf(session).some((room) =>
      room !== session.room && session.conversations.get(room)?.unread
    );
    find("#menu").classList.toggle("unread", unread);
  };
}

/** Those that always are, then those where somebody is. */
function roomsOf({ people, conversations }: Session): string[] {
  const others = [...people.keys(), ...conversations.keys()].filter((room) =>
    !ALWAYS.includes(room) &&
    (conversations.has(room) ||
      people.get(room)?.some(({ role }) => role === "user"))
  );
  return [...ALWAYS, ...[...new Set(others)].sort()];
}

function roomLink(room: string): HTMLElement {
  const link = h("a", "", h("span", "name", room), h("span", "count"));
  link.href = `#${encodeURIComponent(room)}`;
  return h("li", "", link);
}

function updateRoom(element: HTMLElement, room: string, session: Session) {
  const link = element.firstElementChild as HTMLElement; // roomLink made it
  const count = link.lastElementChild as HTMLElement;
  const unread = room === session.room
    ? 0
    : session.conversations.get(room)?.unread ?? 0;
  const here =
    (session.people.get(room) ?? []).filter(({ role }) => role === "user")
      .length;
  link.ariaCurrent = room === session.room ? "page" : null;
  count.classList.toggle("unread", unread > 0);
  count.textContent = String(unread || here || "");
  count.title = unread ? `${unread} unread` : `${here} here`;
}

function person(member: Member, me: string): HTMLElement {
  const isMe = member.role === "user" && member.name === me;
  const tag = member.role === "agent" ? "agent" : isMe ? "you" : "";
  return h(
    "li",
    "",
    avatar(member),
    h("span", "name", member.name),
    ...(tag ? [h("span", "tag", tag)] : []),
  );
}

/** Turns what was typed into a room's name, as the contract wants it. */
function roomName(typed: string): string {
  return typed.trim().toLowerCase().replace(/\s+/g, "-")
    .replace(/[^\p{L}\p{N}-]/gu, "").replace(/^-+/, "").slice(0, 24);
}

function createDrawer() {
  const menu = find("#menu");
  const toggle = (open: boolean) => {
    document.body.classList.toggle("drawer", open);
    menu.ariaExpanded = String(open);
  };
  const close = () => toggle(false);
  toggle(false);
  menu.addEventListener("click", () => {
    toggle(true);
    find("#rooms a").focus();
  });
  find("#shade").addEventListener("click", close);
  document.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape" || !document.body.classList.contains("drawer")) return;
    close();
    menu.focus();
  });
  return { close };
}
