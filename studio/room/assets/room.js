// What the reading room does with a script: votes and the reading list without a reload, and filters that apply at once. Without one, the same
// forms load a page.

import { csrf } from '../core/page.js';

async function toggle(form, button) {
  const on = button.value;
  button.disabled = true;
  try {
    const answer = await fetch(form.action, {
      method: 'POST',
      headers: { 'X-CSRF-Token': csrf(), Accept: 'application/json' },
      body: new URLSearchParams({ on }),
    });
    if (!answer.ok) throw new Error(answer.statusText);
    const now = await answer.json();
    button.setAttribute('aria-pressed', now.on);
    button.value = now.on ? '0' : '1';
    const count = button.querySelector('[data-count]');
    if (count) {
      count.textContent = now.count;
      button.title = now.on ? 'Take your upvote back' : 'Upvote';
    }
    const word = button.querySelector('[data-word]');
    if (word) {
      word.textContent = now.on ? button.dataset.on : button.dataset.off;
      button.title = now.on ? 'Take it off your reading list' : 'Put it on your reading list';
    }
  } catch {
    button.disabled = false;
    form.removeAttribute('data-toggle'); // the page that follows says what is wrong
    form.requestSubmit(button);
    return;
  }
  button.disabled = false;
  button.focus();
}

document.addEventListener('submit', (event) => {
  const form = event.target;
  if (!form.matches('[data-toggle]') || !event.submitter) return;
  event.preventDefault();
  toggle(form, event.submitter);
});

for (const form of document.querySelectorAll('[data-auto]')) {
  form.addEventListener('change', () => form.requestSubmit());
}

// A link to a comment opens what it stands in, and a reply's field is ready to be typed into.
document.addEventListener('toggle', (event) => {
  if (event.target.matches('.acts > details') && event.target.open) event.target.querySelector('textarea')?.focus();
}, true);
