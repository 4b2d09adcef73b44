/** Asks for the page again every 5 s and puts in what is new; a page that is not answered any more says so itself. */
export const SCRIPT = `
(() => {
  'use strict';
  const EVERY = 5000;
  const silent = document.getElementById('silent');
  const icon = document.querySelector('link[rel=icon]');
  let answered = Date.now();
  let timer;
  const shown = new WeakMap();

  function put(next) {
    const chosen = getSelection();
    for (const place of document.querySelectorAll('[data-live]')) {
      const fresh = next.getElementById(place.id);
      if (!fresh || fresh.innerHTML === (shown.get(place) ?? place.innerHTML)) continue;
      // Whoever copies a command from here keeps what is selected.
      if (!chosen.isCollapsed && place.contains(chosen.anchorNode)) continue;
      shown.set(place, fresh.innerHTML);
      place.className = fresh.className;
      place.replaceChildren(...fresh.childNodes);
    }
    if (document.title !== next.title) document.title = next.title;
    const sign = next.querySelector('link[rel=icon]');
    if (sign && sign.href !== icon.href) icon.href = sign.href;
  }

  async function refresh() {
    clearTimeout(timer);
    try {
      const response = await fetch(location.pathname, { cache: 'no-store', signal: AbortSignal.timeout(EVERY) });
      if (!response.ok) throw new Error(String(response.status));
      const next = new DOMParser().parseFromString(await response.text(), 'text/html');
      if (next.documentElement.dataset.build !== document.documentElement.dataset.build) return location.reload();
      put(next);
      answered = Date.now();
      silent.hidden = true;
      document.body.classList.remove('stale');
    } catch {
      const seconds = Math.round((Date.now() - answered) / 1000);
      silent.textContent = 'dbw does not answer here for ' + seconds + ' s: what stands below is of then.';
      silent.hidden = false;
      document.body.classList.add('stale');
      document.title = '? dbw does not answer';
    }
    if (!document.hidden) timer = setTimeout(refresh, EVERY);
  }

  document.addEventListener('visibilitychange', () => (document.hidden ? clearTimeout(timer) : refresh()));
  timer = setTimeout(refresh, EVERY);
})();
`;
