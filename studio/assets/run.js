// Follows a run: its progress, its curves and its log, by server-sent events. A connection that breaks comes back by itself and goes on
// after the last event it had; a page that is loaded anew is told first how the run stands.

import { element } from './page.js';
import { draw, number } from './charts.js';

const live = document.querySelector('[data-live]');
const find = (name) => document.querySelector(`[data-${name}]`);

if (live) follow(live.dataset.live, Number(live.dataset.at ?? -1));
if (find('wait')) setTimeout(() => location.reload(), 1500);

// The frame of a report is as high as what is in it.
const frame = find('report');
if (frame) {
  const fit = () => {
    const page = frame.contentDocument?.documentElement;
    if (page) frame.style.height = `${Math.ceil(page.getBoundingClientRect().height) + 2}px`;
  };
  const ready = () => {
    fit();
    frame.contentDocument?.addEventListener('toggle', fit, true);
  };
  frame.addEventListener('load', ready);
  if (frame.contentDocument?.readyState === 'complete') ready();
  new ResizeObserver(fit).observe(frame);
  document.addEventListener('themechange', () => {
    const address = new URL(frame.src);
    address.searchParams.set('theme', document.documentElement.dataset.theme ?? '');
    frame.src = address;
  });
}

// follow listens to the events of a run. What the page was made after, events up to at, is no news: a run that goes on had ended before.
function follow(address, at) {
  const run = { curves: [], progress: null, since: 0, seeds: 1, seedIndex: 0, lines: 0 };
  let drawn = 0;
  let pending = 0;
  let ended = false;

  const source = new EventSource(address);
  source.addEventListener('snapshot', (event) => {
    const s = JSON.parse(event.data);
    run.curves = s.curves ?? [];
    run.progress = s.progress ?? null;
    run.since = Date.parse(s.since ?? '') || 0;
    run.first = run.progress?.done ?? 0;
    run.firstAt = Date.parse(s.last ?? '') || Date.now();
    run.seeds = s.seeds || 1;
    run.seedIndex = s.seedIndex || 0;
    const log = find('log');
    log?.replaceChildren();
    for (const line of s.log ?? []) write(line.level, line.text, line.time);
    show();
    if (s.status && s.status !== 'running' && Number(event.lastEventId) > at) finish();
  });
  source.addEventListener('progress', (event) => {
    const e = JSON.parse(event.data);
    const p = e.progress;
    if (!run.progress || run.progress.stage !== p.stage || run.seedIndex !== e.seedIndex) {
      run.since = Date.parse(e.time);
      run.first = p.done;
      run.firstAt = Date.parse(e.time);
      say(`${p.stage}${e.seeds > 1 ? `, seed ${e.seedIndex + 1} of ${e.seeds}` : ''}`);
    }
    run.progress = p;
    run.at = Date.parse(e.time);
    run.seeds = e.seeds;
    run.seedIndex = e.seedIndex;
    for (const [metric, value] of Object.entries(p.metrics ?? {})) point(metric, e, value);
    show();
  });
  source.addEventListener('log', (event) => {
    const e = JSON.parse(event.data);
    write(e.level, e.message, e.time);
  });
  source.addEventListener('run-finished', finish);
  source.addEventListener('gone', finish);
  addEventListener('pagehide', () => source.close());

  // point adds a value to its curve; a run that was resumed does some units of work again.
  function point(metric, e, value) {
    const { stage, done, unit } = e.progress;
    let c = run.curves.find((o) => o.metric === metric && o.stage === stage && o.seed === e.seed);
    if (!c) {
      if (run.curves.length >= 120) return;
      c = { metric, stage, seed: e.seed, unit, x: [], y: [] };
      run.curves.push(c);
    }
    while (c.x.length > 0 && c.x.at(-1) >= done) {
      c.x.pop();
      c.y.pop();
    }
    c.x.push(done);
    c.y.push(value);
    if (c.x.length > 2000) {
      c.x = c.x.filter((_, i) => i % 2);
      c.y = c.y.filter((_, i) => i % 2);
    }
  }

  function show() {
    const p = run.progress;
    if (p) {
      const bar = find('bar');
      find('stage').textContent = p.stage;
      if (p.total > 0) {
        bar.max = p.total;
        bar.value = p.done;
      } else {
        bar.removeAttribute('value');
      }
      const values = Object.entries(p.metrics ?? {}).map(([k, v]) => `${k} ${number(v)}`);
      find('count').textContent = [`${number(p.done)}${p.total > 0 ? ` of ${number(p.total)}` : ''} ${p.unit ? `${p.unit}s` : ''}`.trim(), ...values].join(' · ');
      const seed = find('seed');
      if (seed) seed.textContent = run.seeds > 1 ? `seed ${run.seedIndex + 1} of ${run.seeds}` : '';
      find('left').textContent = left(p);
    }
    const wait = 400 - (performance.now() - drawn);
    if (pending) return;
    if (wait > 0) pending = setTimeout(paint, wait);
    else paint();
  }

  function paint() {
    pending = 0;
    drawn = performance.now();
    const box = find('charts');
    if (!box || run.curves.length === 0) return;
    find('curves-section').hidden = false;
    draw(box, run.curves, run.seeds);
  }

  // left estimates from the pace of this stage how long it goes on.
  function left(p) {
    const spent = (run.at ?? 0) - run.firstAt;
    const made = p.done - run.first;
    if (!(spent > 3000) || !(made > 0) || !(p.total > p.done)) return '';
    const s = ((p.total - p.done) * spent) / made / 1000;
    if (s < 90) return `about ${Math.max(1, Math.round(s))} s left in this stage`;
    if (s < 5400) return `about ${Math.round(s / 60)} min left in this stage`;
    return `about ${(s / 3600).toFixed(1)} h left in this stage`;
  }

  function write(level, text, time) {
    const log = find('log');
    if (!log) return;
    find('log-section').hidden = false;
    const stay = log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
    const when = new Date(time);
    const plain = log.classList.contains('plainlog');
    log.append(element('li', { class: `l-${level ?? ''}` }, ...(plain ? [] : [element('time', { datetime: time }, when.toTimeString().slice(0, 8)), ' ']), text.trim()));
    while (log.children.length > 200) log.firstChild.remove();
    if (stay) log.scrollTop = log.scrollHeight;
  }

  function say(text) {
    const node = find('say');
    if (node) node.textContent = text;
  }

  // finish loads the page anew, which then shows what the run came to.
  function finish() {
    if (ended) return;
    ended = true;
    source.close();
    say('The run has ended.');
    setTimeout(() => location.reload(), 700);
  }
}
