// The door: a name, and why it was refused.
import { find } from "./dom.ts";

/** Wires the form; returns what shows and hides it. */
export function createLogin(enter: (name: string) => void) {
  const page = find("#login");
  const form = find<HTMLFormElement>("#login form");
  const input = find<HTMLInputElement>("#name");
  const button = find<HTMLButtonElement>("#login button");
  const error = find("#login-error");
  input.value = localStorage.getItem("name") ?? "";

  const submit = (name: string) => {
    button.disabled = true;
    button.textContent = "Joining…";
    error.textContent = "";
    enter(name);
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const name = input.value.trim();
    if (name) submit(name);
  });

  return {
    /** Opens the door, with a reason why one stands in front of it again. */
    show(why = "") {
      page.hidden = false;
      find("#chat").hidden = true;
      button.disabled = false;
      button.textContent = "Join the chat";
      error.textContent = why;
      sessionStorage.removeItem("name");
      input.focus();
    },
    say(why: string) {
      error.textContent = why;
    },
    hide(name: string) {
      if (page.hidden) return;
      page.hidden = true;
      find("#chat").hidden = false;
      localStorage.setItem("name", name);
      sessionStorage.setItem("name", name);
      // On a phone this would cover half of what one came to see.
      if (matchMedia("(hover: hover)").matches) find("#text").focus();
    },
    /** A reload stays in. */
    resume() {
      const name = sessionStorage.getItem("name");
      if (name) submit(input.value = name);
    },
  };
}
