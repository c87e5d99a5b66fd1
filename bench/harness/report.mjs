// How results look: a line each for people, and a table for bench/README.md.

/** One result as a line of text. */
export function lineOf(result) {
  const { id, name, value, unit, control, ratio, peer, peerRatio, ok } = result;
  const parts = [`${String(id).padStart(2)} ${name}: ${value} ${unit}`];
  if (control !== undefined) {
    parts.push(`control ${control}, ratio ${ratio}${limitOf(result)}`);
  }
  if (result.limit !== undefined) parts.push(`at most ${result.limit}`);
  if (peerRatio !== undefined) {
    const limit = result.peerTarget === undefined
      ? ""
      : ` (target ${Number(result.peerTarget.toPrecision(3))})`;
    parts.push(`${peerRatio} of ${peer}${limit}`);
  }
  if (result.note) parts.push(result.note);
  if (ok !== undefined) parts.push(ok ? "ok" : "MISSED");
  for (const [other, why] of Object.entries(result.missing ?? {})) {
    parts.push(`missing ${other}: ${why}`);
  }
  return parts.join(" · ");
}

function limitOf({ target, atLeast }) {
  if (target === undefined) return "";
  return ` (target ${atLeast ? "≥" : "≤"} ${target})`;
}

/** All results as a table in Markdown. */
export function tableOf(results) {
  const rows = results.map((it) => [
    it.id,
    it.name,
    it.value,
    it.control ?? "",
    it.ratio ?? "",
    it.target ?? (it.limit === undefined ? "" : `value ${it.limit}`),
    it.peerRatio === undefined ? "" : `${it.peerRatio} of ${it.peer}`,
    it.ok === undefined ? "" : it.ok ? "yes" : "**no**",
  ]);
  const head = [
    ...[
      "#",
      "name",
      "ours",
      "control",
      "ratio",
      "target",
      "to the peer",
      "met",
    ],
  ];
  return [head, head.map(() => "---"), ...rows]
    .map((row) => `| ${row.join(" | ")} |`).join("\n");
}
