// Keeps the queue fresh, and the button to compare usable only when two runs are chosen.

const form = document.querySelector('[data-compare]');
if (form) {
  const button = form.querySelector('button');
  const show = () => {
    const n = form.querySelectorAll(':checked').length;
    button.disabled = n < 2 || n > 6;
    button.textContent = n < 2 ? 'Choose two runs or more to compare' : n > 6 ? 'At most six runs can be compared' : `Compare the ${n} chosen runs`;
  };
  form.addEventListener('change', show);
  show();
}

if (document.querySelector('[data-queue]')) {
  setTimeout(() => {
    if (!document.querySelector('[data-compare] :checked')) location.reload();
  }, 8000);
}
