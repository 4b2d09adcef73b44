// `npm run operations`: plays the incidents of docs/operations.md on real servers of its own and writes what was typed and
// printed. test/operations.test.ts plays them too and says when the page is stale. Names of incidents play only these, and
// print them.
import { writeFileSync } from 'node:fs';
import { beginning, formatted, section } from './operations/document.js';
import { incidents } from './operations/incidents.js';
import { Stage } from './operations/stage.js';

const FILE = 'docs/operations.md';

const wanted = process.argv.slice(2);
const chosen = incidents.filter(({ title }) => wanted.length === 0 || wanted.some((word) => title.includes(word)));
const stage = await Stage.open((line) => {
  console.error(line);
});
try {
  const sections: string[] = [];
  for (const incident of chosen) {
    const started = Date.now();
    sections.push(section(incident, await stage.perform(incident)));
    console.error(`${incident.title}  ${((Date.now() - started) / 1000).toFixed(1)} s`);
  }
  if (wanted.length > 0) console.log(await formatted(...sections));
  else writeFileSync(FILE, await formatted(beginning(), ...sections));
} finally {
  await stage.close();
}
process.exit();
