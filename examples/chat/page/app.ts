// The page's start: puts session and views together.
import { createBanner } from "./banner.ts";
import { createComposer } from "./composer.ts";
import { find } from "./dom.ts";
import { createLog } from "./log.ts";
import { createLogin } from "./login.ts";
import { Session } from "./session.ts";
import { createSidebar } from "./sidebar.ts";

const TOPICS: Record<string, string> = {
  lobby: "Where everybody comes in",
  random: "Whatever comes to mind",
  help: "Ask Robo: /help",
};

let session: Session | undefined;
const login = createLogin(enter);
const showSidebar = createSidebar({ go, signOut: () => leaveChat() });
const showLog = createLog();
const showComposer = createComposer(() => session);
let showStatus = createBanner();

/** The room in the address, so that a room can be shared as a link. */
function roomInAddress(): string {
  try {
    return decodeURIComponent(location.hash.slice(1)) || "lobby";
  } catch {
    return "lobby";
  }
}

function go(room: string) {
  location.hash = encodeURIComponent(room);
  session?.open(room);
}

function enter(name: string) {
  showStatus = createBanner();
  const mine = session = new Session(name, {
    changed: () => session === mine && show(mine),
    status: (status) => {
      if (session !== mine) return;
      showStatus(status);
      if (status.state === "open") login.hide(name);
      if (status.state === "waiting") {
        login.say("Cannot reach the server. Trying again…");
      }
      if (status.state === "closed") leaveChat(status.reason);
    },
    failed: (room, why) => {
      if (session !== mine) return;
      find("#send-error").textContent = `Cannot join ${room}: ${why}`;
      go("lobby");
    },
  });
  mine.open(roomInAddress());
}

function leaveChat(why?: string) {
  const ended = session;
  session = undefined;
  ended?.end();
  login.show(why);
}

function show(session: Session) {
  const { room, people } = session;
  const here = people.get(room)?.filter(({ role }) => role === "user") ?? [];
  const count = here.length === 1 ? "1 person" : `${here.length} people`;
  find("#room h1").textContent = room;
  find("#room .title p").textContent = TOPICS[room]
    ? `${count} · ${TOPICS[room]}`
    : count;
  find("#leave").hidden = room === "lobby";
  showSidebar(session);
  showLog(session);
  showComposer(session);
  const unread = [...session.conversations.values()]
    .reduce((sum, conversation) => sum + conversation.unread, 0);
  document.title = `${unread ? `(${unread}) ` : ""}${room} · super-line chat`;
}

addEventListener("hashchange", () => session?.open(roomInAddress()));
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) session?.open(session.room);
});
find("#leave").addEventListener("click", () => {
  const room = session?.room;
  go("lobby");
  if (room) session?.leave(room);
});

login.resume();
