// The search answers while one types. What it shows is the page that the form would load, and the address follows, so that going back, reloading
// and sharing work as they do without a script.

const form = document.querySelector('[data-finder]');
const field = form.querySelector('input[type="search"]');
const pause = 130; // ms without a key before the server is asked

let asked = location.search; // what is shown, or on its way
let running = null;
let timer = 0;

function address() {
  const data = new FormData(form);
  const parameters = new URLSearchParams();
  for (const [key, value] of data) if (value.trim() !== '') parameters.append(key, value.trim());
  return `?${parameters}`;
}

async function load(to, instant) {
  if (to === asked) return;
  asked = to;
  running?.abort();
  const mine = (running = new AbortController());
  const results = document.querySelector('[data-results]');
  results.setAttribute('aria-busy', 'true');
  try {
    const answer = await fetch(`/search${to}${instant ? '&instant=1' : ''}`, { signal: mine.signal, headers: { Accept: 'text/html' } });
    if (!answer.ok) throw new Error(answer.statusText);
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    for (const part of ['[data-results]', '[data-side]', '.masthead']) document.querySelector(part).replaceWith(page.querySelector(part));
    document.title = page.title;
    history.replaceState(null, '', `/search${to}`);
  } catch (error) {
    if (error.name === 'AbortError') return;
    document.querySelector('[data-results]').removeAttribute('aria-busy');
    asked = null; // so that Enter asks again
    document.querySelector('#found').textContent = 'The search does not answer. Press Enter to try again.';
  }
}

form.addEventListener('input', () => {
  clearTimeout(timer);
  timer = setTimeout(() => load(address(), true), pause);
});

form.addEventListener('submit', (event) => {
  event.preventDefault();
  clearTimeout(timer);
  const to = address();
  if (to === location.search) asked = null;
  load(to, false);
});

// Arrows go from the field into the results and back; Enter opens, as on any link.
document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || (event.key !== 'ArrowDown' && event.key !== 'ArrowUp')) return;
  const results = [...document.querySelectorAll('[data-results] .entry h3 a')];
  const here = event.target === field ? -1 : results.indexOf(event.target);
  if ((here < 0 && event.target !== field) || results.length === 0) return;
  const to = here + (event.key === 'ArrowDown' ? 1 : -1);
  if (to >= results.length || to < -1) return;
  event.preventDefault();
  if (to === -1) field.focus();
  else {
    results[to].focus();
    results[to].closest('.entry').scrollIntoView({ block: 'nearest' });
  }
});
