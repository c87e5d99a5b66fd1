// The first page: the README's first screen beneath a title and ways to go on.
const hero = `---
layout: home
title: super-line, edge edition
titleTemplate: false
hero:
  name: super-line
  text: One contract, both ends typed
  tagline: Requests, events, rooms and topics over one WebSocket. The same file runs on Bun, Deno, Node and Cloudflare.
  image: { src: /docs/chat.png, alt: Two people and an agent in a chat }
  actions:
    - { theme: brand, text: Get started, link: /getting-started }
    - { theme: alt, text: API reference, link: /api/ }
    - { theme: alt, text: Compared with others, link: /comparison }
features:
  - { title: No code generation, details: "Write one contract in zod or any Standard Schema. Types flow to the server and to every client.", link: /contract }
  - { title: Any host, details: "bun run, deno serve, Node, a Durable Object, or middleware in a Hono app: one behaviour, proven by one suite.", link: /compatibility }
  - { title: From one process to many, details: "Give each a Redis or an Upstash address. Rooms, topics and server events cross nodes; the app stays as it is.", link: /scaling }
  - { title: Trusted with production, details: "Limits, slow readers, drains and outages have defaults, counters and tests that attack them.", link: /production }
---
`;

export function home(readme) {
  const start = readme.indexOf("```bash");
  const end = readme.indexOf("\n## ");
  return `${hero}\n## A whole program\n\n${readme.slice(start, end)}\n`;
}
