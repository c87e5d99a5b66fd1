// A name, then the board.
import { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import { createClient } from "@super-line/edge/client";
import { api } from "../api.ts";
import { Board } from "./board.tsx";
import { Provider } from "./socket.ts";

function App() {
  const [name, setName] = useState(() => localStorage.getItem("name") ?? "");
  if (!name) {
    return (
      <Login
        onName={(name) => {
          localStorage.setItem("name", name);
          setName(name);
        }}
      />
    );
  }
  const leave = () => {
    localStorage.removeItem("name");
    setName("");
  };
  return (
    <Provider
      client={() =>
        createClient(api, {
          url: "/realtime",
          role: "user",
          params: { name },
          reconnectMaxMs: 4_000,
          lazy: true,
        })}
    >
      <Board onLeave={leave} />
    </Provider>
  );
}

function Login({ onName }: { onName: (name: string) => void }) {
  const submit = (data: FormData) => {
    const name = String(data.get("name")).trim();
    if (name) onName(name);
  };
  return (
    <main className="login">
      <form action={submit}>
        <h1>super-line board</h1>
        <p>Sticky notes for everybody who is here. Nothing is kept for long.</p>
        <label htmlFor="name">Your name</label>
        <input id="name" name="name" required maxLength={20} autoFocus />
        <button type="submit">Come in</button>
      </form>
    </main>
  );
}

const root = document.getElementById("app");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
