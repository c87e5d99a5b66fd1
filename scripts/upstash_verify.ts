// `bun run upstash:verify`: asks a real database what docs/upstash.md knows from
// the documentation only. It uses keys of its own, which it removes, and costs
// about 150 commands.
import process from "node:process";
import { parseArgs } from "node:util";
import { verify } from "./upstash_checks.ts";

const HELP =
  `Checks a real Upstash database against what docs/upstash.md knows from the documentation only.

Usage: bun run upstash:verify [options]

  --url URL              the REST URL          (UPSTASH_REDIS_REST_URL)
  --token TEXT           the REST token        (UPSTASH_REDIS_REST_TOKEN)
  --read-only-token TEXT the read-only token, to see what it may
  --wait SECONDS         how long an event stream is watched (20)
  --help                 this text

It writes to keys that start with super-line-verify, and removes them: about 150 commands and, for the limit on
replies, 60 MB to and fro. Status 0: all is as the page says. Status 1: something is not, which is a finding.
`;

let values;
try {
  ({ values } = parseArgs({
    options: {
      "url": { type: "string" },
      "token": { type: "string" },
      "read-only-token": { type: "string" },
      "wait": { type: "string", default: "20" },
      "help": { type: "boolean", default: false },
    },
  }));
} catch (error) {
  console.error(`bun run upstash:verify: ${(error as Error).message}`); // parseArgs throws TypeErrors
  process.exit(1);
}
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const url = values.url ?? process.env["UPSTASH_REDIS_REST_URL"];
const token = values.token ?? process.env["UPSTASH_REDIS_REST_TOKEN"];
if (!url || !token || !URL.canParse(url)) {
  console.error(
    "bun run upstash:verify: it needs the URL and the token of a database, --help shows how",
  );
  process.exit(1);
}
const checks = verify({
  url: url.replace(/\/+$/, ""),
  token,
  readOnlyToken: values["read-only-token"],
  waitMs: Number(values.wait) * 1_000,
});
let surprises = 0;
for await (const { point, name, found, verdict } of checks) {
  const mark = { expected: "✓", surprise: "✗", open: "·" }[verdict];
  console.log(`${mark} ${point} ${name}: ${found}`);
  if (verdict === "surprise") surprises++;
}
console.log(
  surprises === 0
    ? "upstash: all that could be checked is as docs/upstash.md says"
    : `upstash: ${surprises} things are not as docs/upstash.md says`,
);
process.exitCode = surprises === 0 ? 0 : 1;
