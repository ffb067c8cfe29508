// Shows of the form only what belongs to the chosen source and model.

const form = document.querySelector('[data-live-form]');

function show() {
  const source = form.elements.source.value;
  for (const part of form.querySelectorAll('[data-for]')) part.hidden = !part.dataset.for.split(' ').includes(source);
  for (const part of form.querySelectorAll('[data-when]')) part.hidden = part.dataset.when !== form.elements.when.value;
  form.querySelector('[data-for-model]').hidden = form.elements.model.value === '';
}

form.addEventListener('change', show);
show();
