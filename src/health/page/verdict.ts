import { few, worstOf, type Found, type Matter, type Sightings } from '../matters.js';
import { html, type Html } from './html.js';
import { clock, long, name } from './words.js';

export const SIGNS: Readonly<Record<Found, string>> = { good: '✔', busy: '…', poor: '!', bad: '✖' };

const WORDS: Readonly<Record<Found, string>> = {
  good: 'All is well',
  busy: 'One moment',
  poor: 'Look at this',
  bad: 'Events are not written',
};

/** What stands first: the worst that there is, else that all is well. */
export function headlineOf(matters: readonly Matter[]): string {
  return matters[0]?.title ?? WORDS.good;
}

/** Since when, what exactly, and what to do. */
function story(matter: Matter, sightings: Sightings, now: number): Html {
  const { key, detail, todo, read } = matter;
  const since = matter.since ?? sightings.since(key) ?? now;
  return html`<p class="since">for ${long(Math.max(0, (now - since) / 1000))}, since ${clock(since)}</p>
    ${detail === undefined ? undefined : html`<p>${detail}</p>`}
    ${todo === undefined ? undefined : html`<p><b>Do:</b> ${todo}</p>`}
    ${read === undefined ? undefined : html`<p class="read">Read: ${read}</p>`}`;
}

/** Whether all is well, to be seen at once; where it is not, the worst that there is. @param calm what is said otherwise */
export function verdict(matters: readonly Matter[], calm: string, sightings: Sightings, now: number): Html {
  const found = worstOf(matters);
  const [worst] = matters;
  const mark = html`<span class="mark ${found}" aria-hidden="true">${SIGNS[found]}</span>`;
  if (!worst) {
    return html`${mark}
      <div class="words">
        <h2>${WORDS.good}</h2>
        <p>${calm}</p>
      </div>`;
  }
  return html`${mark}
    <div class="words">
      <p class="kicker">${WORDS[found]}</p>
      <h2>${name(worst.title)}</h2>
      ${story(worst, sightings, now)}
    </div>`;
}

/** What else is wrong, and what was wrong a short while ago. */
export function others(matters: readonly Matter[], sightings: Sightings, now: number): Html {
  const { shown, more } = few(matters.slice(1));
  const items = shown.map((matter) => {
    const { found, title } = matter;
    return html`<li class="${found}">
      <span class="sign" aria-hidden="true">${SIGNS[found]}</span>
      <div>
        <h3>${name(title)}</h3>
        ${story(matter, sightings, now)}
      </div>
    </li>`;
  });
  const over = sightings.past.map(
    ({ title, since, until }) =>
      html`<li>
        <span class="when">${clock(since)} to ${clock(until)}</span>
        <span>${name(title)} <span class="since">for ${long((until - since) / 1000)}</span></span>
      </li>`,
  );
  return html`${
    items.length === 0
      ? undefined
      : html`<h2 class="small">Also</h2>
          <ul class="matters">
            ${items}
          </ul>`
  }
  ${more === 0 ? undefined : html`<p class="note">and ${more} more</p>`}
  ${
    over.length === 0
      ? undefined
      : html`<h2 class="small">Over, in the last ten minutes</h2>
          <ul class="past">
            ${over}
          </ul>`
  }`;
}
