// What is on the page. All text goes in as text.
import type { Message } from "../api.ts";
import { isWay, type Way } from "../ways.ts";

/** What somebody wants to send. */
export interface Draft {
  readonly way: Way;
  readonly to: string;
  readonly text: string;
}

/** What the view asks for. */
export interface Actions {
  /** Resolves to what went wrong. */
  send(draft: Draft): Promise<string | undefined>;
  move(): void;
}

const WAYS: Record<Way, { readonly name: string; readonly hint: string }> = {
  room: { name: "room", hint: "Everybody in the lobby, on both nodes" },
  topic: { name: "topic", hint: "Every subscriber, on both nodes" },
  dm: { name: "direct", hint: "One person, whichever node they are on" },
  server: {
    name: "server event",
    hint:
      "The other node, which tells its tabs; those on your own hear nothing",
  },
};

/** Wires the page; returns what changes it. */
export function createView(me: string, { send, move }: Actions) {
  const form = find<HTMLFormElement>("#composer");
  const text = find<HTMLInputElement>("[name=text]");
  const to = find<HTMLSelectElement>("[name=to]");
  const log = find("#log");
  const here = find("#here");
  const main = find("main");
  const wire = find(".wire");
  const shown = new Set<string>();

  find("#name").textContent = me;
  find("#move").addEventListener("click", move);
  form.addEventListener("change", choose);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const draft = { way: way(), to: to.value, text: text.value };
    find("#error").textContent = await send(draft) ?? "";
    text.value = "";
  });
  choose();

  function way(): Way {
    const { value } = form.elements.namedItem("way") as RadioNodeList; // in index.html
    return isWay(value) ? value : "room";
  }

  function choose() {
    find("#hint").textContent = WAYS[way()].hint;
    to.hidden = way() !== "dm";
    to.required = way() === "dm";
  }

  function add(item: HTMLElement) {
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    log.append(item);
    if (atEnd) item.scrollIntoView();
  }

  function note(content: string, node = "") {
    const item = document.createElement("li");
    item.className = "note";
    item.dataset.node = node;
    item.textContent = content;
    add(item);
  }

  return {
    /** Connected to a node. */
    arrive(node: string) {
      here.textContent = `node ${node}`;
      main.dataset.node = node;
      document.title = `${me} on ${node}`;
      for (const it of document.querySelectorAll<HTMLElement>(".node")) {
        it.classList.toggle("here", it.dataset.node === node);
      }
      note(`Connected to node ${node}`, node);
    },
    /** Connected to none. */
    leave(reason = "") {
      here.textContent = "no node";
      note(reason ? `Connection lost: ${reason}` : "Connection lost");
    },
    /** A message, each once. */
    show(way: Way, { id, from, node, text }: Message) {
      if (shown.has(id)) return;
      shown.add(id);
      const item = find<HTMLTemplateElement>("#message").content
        .firstElementChild?.cloneNode(true) as HTMLElement; // an <li>
      item.dataset.node = node;
      find(".badge", item).textContent = node;
      find("b", item).textContent = from === me ? "You" : from;
      find(".way", item).textContent = WAYS[way].name;
      const crossed = node !== main.dataset.node;
      find(".route", item).textContent = crossed
        ? `from node ${node}`
        : "from this node";
      find(".text", item).textContent = text;
      add(item);
      know(from);
      if (crossed || from === me) pulse(wire, node);
    },
  };

  /** People who were heard can be written to. */
  function know(name: string) {
    if (name === me || [...to.options].some((it) => it.value === name)) return;
    to.add(new Option(name));
  }
}

/** Lets something travel from a node to the other. */
function pulse(wire: HTMLElement, node: string) {
  delete wire.dataset.node;
  void wire.offsetWidth; // without a layout between, the animation would not start again
  wire.dataset.node = node;
}

function find<T extends HTMLElement = HTMLElement>(
  selector: string,
  within: ParentNode = document,
): T {
  const found = within.querySelector<T>(selector);
  if (!found) throw new Error(`Cannot find ${selector}: not in index.html`);
  return found;
}
