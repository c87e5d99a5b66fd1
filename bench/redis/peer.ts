/** The other process: answers what starts with `?`, and every thousandth text. */
import process from "node:process";
import { type Way, ways } from "./ways.ts";

const [name = "", url = ""] = process.argv.slice(2);
let count = 0;
const way: Way = await ways[name]!(url, "back", (text) => {
  if (text.startsWith("?")) way.send(text);
  else if (++count % 1_000 === 0) way.send(`${count}`);
});
console.log("ready");
process.stdin.on("data", () => {});
process.stdin.on("end", () => way.end());
