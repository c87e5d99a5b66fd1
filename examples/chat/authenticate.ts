// Who may come in: people under a name, agents with a token.
import { createHash, timingSafeEqual } from "node:crypto";
import { type HandshakeInfo, SocketError } from "@super-line/edge";

const AGENT_NAME = "Robo";

/** Makes the server's `authenticate`. */
export function authenticateWith(agentToken: string) {
  return (request: Request, { token }: HandshakeInfo) => {
    const params = new URL(request.url).searchParams;
    const ctx = { rooms: new Set<string>() };
    if (params.get("role") === "agent") {
      if (!same(token ?? "", agentToken)) {
        throw new SocketError("UNAUTHORIZED", "The agent's token is wrong");
      }
      return { role: "agent" as const, ctx, data: { name: AGENT_NAME } };
    }
    const name = personName(params.get("name") ?? "");
    return { role: "user" as const, ctx, data: { name } };
  };
}

/** Takes a name as it was typed, and gives it back tidied up. */
function personName(typed: string): string {
  // Control and format characters would let two names look the same.
  const name = typed.normalize("NFC").replace(/[\p{C}\s]+/gu, " ").trim();
  const length = [...name].length;
  if (length < 1 || length > 24) {
    throw new SocketError("FORBIDDEN", "A name has 1 to 24 characters");
  }
  if (name.toLowerCase() === AGENT_NAME.toLowerCase()) {
    throw new SocketError("FORBIDDEN", `${AGENT_NAME} is the agent's name`);
  }
  return name;
}

/** Compares in a time that tells nothing of how far the two agree. */
function same(a: string, b: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
