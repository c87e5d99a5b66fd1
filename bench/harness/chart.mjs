// Draws bench/results/chart.svg from a run: `node bench/harness/chart.mjs bench/results/<date>.json`.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";

const ours = "#2563eb";
const other = "#9ca3af";
const width = 760;
const barHeight = 20;

/** Bars in groups, a heading each; every group has its own scale. */
export function draw(groups, caption) {
  let y = 30;
  const parts = [];
  for (const { title, bars } of groups) {
    const most = Math.max(...bars.map(({ value }) => value));
    parts.push(text(16, y, title, "bold"));
    y += 12;
    for (const { name, value } of bars) {
      const length = Math.max(2, Math.round(value / most * 400));
      const fill = name.startsWith("super-line") ? ours : other;
      parts.push(
        `<rect x="250" y="${y}" width="${length}" height="${
          barHeight - 6
        }" rx="2" fill="${fill}"/>`,
        text(242, y + 12, name, "normal", "end"),
        text(258 + length, y + 12, String(value)),
      );
      y += barHeight;
    }
    y += 26;
  }
  parts.push(text(16, y, caption));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${
      y + 16
    }" font-family="system-ui, sans-serif" font-size="13" fill="#6b7280">`,
    ...parts,
    "</svg>\n",
  ].join("\n");
}

function text(x, y, words, weight = "normal", anchor = "start") {
  const safe = words.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text x="${x}" y="${y}" font-weight="${weight}" text-anchor="${anchor}">${safe}</text>`;
}

/** What the README shows of a run: fan-out and memory. */
export function chartOf({ date, runtimes, machine, results }) {
  const find = (name) => results.find((it) => it.name === name);
  const fanOut = (runtime, controls) => {
    const it = find(`fanout-${runtime}-10-a-turn`);
    if (!it) return [];
    const bars = [{ name: "super-line", value: it.value }];
    for (const [name, value] of Object.entries(controls(it))) {
      if (value !== undefined) bars.push({ name, value });
    }
    return [{
      title:
        `Fan-out on ${runtime}: µs of server CPU a delivery, 500 members, ten messages a turn`,
      bars,
    }];
  };
  const idle = (runtime) => {
    const it = find(`idle-${runtime}-in-a-room-each`);
    if (!it) return [];
    const peer = it.others?.[`socket.io-${runtime}`];
    return [{
      title: `Idle connections on ${runtime}: kB each`,
      bars: [
        { name: "super-line, a room each", value: it.value },
        { name: "bare server, no room", value: it.control },
        ...(peer === undefined ? [] : [{ name: "Socket.IO", value: peer }]),
      ],
    }];
  };
  const groups = [
    ...fanOut("bun", (it) => ({
      "native publish": it.control,
      "loop of send": it.others?.plain,
      "Socket.IO": it.others?.["socket.io-bun"],
    })),
    ...fanOut("deno", (it) => ({
      "batched by hand": it.control,
      "loop of send": it.others?.plain,
    })),
    ...fanOut("node", (it) => ({
      "batched by hand": it.control,
      "loop of send": it.others?.plain,
      "Socket.IO": it.others?.["socket.io-node"],
    })),
    ...idle("bun"),
    ...idle("node"),
  ];
  const caption =
    `${date}, ${machine.cores} shared cores, Bun ${runtimes.bun}, Deno ${runtimes.deno}, Node ${runtimes.node}. Less is better.`;
  return draw(groups, caption);
}

if (process.argv[1]?.endsWith("chart.mjs")) {
  const file = process.argv[2];
  const run = JSON.parse(readFileSync(file, "utf8"));
  writeFileSync(join(dirname(file), "chart.svg"), chartOf(run));
}
