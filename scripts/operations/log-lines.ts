/** The messages in a log of JSON lines. */
export function messagesOf(log: string): string[] {
  return log.split('\n').flatMap((line) => {
    if (!line.startsWith('{')) return [];
    try {
      const parsed: unknown = JSON.parse(line);
      const message: unknown = typeof parsed === 'object' && parsed !== null && Reflect.get(parsed, 'msg');
      return typeof message === 'string' ? [message] : [];
    } catch {
      return []; // a line that is still being written
    }
  });
}
