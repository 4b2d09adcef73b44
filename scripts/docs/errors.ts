import type { Fault, FailureClass } from '../../src/failures/fault.js';
import { FAULTS } from '../../src/failures/faults.js';

/** What dbw does about each class. */
const CLASSES: Readonly<Record<FailureClass, { about: string; does: string; remedy: string }>> = {
  transient: {
    about: 'of the moment',
    does: 'tries again for ever, at growing intervals of at most 30 s; consumption waits',
    remedy: 'Nothing: it goes on by itself when the server does.',
  },
  dependency: {
    about: 'a row is not there yet',
    does: 'parks the event until that row comes',
    remedy: 'Nothing; what waits in vain becomes a dead letter.',
  },
  data: {
    about: 'the event cannot be stored, now or later',
    does: 'writes the others of the batch, and this one to the dead letters at once',
    remedy: 'Correct the service that sent it.',
  },
  bug: {
    about: 'a fault of dbw itself',
    does: 'writes the others of the batch, and this one to the dead letters at once, loudly',
    remedy: 'Report it; replay the letter with a version that is corrected.',
  },
  systemic: {
    about: 'the same for every event',
    does: 'stops consuming, says so, and tries again every 30 s; no event becomes a dead letter',
    remedy: 'What the table says.',
  },
  unknown: {
    about: 'all that no row below matches',
    does: 'where others of the batch can be written, tries this one `MAX_RETRY_ATTEMPTS` times alone and then writes it to the dead letters; else as systemic',
    remedy: 'Read the log; it names the code.',
  },
};

function codesOf({ of, match, table }: Fault): string {
  const all = match.map((one) => {
    if (of !== 'SQLSTATE') return `\`${one.trim()}\``;
    return one === '' ? 'any other' : `\`${one}${one.length < 5 ? '*' : ''}\``;
  });
  if (table === undefined) return all.join(', ');
  return `${all.join(', ')} ${table === 'of events' ? 'in a table of events' : 'in schema dbw'}`;
}

/** What differs from what dbw does for the class. */
function extraOf({ halve, reconnect }: Fault): string {
  const extra = [halve ? 'halves the batch' : '', reconnect ? 'connects anew' : ''].filter((word) => word !== '');
  return extra.length === 0 ? '' : `; ${extra.join(', ')}`;
}

/** A star stands for the setting that turns TLS on, in the message for one server. */
function remedyOf({ remedy, class: kind }: Fault): string {
  const text = remedy ?? CLASSES[kind].remedy;
  return text.replace(/\*(_[A-Z_]+)/g, '`…$1`');
}

/** docs/errors.md: the table of errors, and what happens for each class. */
export function errorsDocument(): string {
  const classes = Object.entries(CLASSES).map(
    ([name, { about, does, remedy }]) => `| ${name} | ${about} | ${does} | ${remedy} |`,
  );
  const rows = FAULTS.map(
    (fault) => `| ${codesOf(fault)} | ${fault.reason} | ${fault.class}${extraOf(fault)} | ${remedyOf(fault)} |`,
  );
  return `# Errors

Written by \`npm run docs\` from src/failures/ and src/postgres/faults.ts. An error of a server or of the way to it says something about the
moment, about one event, or about everything; the class decides what dbw does ([how](architecture.md#when-a-write-fails)). [What happens when …](faults.md) begins with what you see.

| class | what it says | what dbw does | what you do |
|---|---|---|---|
${classes.join('\n')}

SQLSTATEs are PostgreSQL's; a star stands for any ending, and the longest that fits decides. The other codes are those of sockets and
libraries, by code, name or message. Errors that others wrap are seen through.

| what | why | class | what you do |
|---|---|---|---|
${rows.join('\n')}
`;
}
