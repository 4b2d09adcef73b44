import { until } from '../../test/support/until.js';
import type { Browser } from './browser.js';
import type { Scene } from './scene.js';

type Check = (what: string, isSo: boolean, otherwise?: string) => void;

/** Relative luminance by WCAG, and the contrast of every text with what is behind it; the worst of all. */
const WORST_CONTRAST = `(() => {
  const parse = (colour) => (colour.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0.9) return colour;
    }
    return [255, 255, 255];
  };
  let worst = { ratio: 99, text: '' };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (!node.data.trim() || /^(SCRIPT|STYLE)$/.test(parent.tagName) || !parent.checkVisibility()) continue;
    const [a, b] = [light(parse(getComputedStyle(parent).color)), light(behind(parent))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < worst.ratio) worst = { ratio, text: node.data.trim() };
  }
  return worst.ratio.toFixed(2) + ' ' + worst.text;
})()`;

/** The headings of panels that have more to show than they can. */
const CUT = `[...document.querySelectorAll('.panel')].filter((panel) => panel.scrollWidth > panel.clientWidth)
  .map((panel) => panel.querySelector('h2').textContent).join(', ')`;

/** What can only be seen in a browser. */
export async function checkPage(browser: Browser, scene: Scene, check: Check): Promise<void> {
  for (const width of [320, 360, 768, 1400]) {
    await browser.open(scene.url, { width, height: 800 });
    const wide = Number(await browser.ask('document.documentElement.scrollWidth'));
    check(`fits ${width} px`, wide <= width, `it is ${wide} px wide`);
    const cut = String(await browser.ask(CUT));
    check(`cuts no panel at ${width} px`, cut === '', cut);
  }
  for (const dark of [false, true]) {
    await browser.open(scene.url, { width: 1000, height: 800, dark });
    const worst = String(await browser.ask(WORST_CONTRAST));
    check(`texts stand out by 4.5 at least, ${dark ? 'dark' : 'light'}`, Number.parseFloat(worst) >= 4.5, worst);
  }
  await browser.open(scene.url, { width: 1000, height: 800, plain: true });
  const drawn = Number(await browser.ask('document.querySelectorAll("svg polyline").length'));
  const tables = Number(await browser.ask('document.querySelectorAll("table").length'));
  check(
    'shows its charts and tables without JavaScript',
    drawn >= 5 && tables >= 6,
    `${drawn} lines, ${tables} tables`,
  );

  await browser.open(scene.url, { width: 1000, height: 800 });
  await browser.ask('document.querySelector("details").open = true');
  const asked = () => browser.ask('document.getElementById("asked").textContent');
  const before = await asked();
  await until(async () => (await asked()) !== before, scene.writer);
  check('renews itself, and what was unfolded stays so', (await browser.ask('document.querySelector("details").open')) === true); // prettier-ignore

  await scene.whileSilent(async () => {
    await until(async () => (await browser.ask('document.getElementById("silent").hidden')) === false);
    const said = String(await browser.ask('document.getElementById("silent").textContent'));
    check('says that the writer does not answer', said.startsWith('dbw does not answer'), said);
  });
  await until(async () => (await browser.ask('document.getElementById("silent").hidden')) === true, scene.writer);
  check('goes on when it answers again', (await browser.ask('document.body.classList.contains("stale")')) === false);
}
