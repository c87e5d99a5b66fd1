// What makes figures comparable: subjects take turns, and ratios are of neighbours in time.

/**
 * Measures subjects in turn, several rounds, and keeps what each gave.
 *
 * @param size `rounds`, and `few` to leave out all peers
 * @returns Values by name; a peer that fails is left out, with the reason in `missing`
 */
export async function interleave(subjects, { rounds, few }, measure) {
  const values = {};
  const missing = {};
  for (let round = 0; round < rounds; round++) {
    for (const [name, subject] of Object.entries(subjects)) {
      if (name in missing) continue;
      if (subject.peer && (few || round >= (subject.rounds ?? 2))) continue;
      try {
        (values[name] ??= []).push(await measure(subject));
      } catch (error) {
        if (!subject.peer) throw error;
        delete values[name];
        missing[name] = String(error.message).split("\n")[0];
      }
    }
  }
  return { values, missing };
}

/** The middle value. */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? sorted[half]
    : (sorted[half - 1] + sorted[half]) / 2;
}

/** The middle of the ratios of the pairs that ran one after the other. */
export function ratioOf(values, controls) {
  return median(
    values.slice(0, controls.length).map((value, at) => value / controls[at]),
  );
}

/**
 * One result from what `interleave` gave.
 *
 * @param what `ours`, `control` and `peer` are names of subjects; targets are the most that a ratio may be, or with
 *   `atLeast` the least
 */
export function result(
  { values, missing },
  { id, name, unit, ours, control, peer, target, peerTarget, atLeast, note },
) {
  const line = { id, name, unit, value: round(median(values[ours])) };
  const holds = [];
  const hold = (ratio, limit) => {
    if (limit === undefined) return;
    holds.push(atLeast ? ratio >= limit : ratio <= limit);
  };
  if (control) {
    line.control = round(median(values[control]));
    line.ratio = round(ratioOf(values[ours], values[control]));
    if (target !== undefined) line.target = target;
    if (atLeast) line.atLeast = true;
    hold(line.ratio, target);
  }
  if (peer && values[peer]) {
    line.peer = peer;
    line.peerRatio = round(median(values[ours]) / median(values[peer]));
    if (peerTarget !== undefined) line.peerTarget = peerTarget;
    hold(line.peerRatio, peerTarget);
  }
  if (holds.length > 0) line.ok = holds.every(Boolean);
  const others = Object.keys(values)
    .filter((other) => other !== ours && other !== control);
  if (others.length > 0) {
    line.others = Object.fromEntries(
      others.map((other) => [other, round(median(values[other]))]),
    );
  }
  if (Object.keys(missing).length > 0) line.missing = missing;
  if (note) line.note = note;
  return line;
}

/** Three digits that mean something. */
export function round(value) {
  return Number(value.toPrecision(3));
}
