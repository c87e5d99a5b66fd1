// Who is at the board, on all nodes. Each node tells the others its own people,
// at every change and every few seconds, and forgets nodes that fell silent.
import type { Person } from "./api.ts";

const EVERY_MS = 2_000;

/** What is told, and where. */
export interface PeopleHost {
  /** To the other nodes. */
  tellNodes(people: Person[]): void;
  /** To this node's own clients. */
  tellClients(people: Person[]): void;
}

/** The people of all nodes, as this one knows them. */
export class People {
  readonly #host: PeopleHost;
  readonly #here = new Map<string, Person>();
  readonly #elsewhere = new Map<
    string,
    { people: Person[]; heardAt: number }
  >();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(host: PeopleHost) {
    this.#host = host;
    this.#timer = setInterval(() => this.#refresh(), EVERY_MS);
  }

  get all(): Person[] {
    const others = [...this.#elsewhere.values()].flatMap((it) => it.people);
    return [...this.#here.values(), ...others];
  }

  join(person: Person): void {
    this.#here.set(person.id, person);
    this.#changed();
  }

  leave(id: string): void {
    if (this.#here.delete(id)) this.#changed();
  }

  /** Another node told its people. */
  heard(node: string, people: Person[]): void {
    const isNew = !this.#elsewhere.has(node);
    this.#elsewhere.set(node, { people, heardAt: Date.now() });
    this.#host.tellClients(this.all);
    if (isNew) this.#host.tellNodes([...this.#here.values()]);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #changed(): void {
    this.#host.tellNodes([...this.#here.values()]);
    this.#host.tellClients(this.all);
  }

  #refresh(): void {
    this.#host.tellNodes([...this.#here.values()]);
    const before = this.#elsewhere.size;
    for (const [node, { heardAt }] of this.#elsewhere) {
      if (Date.now() - heardAt > 3 * EVERY_MS) this.#elsewhere.delete(node);
    }
    if (this.#elsewhere.size < before) this.#host.tellClients(this.all);
  }
}
