// Finds the programs that tests drive and npm does not carry, and installs them
// where the system's package manager may be used.
import { existsSync } from "node:fs";
import process from "node:process";
import { run, which } from "./run.mjs";

const programs = [
  {
    name: "Chromium",
    variable: "CHROMIUM_PATH",
    commands: [
      "chromium",
      "chromium-browser",
      "google-chrome",
      "google-chrome-stable",
    ],
    files: [
      "/Applications/Chromium.app/Contents/MacOS/Chromium",
      "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    ],
    apt: ["chromium", "fonts-liberation", "fonts-noto-color-emoji"],
    brew: "brew install --cask chromium",
  },
  {
    name: "Redis",
    variable: "REDIS_SERVER_PATH",
    commands: ["redis-server"],
    files: [],
    apt: ["redis-server"],
    brew: "brew install redis",
  },
  {
    name: "nginx",
    variable: "NGINX_PATH",
    commands: ["nginx"],
    files: ["/usr/sbin/nginx"],
    apt: ["nginx-light"],
    brew: "brew install nginx",
  },
  {
    name: "Caddy",
    variable: "CADDY_PATH",
    commands: ["caddy"],
    files: [],
    apt: ["caddy"],
    brew: "brew install caddy",
  },
];

/** Sets CHROMIUM_PATH and REDIS_SERVER_PATH, for the tests, to what is there. */
export async function ensureSystemPrograms() {
  let missing = programs.filter((program) => !find(program));
  if (missing.length > 0) {
    await install(missing);
    missing = missing.filter((program) => !find(program));
  }
  if (missing.length > 0) throw new Error(byHand(missing));
  for (const program of programs) process.env[program.variable] = find(program);
}

function find({ variable, commands, files }) {
  const given = process.env[variable];
  if (given) return existsSync(given) ? given : undefined;
  return which(...commands) ?? files.find((file) => existsSync(file));
}

async function install(missing) {
  const apt = which("apt-get");
  if (!apt) return;
  const isRoot = process.getuid?.() === 0;
  const sudo = isRoot ? undefined : which("sudo");
  if (!isRoot && !(sudo && (await run(sudo, ["-n", "true"])).ok)) return;

  console.log(`installing ${names(missing)} with apt-get`);
  const packages = missing.flatMap((program) => program.apt);
  const wait = ["-o", "DPkg::Lock::Timeout=300"];
  for (
    const args of [
      ["update"],
      ["install", "-y", "--no-install-recommends", ...packages],
    ]
  ) {
    const command = [
      ...(sudo ? [sudo, "-n"] : []),
      ...["env", "DEBIAN_FRONTEND=noninteractive", apt, ...wait, ...args],
    ];
    const { ok, output } = await run(command[0], command.slice(1), {
      timeoutMs: 600_000,
    });
    if (!ok) return console.error(output);
  }
}

function byHand(missing) {
  const how = process.platform === "darwin"
    ? missing.map((program) => program.brew).join(" && ")
    : which("apt-get")
    ? `sudo apt-get install ${missing.flatMap((it) => it.apt).join(" ")}`
    : "your system's package manager";
  const where = missing.map((program) => program.variable).join(", ");
  return `Cannot run the tests: ${names(missing)} not found.
Install with: ${how}
or say where it is: ${where}`;
}

const names = (list) => list.map((program) => program.name).join(", ");
