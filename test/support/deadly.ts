// Loaded into a dbw that is to die of a message, as it would of a bug in native code: without a word, while it decodes.
const { parse } = JSON;
JSON.parse = (text: string, ...rest: unknown[]) => {
  if (typeof text === 'string' && text.includes('"deadly"')) process.kill(process.pid, 'SIGKILL');
  return (parse as (text: string, ...rest: unknown[]) => unknown)(text, ...rest);
};
