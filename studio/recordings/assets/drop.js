// Takes files that are dropped on the page, whole folders too, and sends them one after the other. Without a script the form sends the chosen files.

import { csrf } from '../core/page.js';

const form = document.querySelector('[data-drop]');
if (form) {
  const input = form.querySelector('input[type=file]');
  const find = (name) => form.querySelector(`[data-drop-${name}]`);
  let running = null; // the request under way
  let cancelled = false;
  let over = 0;

  find('button').hidden = true;
  input.addEventListener('change', () => send([...input.files].map((file) => ({ file, dir: '' }))));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    send([...input.files].map((file) => ({ file, dir: '' })));
  });
  find('cancel').addEventListener('click', () => {
    cancelled = true;
    running?.abort();
  });

  // The whole page takes what is dropped.
  const carries = (event) => event.dataTransfer?.types.includes('Files');
  addEventListener('dragenter', (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    over++;
    form.classList.add('over');
  });
  addEventListener('dragleave', () => {
    over = Math.max(0, over - 1);
    if (over === 0) form.classList.remove('over');
  });
  addEventListener('dragover', (event) => { if (carries(event)) event.preventDefault(); });
  addEventListener('drop', async (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    over = 0;
    form.classList.remove('over');
    const entries = [...event.dataTransfer.items].map((i) => i.webkitGetAsEntry?.()).filter(Boolean);
    const files = [];
    if (entries.length > 0) for (const e of entries) await walk(e, '', files);
    else for (const file of event.dataTransfer.files) files.push({ file, dir: '' });
    send(files);
  });

  async function walk(entry, dir, files) {
    if (files.length > 3000 || entry.name.startsWith('.')) return;
    if (entry.isFile) {
      files.push({ file: await new Promise((done, failed) => entry.file(done, failed)), dir });
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((done, failed) => reader.readEntries(done, failed));
      if (some.length === 0) break;
      for (const e of some) await walk(e, dir ? `${dir}/${entry.name}` : entry.name, files);
    }
  }

  async function post(path) {
    const answer = await fetch(path, { method: 'POST', headers: { 'X-CSRF-Token': csrf(), Accept: 'application/json' } });
    const body = await answer.json();
    if (!answer.ok) throw new Error(body.detail);
    return body;
  }

  function transfer(path, file, report) {
    return new Promise((done, failed) => {
      const request = new XMLHttpRequest();
      running = request;
      request.open('POST', path);
      request.setRequestHeader('X-CSRF-Token', csrf());
      request.setRequestHeader('Accept', 'application/json');
      request.setRequestHeader('Content-Type', 'application/octet-stream');
      request.upload.onprogress = (event) => report(event.loaded);
      request.onload = () => {
        if (request.status < 300) return done();
        let text = `The server answered ${request.status}.`;
        try { text = JSON.parse(request.responseText).detail; } catch { /* a page */ }
        failed(new Error(text));
      };
      request.onerror = () => failed(new Error('The connection broke off.'));
      request.onabort = () => failed(new Error('cancelled'));
      request.send(file);
    });
  }

  async function send(files) {
    if (files.length === 0 || form.classList.contains('sending')) return;
    const total = files.reduce((sum, f) => sum + f.file.size, 0);
    const bar = find('bar');
    form.classList.add('sending');
    cancelled = false;
    find('problem').hidden = true;
    find('progress').hidden = false;
    bar.max = Math.max(1, total);
    bar.value = 0;
    let sent = 0;
    try {
      const { arrival } = await post('/arrivals');
      for (const [n, f] of files.entries()) {
        if (cancelled) throw new Error('cancelled');
        find('say').textContent = files.length > 1 ? `Sending ${n + 1} of ${files.length}: ${f.file.name}` : `Sending ${f.file.name}`;
        const query = new URLSearchParams({ name: f.file.name, dir: f.dir });
        await transfer(`/arrivals/${arrival}?${query}`, f.file, (loaded) => { bar.value = sent + loaded; });
        sent += f.file.size;
        bar.value = sent;
      }
      bar.removeAttribute('value');
      find('say').textContent = 'Looking at what has arrived';
      const { href } = await post(`/arrivals/${arrival}/end`);
      location.assign(href);
      return;
    } catch (e) {
      if (e.message !== 'cancelled') {
        find('problem').textContent = e.message;
        find('problem').hidden = false;
      }
    }
    find('progress').hidden = true;
    form.classList.remove('sending');
    form.reset();
  }
}
