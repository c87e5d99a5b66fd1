// One person's stay in the chat: the client, and what it has told us so far.
import {
  type ClientStatus,
  createClient,
  isSocketError,
} from "@super-line/edge/client";
import { api, type Member, type Message, type Presence } from "../api.ts";

const MAX_MESSAGES = 200;
const TYPING_MS = 4_000;

type Timer = ReturnType<typeof setTimeout>;

/** A room that this person has joined. */
export interface Conversation {
  messages: Message[];
  unread: number;
  /** Who is typing, with the timer that ends it. */
  typing: Map<string, Timer>;
  /** Joined on the present connection: after a loss, rooms are joined anew. */
  live: boolean;
}

/** What a session calls back. */
export interface SessionEvents {
  changed(): void;
  status(status: ClientStatus): void;
  /** Something that was asked for could not be done. */
  failed(room: string, why: string): void;
}

/** Connects a person; it reconnects by itself until `end`. */
export class Session {
  readonly me: string;
  /** Everybody who is anywhere. */
  readonly people: Map<string, Member[]> = new Map();
  readonly conversations: Map<string, Conversation> = new Map();
  room = "lobby";
  readonly #client;
  readonly #events: SessionEvents;
  #typedAt = 0;

  constructor(me: string, events: SessionEvents) {
    this.me = me;
    this.#events = events;
    const client = createClient(api, {
      url: "/realtime",
      role: "user",
      params: { name: me },
      reconnectMaxMs: 5_000,
    });
    this.#client = client;
    client.subscribe("presence", (presence) => {
      this.#setPresence(presence);
      events.changed();
    });
    client.on("message", (message) => this.#take(message));
    client.on("typing", ({ room, from }) => this.#setTyping(room, from));
    client.onStatus((status) => {
      if (status.state !== "open") {
        for (const conversation of this.conversations.values()) {
          conversation.live = false;
          conversation.typing.clear();
        }
      }
      events.status(status);
      events.changed();
    });
    client.ready.then(() => this.#joinAll(), () => {}); // status told why
    client.onReconnect(() => this.#joinAll());
  }

  /** The conversation in the room on view. */
  get conversation(): Conversation | undefined {
    return this.conversations.get(this.room);
  }

  /** Puts a room on view, and joins it if need be. */
  open(room: string) {
    this.room = room;
    const known = this.conversations.get(room);
    if (known) known.unread = 0;
    else {
      const typing = new Map<string, Timer>();
      this.conversations.set(room, {
        messages: [],
        unread: 0,
        typing,
        live: false,
      });
      if (this.#client.state === "open") this.#join(room);
    }
    this.#events.changed();
  }

  async leave(room: string) {
    this.conversations.delete(room);
    this.#events.changed();
    await this.#client.leave({ room }).catch(() => {}); // lost with the link
  }

  /** Sends a line; rejects when it may not have arrived. */
  async say(text: string) {
    this.#typedAt = 0;
    await this.#client.say({ room: this.room, text });
  }

  /** Tells the others, at most every other second. */
  typing() {
    if (!this.conversation?.live || Date.now() - this.#typedAt < 2_000) return;
    this.#typedAt = Date.now();
    this.#client.typing({ room: this.room });
  }

  end() {
    this.#client.close();
  }

  #joinAll() {
    for (const room of this.conversations.keys()) this.#join(room);
  }

  async #join(room: string) {
    try {
      const { messages, rooms } = await this.#client.join({ room });
      for (const presence of rooms) this.#setPresence(presence);
      const conversation = this.conversations.get(room);
      if (!conversation) return;
      conversation.live = true;
      merge(conversation, messages);
      this.#events.changed();
    } catch (error) {
      // onReconnect joins again.
      if (isSocketError(error) && error.code === "DISCONNECTED") return;
      this.conversations.delete(room);
      const why = isSocketError(error) ? error.message : String(error);
      this.#events.failed(room, why);
    }
  }

  #setPresence({ room, people }: Presence) {
    this.people.set(room, people);
  }

  #take(message: Message) {
    const { room, from } = message;
    const conversation = this.conversations.get(room);
    if (!conversation) return;
    merge(conversation, [message]);
    this.#endTyping(room, from.name);
    if (room !== this.room || document.hidden) conversation.unread++;
    this.#events.changed();
  }

  #setTyping(room: string, name: string) {
    const typing = this.conversations.get(room)?.typing;
    if (!typing || name === this.me) return;
    clearTimeout(typing.get(name));
    typing.set(name, setTimeout(() => this.#endTyping(room, name), TYPING_MS));
    this.#events.changed();
  }

  #endTyping(room: string, name: string) {
    const typing = this.conversations.get(room)?.typing;
    clearTimeout(typing?.get(name));
    if (typing?.delete(name)) this.#events.changed();
  }
}

/** Adds what is new: after a reconnect, history repeats what we have. */
function merge(conversation: Conversation, messages: readonly Message[]) {
  const known = new Set(conversation.messages.map(({ id }) => id));
  conversation.messages.push(...messages.filter(({ id }) => !known.has(id)));
  conversation.messages.sort((a, b) => a.at - b.at);
  conversation.messages = conversation.messages.slice(-MAX_MESSAGES);
}
