// Shows in the empty fields of the run form what the chosen preset has there.

for (const form of document.querySelectorAll('[data-run-form]')) {
  const show = () => {
    const preset = form.elements.preset.value;
    for (const node of form.querySelectorAll('[data-quick]')) {
      if (node.matches('option')) node.textContent = node.dataset[preset];
      else node.placeholder = node.dataset[preset];
    }
  };
  form.addEventListener('change', show);
  show();
  form.addEventListener('submit', () => {
    form.querySelector('button.primary').setAttribute('aria-busy', 'true');
  });
}
