// Makes no request but to itself: no fonts, no counters, search in the browser.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vitepress";
import { root } from "../../scripts/run.mjs";

const read = (path) => JSON.parse(readFileSync(join(root, path), "utf8"));
const { version, exports } = read("deno.json");

/** The rows of docs/README.md: what one wants to do, and the page. */
const guide = readFileSync(join(root, "docs/README.md"), "utf8")
  .split("\n")
  .map((line) => line.match(/^\| .*\| \[([^\]]+)\]\(([\w-]+)\.md\)/))
  .filter((row) => row !== null)
  .map(([, text, page]) => ({ text: capital(text), link: `/${page}` }));

const reference = Object.keys(exports).map((entry) => ({
  text: entry === "." ? "@super-line/edge" : entry.slice(1),
  link: `/api/${entry === "." ? "edge" : entry.slice(2)}`,
}));

const more = [
  { text: "Protocol", link: "/protocol" },
  { text: "Architecture", link: "/architecture" },
  { text: "Security", link: "/security" },
  { text: "Figures", link: "/bench" },
  { text: "Decisions", link: "/decisions/" },
  { text: "Changelog", link: "/changelog" },
];

export default defineConfig({
  title: "super-line",
  description: "Typed real-time messaging for Bun, Deno, Node and Cloudflare",
  lang: "en",
  srcDir: "pages",
  outDir: "dist",
  cleanUrls: true,
  ignoreDeadLinks: [/^https?:\/\/localhost/],
  head: [["link", { rel: "icon", href: "data:," }]],
  themeConfig: {
    search: { provider: "local" },
    outline: { level: [2, 3] },
    nav: [
      { text: "Guide", link: "/getting-started" },
      { text: "Reference", link: "/api/edge" },
      { text: "Examples", link: "/source/examples/ideas/" },
      { text: `v${version}`, link: "/changelog" },
    ],
    sidebar: {
      "/api/": [{ text: "Entries", items: reference }],
      "/": [
        { text: "Guide", items: guide },
        { text: "More", items: more },
        { text: "Reference", collapsed: true, items: reference },
      ],
    },
  },
});

function capital(text) {
  return text[0].toUpperCase() + text.slice(1);
}
