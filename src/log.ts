import { pino, type Logger } from 'pino';
import { PinoPretty } from 'pino-pretty';
import type { LogLevel } from './config.js';
import { printableJson } from './printable.js';

/** A log on standard error: JSON lines, or for people where that is a terminal. Synchronous, so nothing is lost at the end. */
export function createLog(level: LogLevel, name: string): Logger {
  const options = { level, base: { name }, timestamp: pino.stdTimeFunctions.isoTime };
  if (!process.stderr.isTTY) return pino(options, pino.destination({ dest: 2, sync: true }));
  const pretty = PinoPretty({ destination: 2, sync: true, ignore: 'name,pid,hostname', translateTime: 'SYS:HH:MM:ss' });
  return pino(options, {
    write: (line) => {
      pretty.write(printableJson(line));
    },
  });
}
