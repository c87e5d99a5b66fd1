/**
 * Commands as they stand in a request.
 *
 * @module
 */
import type { Command } from "./resp.ts";

/** A request that cannot be read. The message is the answer's. */
export class BadRequestError extends Error {
  override readonly name = "BadRequestError";
}

/** Reads one command from a body. */
export function readCommand(body: string): Command {
  return toCommand(parse(body), "the body");
}

/** Reads the commands of a pipeline or a transaction. */
export function readCommands(body: string): Command[] {
  const list = parse(body);
  if (!Array.isArray(list) || list.length === 0) {
    throw new BadRequestError(
      'ERR failed to parse pipeline request: must be an array of commands, [["SET","a","1"],…]',
    );
  }
  return list.map((it, at) => toCommand(it, `command ${at}`));
}

/** Reads a command from the path: `/set/key` with the body as the last argument, then the query's parameters. */
export function readPath(url: URL, body: Uint8Array): Command {
  const command: (string | Uint8Array)[] = url.pathname.split("/").slice(1)
    .map((part) => {
      try {
        return decodeURIComponent(part);
      } catch {
        throw new BadRequestError("ERR the path is not percent-encoded right");
      }
    });
  if (command[0] === "") {
    throw new BadRequestError(
      'ERR no command: POST a JSON array such as ["GET","a"] to /, or put it into the path, /get/a',
    );
  }
  if (body.length > 0) command.push(body);
  for (const [name, value] of url.searchParams) {
    if (name === "_token") continue;
    command.push(name);
    if (value !== "") command.push(value);
  }
  return command;
}

function parse(body: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new BadRequestError("ERR failed to parse the body: it is no JSON");
  }
  // A float would change some: 1700000000000 must not become 1.7e+12, nor 1.0 become 1.
  return hasNumber(value) ? JSON.parse(quoteNumbers(body)) : value;
}

function hasNumber(value: unknown): boolean {
  return Array.isArray(value)
    ? value.some(hasNumber)
    : typeof value === "number";
}

/** Makes the numbers of a JSON text strings. */
function quoteNumbers(json: string): string {
  let quoted = "";
  for (let at = 0; at < json.length;) {
    let end = at + 1;
    if (json[at] === '"') {
      for (end = at; end === at || isEscaped(json, end);) {
        end = json.indexOf('"', end + 1);
      }
      quoted += json.slice(at, ++end);
    } else if (/[-\d]/.test(json[at] ?? "")) {
      while (/[\d.eE+-]/.test(json[end] ?? "")) end++;
      quoted += `"${json.slice(at, end)}"`;
    } else quoted += json[at];
    at = end;
  }
  return quoted;
}

/** Whether a character has an odd number of backslashes before it. */
function isEscaped(json: string, at: number): boolean {
  let start = at;
  while (json[start - 1] === "\\") start--;
  return (at - start) % 2 === 1;
}

function toCommand(value: unknown, what: string): Command {
  if (!Array.isArray(value) || value.length === 0) {
    throw new BadRequestError(
      `ERR failed to parse ${what}: must be an array that starts with a command's name`,
    );
  }
  return value.map((arg) => {
    if (typeof arg === "string") return arg;
    if (typeof arg === "boolean") return String(arg);
    throw new BadRequestError(
      `ERR failed to parse ${what}: an argument is ${
        JSON.stringify(arg)
      }, must be a string, a number or a boolean`,
    );
  });
}
