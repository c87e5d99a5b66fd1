// The board: a bar, a banner, notes and cursors.
import { type PointerEvent, useRef, useState } from "react";
import { HEIGHT, type Person, WIDTH } from "../api.ts";
import { Cursors } from "./cursors.tsx";
import { NoteCard } from "./note_card.tsx";
import { useClient, useEvent, useStatus } from "./socket.ts";
import { useBoard } from "./use_board.ts";
import { useThrottled } from "./use_throttled.ts";

const HUES = [95, 25, 350, 255, 165];

export function Board({ onLeave }: { onLeave: () => void }) {
  const client = useClient();
  const { notes, problem, put, remove, drag } = useBoard();
  const [people, setPeople] = useState<Person[]>([]);
  const [hue, setHue] = useState(HUES[0] ?? 0);
  const surface = useRef<HTMLDivElement>(null);
  useEvent("people", setPeople);
  const point = useThrottled(client.point, 40);

  /** Where a pointer is, in the board's units. */
  const placeOf = ({ clientX, clientY }: PointerEvent) => {
    const box = surface.current?.getBoundingClientRect();
    if (!box) return { x: 0, y: 0 };
    const scale = WIDTH / box.width;
    return {
      x: within(0, WIDTH, (clientX - box.left) * scale),
      y: within(0, HEIGHT, (clientY - box.top) * scale),
    };
  };

  const add = () => {
    const box = surface.current?.parentElement;
    const scale = WIDTH / (surface.current?.offsetWidth ?? WIDTH);
    const left = (box?.scrollLeft ?? 0) * scale;
    const top = (box?.scrollTop ?? 0) * scale;
    const id = crypto.randomUUID();
    void put({
      id,
      text: "",
      hue,
      x: within(0, WIDTH - 170, left + 40 + Math.random() * 180),
      y: within(0, HEIGHT - 150, top + 60 + Math.random() * 260),
    });
  };

  return (
    <div className="page">
      <header className="bar">
        <strong>super-line board</strong>
        <span className="hues" role="radiogroup" aria-label="Colour">
          {HUES.map((it) => (
            <button
              key={it}
              type="button"
              role="radio"
              aria-checked={it === hue}
              aria-label={`Colour ${it}`}
              className="hue"
              style={{ background: `oklch(0.86 0.13 ${it})` }}
              onClick={() => setHue(it)}
            />
          ))}
        </span>
        <button type="button" className="add" onClick={add}>Add a note</button>
        <ul className="people" aria-label="Here now">
          {people.map(({ id, name, hue }) => (
            <li
              key={id}
              title={name}
              style={{ background: `oklch(0.6 0.15 ${hue})` }}
            >
              {[...name][0]?.toUpperCase()}
              <span className="sr">{name}</span>
            </li>
          ))}
        </ul>
        <button type="button" className="quiet" onClick={onLeave}>Leave</button>
      </header>
      <Banner problem={problem} />
      <div className="scroll">
        <div
          ref={surface}
          className="surface"
          onPointerMove={(event) => point(placeOf(event))}
        >
          {notes.map((note) => (
            <NoteCard
              key={note.id}
              note={note}
              placeOf={placeOf}
              onDrag={drag}
              onPut={put}
              onRemove={remove}
            />
          ))}
          <Cursors people={people} />
        </div>
      </div>
    </div>
  );
}

function Banner({ problem }: { problem: string }) {
  const { state, reason } = useStatus();
  const text = state === "closed"
    ? `You were turned away: ${reason || "no reason given"}`
    : state === "waiting" || state === "connecting"
    ? "Connection lost. Reconnecting, what you write is kept"
    : problem;
  return <p className="banner" role="status">{text}</p>;
}

function within(min: number, max: number, value: number): number {
  return Math.round(Math.min(max, Math.max(min, value)));
}
