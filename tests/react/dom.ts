// Preloaded: a document for React, and nothing else of happy-dom's. Sockets, requests and timers stay the runtime's own.
import { Window } from "happy-dom";

const window = new Window({ url: "http://app.test/" });
const names = Object.getOwnPropertyNames(window).filter((name) =>
  /^(HTML|SVG)\w*Element$|^(Node|Element|Document|Text|Comment|MutationObserver|DocumentFragment|ShadowRoot|getComputedStyle)$/
    .test(name)
);
for (const name of [...names, "document", "window", "navigator"]) {
  Object.defineProperty(globalThis, name, {
    configurable: true,
    writable: true,
    value: window[name as keyof typeof window],
  });
}
Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
