export interface Block {
  readonly language: string;
  readonly ignored: boolean;
  readonly hidden: boolean;
  readonly code: string;
  readonly line: number;
  readonly file: string | undefined;
}

export interface DocPage {
  readonly path: string;
  readonly isProgram: boolean;
  readonly blocks: Block[];
}

export function pages(): DocPage[];
export function programOf(page: DocPage): string;
export function runnerOf(
  page: DocPage,
  block: Block,
): "deno" | "program" | "files" | undefined;
