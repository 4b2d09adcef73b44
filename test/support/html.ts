/** Elements without an end. */
const VOID = new Set(['meta', 'link', 'br', 'img', 'hr', 'input', 'wbr']);
/** What is inside is no HTML. */
const RAW = /<(style|script)>[^]*?<\/\1>/g;
const TAG = /<(\/?)([a-z][a-z0-9]*)((?:\s+[a-z][\w:-]*(?:="[^"<>]*")?)*)\s*(\/?)>/gi;

/** What is not well-formed: tags that do not match, signs that are not escaped, names that are there twice. */
export function faultsOf(html: string): string[] {
  const faults: string[] = [];
  const text = html.replace(/^<!doctype html>/, '').replace(RAW, '');
  const open: string[] = [];
  const ids = new Set<string>();
  for (const [, end, name = '', attributes = '', alone] of text.matchAll(TAG)) {
    const [, id] = /\sid="([^"]*)"/.exec(attributes) ?? [];
    if (id !== undefined && ids.has(id)) faults.push(`id ${id} twice`);
    if (id !== undefined) ids.add(id);
    if (end) {
      const last = open.pop();
      if (last !== name) faults.push(`</${name}> ends <${String(last)}>`);
    } else if (!alone && !VOID.has(name)) open.push(name);
  }
  faults.push(...open.map((name) => `<${name}> has no end`));
  const between = text.replace(TAG, '');
  for (const [sign] of between.matchAll(/[<>].{0,20}|&(?!(?:amp|lt|gt|quot|#39);).{0,20}/g))
    faults.push(`not escaped: ${sign}`);
  const labels = [...text.matchAll(/aria-labelledby="([^"]*)"/g)].map(([, id = '']) => id);
  faults.push(...labels.filter((id) => !ids.has(id)).map((id) => `no element is ${id}`));
  return faults;
}

const MEANT: Readonly<Record<string, string>> = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'", '&amp;': '&' };

/** What is to be read, of all or of the element with this id, without tags and with single spaces. */
export function textOf(html: string, id?: string): string {
  let text = html.replace(RAW, '');
  if (id !== undefined) {
    const begin = text.search(new RegExp(`<[a-z0-9]+[^>]* id="${id}"|<[a-z0-9]+ id="${id}"`));
    if (begin < 0) throw new Error(`no element is ${id}`);
    const [, name = ''] = /^<([a-z0-9]+)/.exec(text.slice(begin)) ?? [];
    let depth = 0;
    for (const match of text.slice(begin).matchAll(new RegExp(`<(/?)${name}[\\s>]`, 'g'))) {
      depth += match[1] === '/' ? -1 : 1;
      if (depth > 0) continue;
      text = text.slice(begin, begin + match.index);
      break;
    }
  }
  return text
    .replace(/<caption[^]*?<\/caption>/g, '')
    .replace(/<wbr ?\/?>/g, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .replace(/&(?:lt|gt|quot|amp|#39);/g, (sign) => MEANT[sign] ?? sign)
    .trim();
}
