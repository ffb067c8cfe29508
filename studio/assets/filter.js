// Narrows a list while one types. The form works without it.

const field = document.querySelector('[data-filter]');
const items = [...document.querySelectorAll('[data-item][data-text]')];
const groups = [...document.querySelectorAll('[data-filter-group]')];
const count = document.querySelector('[data-filter-count]');
const empty = document.querySelector('[data-filter-empty]');

function narrow() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const item of items) {
    item.hidden = !words.every((w) => item.dataset.text.includes(w));
    if (!item.hidden) shown++;
  }
  for (const group of groups) {
    group.hidden = words.length > 0 && !group.querySelector('[data-item]:not([hidden])');
  }
  empty.hidden = shown > 0 || items.length === 0;
  count.textContent = words.length > 0 ? `${shown} of ${items.length} shown` : '';
  const address = new URL(location);
  if (words.length > 0) address.searchParams.set('filter', field.value);
  else address.searchParams.delete('filter');
  history.replaceState(null, '', address);
}

if (items.length > 0) {
  field.addEventListener('input', narrow);
  field.form.addEventListener('submit', (event) => {
    event.preventDefault();
    items.find((i) => !i.hidden)?.querySelector('a')?.focus();
  });
}
