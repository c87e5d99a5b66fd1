// One note: dragged by its head, written into below.
import { type PointerEvent, useRef, useState } from "react";
import { type Draft, HEIGHT, type Note, WIDTH } from "../api.ts";
import { useThrottled } from "./use_throttled.ts";

interface Props {
  readonly note: Note;
  readonly placeOf: (event: PointerEvent) => { x: number; y: number };
  readonly onDrag: (id: string, x: number, y: number) => void;
  readonly onPut: (draft: Draft) => void;
  readonly onRemove: (id: string) => void;
}

export function NoteCard({ note, placeOf, onDrag, onPut, onRemove }: Props) {
  const { id, x, y, hue } = note;
  const [text, setText] = useState<string>(); // while it is written here
  const grip = useRef<{ x: number; y: number } | undefined>(undefined);
  const put = (change: Partial<Draft>) => {
    const { at: _, ...draft } = note;
    onPut({ ...draft, ...change });
  };
  const save = useThrottled((text: string) => put({ text }), 400);
  const drag = useThrottled((to: { x: number; y: number }) => {
    if (grip.current) onDrag(id, to.x, to.y); // not after it was put down
  }, 30);

  /** Where the note is to be while its head is held. */
  const heldAt = (event: PointerEvent) => {
    const at = placeOf(event);
    return {
      x: Math.min(WIDTH, Math.max(0, at.x - (grip.current?.x ?? 0))),
      y: Math.min(HEIGHT, Math.max(0, at.y - (grip.current?.y ?? 0))),
    };
  };

  return (
    <article
      className="note"
      style={{
        transform: `translate(${x}px, ${y}px)`,
        background: `oklch(0.9 0.095 ${hue})`,
      }}
    >
      <div
        className="grip"
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          const at = placeOf(event);
          grip.current = { x: at.x - x, y: at.y - y };
        }}
        onPointerMove={(event) => grip.current && drag(heldAt(event))}
        onPointerUp={(event) => {
          put(heldAt(event));
          grip.current = undefined;
        }}
      >
        <span aria-hidden="true">⠿</span>
        <button
          type="button"
          aria-label="Remove this note"
          onPointerDown={(event) => event.stopPropagation()}
          onClick={() => onRemove(id)}
        >
          ×
        </button>
      </div>
      <textarea
        aria-label="Note"
        maxLength={200}
        placeholder="Write here"
        value={text ?? note.text}
        onChange={({ target }) => {
          setText(target.value);
          save(target.value);
        }}
        onBlur={() => {
          if (text !== undefined && text !== note.text) put({ text });
          setText(undefined);
        }}
      />
    </article>
  );
}
