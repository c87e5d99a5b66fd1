export function withReadmeProgram<T>(
  use: (folder: string) => T | Promise<T>,
): Promise<T>;
