// What every page does with a script: the theme without a reload, and keys. Nothing here is needed to use a page.

import { csrf } from './page.js';

const places = { p: '/papers', r: '/runs', b: '/board' };

for (const form of document.querySelectorAll('[data-theme-form]')) {
  const button = form.querySelector('button');
  const next = { dark: 'light', light: 'system', system: 'dark' };
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const theme = button.value;
    if (theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    button.value = next[theme];
    button.title = `Theme: ${theme}`;
    button.querySelector('.unseen').textContent = `Theme: ${theme}; change it`;
    document.dispatchEvent(new CustomEvent('themechange'));
    await fetch('/theme', { method: 'POST', keepalive: true, headers: { 'X-CSRF-Token': csrf(), Accept: 'application/json' }, body: new URLSearchParams({ theme }) });
  });
}

// A question before something that cannot be undone; without a script the form leads to a page that asks.
document.addEventListener('submit', (event) => {
  const question = event.submitter?.dataset.confirm ?? event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});

let pending = 0; // time of a g that waits for its second key

function typing(target) {
  return target.closest('input, textarea, select, [contenteditable], [data-own-keys]') !== null;
}

function move(step) {
  const items = [...document.querySelectorAll('[data-item]')].filter((e) => e.offsetParent !== null);
  if (items.length === 0) return;
  const now = items.findIndex((e) => e.contains(document.activeElement));
  const to = now < 0 ? (step > 0 ? 0 : items.length - 1) : Math.min(items.length - 1, Math.max(0, now + step));
  const target = items[to].matches('a, button') ? items[to] : items[to].querySelector('a, button');
  target?.focus();
  items[to].scrollIntoView({ block: 'nearest' });
}

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.key === 'Escape' && event.target.matches('[data-search], [data-filter]')) return event.target.blur();
  if (typing(event.target)) return;
  if (pending && Date.now() - pending < 1500 && places[event.key]) {
    pending = 0;
    location.assign(places[event.key]);
    return;
  }
  pending = 0;
  switch (event.key) {
    case 'j': move(1); break;
    case 'k': move(-1); break;
    case 'g': pending = Date.now(); break;
    case '?': location.assign('/keys'); break;
    case '/': {
      const field = document.querySelector('[data-filter]') ?? document.querySelector('[data-search]');
      if (!field) return;
      event.preventDefault();
      field.focus();
      field.select();
      break;
    }
  }
});
