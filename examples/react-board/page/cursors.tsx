// Where the others point.
import { useState } from "react";
import type { Person } from "../api.ts";
import { useClient, useEvent } from "./socket.ts";

type Places = ReadonlyMap<string, { x: number; y: number }>;

export function Cursors({ people }: { people: Person[] }) {
  const client = useClient();
  const [places, setPlaces] = useState<Places>(new Map());
  useEvent("pointed", ({ by, x, y }) => {
    if (by === client.id) return;
    setPlaces((places) => new Map(places).set(by, { x, y }));
  });
  return people.map(({ id, name, hue }) => {
    const place = places.get(id);
    if (!place) return null;
    return (
      <div
        key={id}
        className="cursor"
        style={{
          transform: `translate(${place.x}px, ${place.y}px)`,
          color: `oklch(0.55 0.17 ${hue})`,
        }}
      >
        <svg viewBox="0 0 16 18" aria-hidden="true">
          <path d="M1 1v14l4-3.6 2.4 5.6 2.6-1.1-2.4-5.5H13z" />
        </svg>
        <span>{name}</span>
      </div>
    );
  });
}
