// The page of a recording: follows its preparation, and shows the traces as soon as there are any.

import { view } from './viewer.js';

const section = document.querySelector('[data-viewer]');
const waiting = document.querySelector('[data-progress]');
let viewer = null;
let starting = false;

async function start() {
  if (viewer || starting || !section) return;
  starting = true;
  try {
    viewer = await view(section);
  } catch (e) {
    section.hidden = true;
    console.error(e);
  }
  starting = false;
}

if (section && !section.hidden) start();
if (waiting) follow(waiting.dataset.progress);

function follow(address) {
  const source = new EventSource(address);
  const bar = waiting.querySelector('[data-bar]');
  source.onmessage = async (event) => {
    const s = JSON.parse(event.data);
    waiting.querySelector('[data-stage]').textContent = { overview: 'Reading it through; what is read can be looked at already' }[s.stage] ?? (s.stage ? s.stage[0].toUpperCase() + s.stage.slice(1) : 'Reading');
    if (s.stage === 'overview' && s.total > 0) {
      bar.max = s.total;
      bar.value = s.done;
    } else bar.removeAttribute('value');
    if (s.head) await start();
    viewer?.progress(s.done);
    if (s.state === 'failed') location.reload();
    if (s.state === 'ready') {
      source.close();
      const box = document.querySelector('[data-sheet]');
      const answer = await fetch(box.dataset.sheet);
      if (answer.ok) box.innerHTML = await answer.text();
      waiting.remove();
    }
  };
  addEventListener('pagehide', () => source.close());
}
