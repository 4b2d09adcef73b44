import { pino, type Logger } from 'pino';

/** A log that nobody reads. */
export const silent = pino({ level: 'silent' });

/** A log of which the test reads the lines: level and message. */
export function recording(): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  const formatters = { level: (label: string) => ({ level: label }) };
  const write = (line: string) => {
    const { level, msg } = JSON.parse(line) as { level: string; msg: string };
    lines.push(`${level} ${msg}`);
  };
  return { log: pino({ formatters }, { write }), lines };
}
