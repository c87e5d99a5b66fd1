export interface Block {
  readonly language: string;
  readonly ignored: boolean;
  readonly hidden: "run" | "then" | undefined;
  readonly code: string;
  readonly line: number;
  readonly file: string | undefined;
}

export interface DocPage {
  readonly path: string;
  readonly isProgram: boolean;
  readonly blocks: Block[];
}

export interface DocProgram {
  readonly name: string;
  readonly code: string;
}

export function pages(): DocPage[];
export function programsOf(page: DocPage): DocProgram[];
export function runnerOf(
  page: DocPage,
  block: Block,
): "deno" | "program" | "files" | undefined;
