// The notes as this page shows them: at once what is done here, and what others
// do as it comes.
import { useCallback, useEffect, useState } from "react";
import type { Draft, Note } from "../api.ts";
import { useClient, useEvent } from "./socket.ts";

type Notes = ReadonlyMap<string, Note>;

/** The board's notes, and what can be done to them. */
export function useBoard() {
  const client = useClient();
  const [notes, setNotes] = useState<Notes>(new Map());
  const [problem, setProblem] = useState("");

  const load = useCallback(async () => {
    try {
      const all = await client.load(null);
      setNotes(new Map(all.map((note) => [note.id, note])));
    } catch {
      // The connection broke meanwhile: onReconnect loads again.
    }
  }, [client]);

  useEffect(() => {
    void load();
    const offs = [client.onReconnect(load), client.onGap(load)];
    return () => offs.forEach((off) => off());
  }, [client, load]);

  const take = (note: Note) =>
    setNotes((notes) => {
      const known = notes.get(note.id);
      return known && known.at > note.at ? notes : withNote(notes, note);
    });
  useEvent("put", take);
  useEvent("removed", ({ id }) => setNotes((notes) => withoutNote(notes, id)));
  useEvent("dragged", ({ by, id, x, y }) => {
    if (by !== client.id) setNotes((notes) => moved(notes, id, x, y));
  });

  /** Shows a change at once, and takes it back when the server does. */
  async function optimistic<T>(
    change: (notes: Notes) => Notes,
    call: Promise<T>,
  ) {
    setProblem("");
    setNotes(change);
    try {
      return await call;
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
      await load();
    }
  }

  return {
    notes: [...notes.values()],
    problem,
    async put(draft: Draft) {
      const at = notes.get(draft.id)?.at ?? 0; // any answer is newer
      const note = await optimistic(
        (notes) => withNote(notes, { ...draft, at }),
        client.put(draft),
      );
      if (note) take(note);
    },
    remove: (id: string) =>
      optimistic((notes) => withoutNote(notes, id), client.remove({ id })),
    drag(id: string, x: number, y: number) {
      setNotes((notes) => moved(notes, id, x, y));
      client.drag({ id, x, y });
    },
  };
}

function withNote(notes: Notes, note: Note): Notes {
  return new Map(notes).set(note.id, note);
}

function withoutNote(notes: Notes, id: string): Notes {
  const left = new Map(notes);
  left.delete(id);
  return left;
}

function moved(notes: Notes, id: string, x: number, y: number): Notes {
  const note = notes.get(id);
  return note ? withNote(notes, { ...note, x, y }) : notes;
}
