/**
 * Retries writes whose outcome is unknown: adds only the entries that are missing.
 *
 * @module
 */
import { isId, STREAM_LENGTH, toFields } from "../shared/streams.ts";
import { type Calls, shapeless, type Written } from "./calls.ts";
import { UpstashFailure } from "./failure.ts";

/** An entry and its stream. */
export interface Add {
  readonly key: string;
  readonly channel: string;
  readonly payload: string;
  readonly seq: number;
}

/** How many entries one command reads, and how many such reads to make for a stream: all entries that it keeps. */
const PAGE = 200;
const PAGES = STREAM_LENGTH / PAGE;

/**
 * The numbers of one writer's entries in a stream increase, so its last entry shows what is stored. Pages overlap by
 * one entry. Billed: 1, plus 1 to 10 reads for each stream, plus 1 for each added entry.
 */
const ADD_ABSENT = `local writer, max = ARGV[1], ARGV[2]
local function last(key)
  local to = '+'
  for _ = 1, ${PAGES} do
    local page = redis.pcall('XREVRANGE', key, to, '-', 'COUNT', ${PAGE})
    if page.err then return 0 end
    for _, entry in ipairs(page) do
      local fields = entry[2]
      for at = 1, #fields, 2 do
        if fields[at] == 'i' and string.sub(fields[at + 1], 1, #writer) == writer then
          return tonumber(string.sub(fields[at + 1], #writer + 1)) or 0
        end
      end
    end
    if #page < ${PAGE} then return 0 end
    to = page[#page][1]
  end
  return 0
end
local there, written = {}, {}
for at, key in ipairs(KEYS) do there[at] = last(key) end
for at = 3, #ARGV, 4 do
  local stream, seq = tonumber(ARGV[at]), ARGV[at + 1]
  local id = ''
  if tonumber(seq) > there[stream] then
    id = redis.pcall('XADD', KEYS[stream], 'MAXLEN', '~', max, '*', 'c', ARGV[at + 2], 'd', ARGV[at + 3], 'i', writer .. seq)
    if type(id) == 'table' then id = 'error ' .. id.err end
  end
  written[#written + 1] = id
end
return written`;

/** Adds the missing entries in order, in one request. The ids of entries that were already stored are not returned. */
export async function addAbsent(
  calls: Calls,
  adds: readonly Add[],
  { instance, streamLength }: { instance: string; streamLength: number },
): Promise<Written[]> {
  const keys = [...new Set(adds.map(({ key }) => key))];
  const writer = `i${instance}.`;
  const args = adds.flatMap((it) => {
    const { c, d } = toFields({ ...it, instance });
    return [`${keys.indexOf(it.key) + 1}`, `${it.seq}`, c, d];
  });
  const reply = await calls.evaluate(ADD_ABSENT, keys, [
    ...[writer, `${streamLength}`],
    ...args,
  ]);
  if (!Array.isArray(reply) || reply.length !== adds.length) {
    throw shapeless("EVAL");
  }
  return reply.map((it): Written => {
    if (it === "") return undefined;
    if (isId(it)) return it;
    if (typeof it !== "string" || !it.startsWith("error ")) {
      throw shapeless("EVAL");
    }
    return UpstashFailure.ofText(it.slice("error ".length));
  });
}
