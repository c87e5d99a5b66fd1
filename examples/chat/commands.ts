// What the agent knows: a line that begins with a slash, and what to answer.

const HELP = [
  "Here is what I can do:",
  "/time — what time it is",
  "/roll 2d6 — roll dice, up to 20 with up to 1000 sides",
  "/help — this list",
].join("\n");

/** Answers one command. */
export function answerTo(
  line: string,
  now: Date = new Date(),
  random: () => number = Math.random,
): string {
  const [, command = "", rest = ""] = line.match(/^\/(\S*)\s*(.*)$/s) ?? [];
  switch (command.toLowerCase()) {
    case "time":
      return time(now);
    case "roll":
      return roll(rest.trim() || "1d6", random);
    case "help":
      return HELP;
    default:
      return `I do not know /${command}. Try /help.`;
  }
}

function time(now: Date): string {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const clock = now.toLocaleTimeString("en-GB", { timeStyle: "medium" });
  const day = now.toLocaleDateString("en-GB", { dateStyle: "full" });
  return `It is ${clock} (${zone}) on ${day}.`;
}

function roll(dice: string, random: () => number): string {
  const [, count = "1", sides = ""] = dice.match(/^(\d{0,2})d(\d{1,4})$/i) ??
    [];
  const [n, max] = [Number(count || "1"), Number(sides)];
  if (n < 1 || n > 20 || max < 2 || max > 1_000) {
    return "Roll like this: /roll 2d6. I hold up to 20 dice of 2 to 1000 sides.";
  }
  const rolls = Array.from({ length: n }, () => 1 + Math.floor(random() * max));
  const sum = rolls.reduce((a, b) => a + b);
  return n === 1
    ? `You rolled ${sum}`
    : `You rolled ${rolls.join(" + ")} = ${sum}`;
}
