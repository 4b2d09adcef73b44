import { readFileSync } from 'node:fs';

/** A block of a document between two lines of ```. */
export interface Block {
  /** What stands behind the opening ```: `sh`, `ts`, or nothing. */
  readonly language: string;
  readonly text: string;
  /** The paragraph before it, in one line. */
  readonly before: string;
  /** The heading that it stands under. */
  readonly section: string;
}

/** Every block of a document, in its order. */
export function blocksOf(file: string): Block[] {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map((found) => {
    const [, language = '', block = ''] = found;
    const above = text.slice(0, found.index);
    const before = above.trimEnd().split('\n\n').at(-1) ?? '';
    const section = [...above.matchAll(/^#+ (.*)$/gm)].at(-1)?.[1] ?? '';
    return { language, text: block, before: before.replaceAll('\n', ' '), section };
  });
}

/** The lines of a block for a shell, without comments; one that ends in `\` goes on in the next. */
export function linesOf({ text }: Block): string[] {
  return text
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .map((line) => line.replace(/(^|\s{2,})#.*$/, '').trim())
    .filter((line) => line !== '');
}
