// The few things that a page of this size needs of a view library. Text goes
// in as text, always: nothing here takes HTML.

/** Finds the one element that a selector of the page's own names. */
export function find<T extends HTMLElement = HTMLElement>(selector: string): T {
  const found = document.querySelector<T>(selector);
  if (!found) throw new Error(`Cannot find ${selector}: not in index.html`);
  return found;
}

/** Makes an element with a class and children; strings become text. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = "",
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

/** How a list is shown. */
export interface ListView<T> {
  /** What tells one item from all others. */
  key(item: T): string;
  create(item: T): HTMLElement;
  /** Called at every change, for each item with the one before it. */
  update?(element: HTMLElement, item: T, before: T | undefined): void;
}

/** Makes `parent` show `items`. Elements that stay are kept, and so is focus. */
export function showList<T>(
  parent: HTMLElement,
  items: readonly T[],
  { key, create, update }: ListView<T>,
) {
  const wanted = new Set(items.map(key));
  const there = new Map<string, HTMLElement>();
  for (const child of [...parent.children] as HTMLElement[]) {
    const { key = "" } = child.dataset;
    if (wanted.has(key)) there.set(key, child);
    else child.remove();
  }
  let next = parent.firstElementChild;
  items.forEach((item, index) => {
    let element = there.get(key(item));
    if (!element) {
      element = create(item);
      element.dataset.key = key(item);
    }
    update?.(element, item, items[index - 1]);
    if (element === next) next = next.nextElementSibling;
    else parent.insertBefore(element, next);
  });
}
