/** What the programs under measure have in common. A target is a file here that exports `serve`. */
import { z } from "zod";

/** The payload of the event that all targets send, about 130 bytes as a frame. */
export interface Payload {
  readonly t: string;
}

/** A server under measure, once it listens. */
export interface Target<Conn> {
  readonly port: number;
  join(conn: Conn, room: string): void;
  leave(conn: Conn, room: string): void;
  /** Sends the payload to a room, validated and encoded. */
  publish(room: string, payload: Payload): void;
  /** Called after the publishes of one turn: hand-batched loops send here. */
  endTurn?(): void;
}

/** Starts a server; `opened` is called with each connection, in order. */
export type Serve = (
  mode: string,
  opened: (conn: never) => void,
) => Promise<Target<never>>;

/** The event's schema. */
export const event = z.object({ t: z.string() });
/** The echo request's input and output. */
export const input = z.object({ n: z.number(), text: z.string() });
export const output = z.object({ answer: z.string() });

/** What a program without the library does for a message: parse and stringify as the library does. */
export function frame(payload: Payload): string {
  return JSON.stringify(["evt", "m", event.parse(payload)]);
}

/** What a program without the library does for a request. */
export function echo(text: string): string {
  const [, id, , given] = JSON.parse(text) as [string, number, string, unknown];
  const answer = output.parse({ answer: input.parse(given).text });
  return JSON.stringify(["res", id, answer]);
}

export const PROTOCOL = "superline.v1";
