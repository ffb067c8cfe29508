// A live session: traces that roll, decisions, and counts, as the server sends them over a WebSocket.

import { element } from '../core/page.js';

const box = document.querySelector('[data-session]');
const find = (name) => document.querySelector(`[data-${name}]`);
const canvas = find('canvas');
const pen = canvas.getContext('2d', { alpha: false });
const names = {
  frames: 'Frames', decisions: 'Decisions', events: 'Events', missing: 'Missing', gaps: 'Gaps', jumps: 'Jumps of the clock', notFinite: 'Not finite', reconnects: 'Reconnected',
  dropped: 'Dropped', unlike: 'Unlike the training', outside: 'Windows not whole', broken: 'Windows with a gap', spoilt: 'Windows not finite', forgotten: 'Events forgotten', unsent: 'Not taken',
};
const always = ['frames', 'missing', 'notFinite', 'dropped'];

let signal = null;
let ring = null; // { low, high, size, end } of each channel, in bins
let marks = []; // decisions: { bin, name }
let gain = 1;
let rows = []; // of each channel: { middle, spread }
let newest = 0; // time of the newest bin, s
let lost = 0;
let held = false;
let frozen = null;
let pending = 0;
let ended = false;
let tries = 0;

function connect() {
  const address = new URL(box.dataset.session, location.href);
  address.protocol = address.protocol.replace('http', 'ws');
  const socket = new WebSocket(address);
  socket.binaryType = 'arraybuffer';
  socket.onopen = () => {
    tries = 0;
    find('warnings').replaceChildren(); // they are sent again
  };
  socket.onmessage = (event) => {
    if (typeof event.data === 'string') hear(JSON.parse(event.data));
    else samples(event.data);
  };
  socket.onclose = () => {
    if (ended) return;
    tries++;
    say(`The connection broke off; trying again${tries > 3 ? ' now and then' : ''}.`);
    setTimeout(connect, Math.min(15000, 500 * 2 ** tries));
  };
  addEventListener('pagehide', () => socket.close());
}

function hear(m) {
  if (m.signal) begin(m.signal);
  if (m.decisions) for (const d of m.decisions) decide(d, false);
  if (m.decision) decide(m.decision, true);
  if (m.report) count(m.report);
  if (m.warning) find('warnings').append(element('li', {}, m.warning));
  if (m.lost) {
    lost += m.lost;
    find('signal').dataset.lost = lost;
    title();
  }
  if (m.ended !== undefined) {
    ended = true;
    const mark = find('state').querySelector('.status');
    mark.className = 'status s-done';
    mark.lastChild.textContent = 'ended';
    say(m.ended);
    find('stop')?.remove();
  }
}

function say(text) { find('why').textContent = text; }

function begin(s) {
  signal = s;
  const size = Math.ceil(30 / s.bin); // the longest window, and some
  ring = { size, end: 0, low: [], high: [] };
  rows = s.channels.map(() => ({ middle: 0, spread: 0 }));
  for (const _ of s.channels) {
    ring.low.push(new Float32Array(size).fill(NaN));
    ring.high.push(new Float32Array(size).fill(NaN));
  }
  marks = [];
  find('decisions').replaceChildren();
  find('decisions-section').hidden = !s.classes?.length;
  if (s.classes?.length) {
    find('bars').replaceChildren(...s.classes.map((c) => element('div', { class: 'bar1' }, element('span', {}, c), element('meter', { min: 0, max: 1, value: 0, 'aria-label': `probability of ${c}` }), element('span', { class: 'n' }, ''))));
  }
  say('');
  title();
}

function title() {
  const more = signal.width > signal.channels.length ? `, of which ${signal.channels.length} are shown` : '';
  find('signal').textContent = `${signal.name}: ${signal.width} ${signal.width === 1 ? 'channel' : 'channels'} at ${+signal.rate.toPrecision(6)} Hz${more}.${lost ? ` This page was too slow for ${lost} of the messages.` : ''}`;
}

function samples(buffer) {
  if (!ring) return;
  const view = new DataView(buffer);
  const time = view.getFloat64(0, true);
  const channels = view.getUint16(8, true);
  const bins = view.getUint16(10, true);
  if (view.getUint8(12) === 1) { // a gap, at most as long as the window
    const missing = Math.min(ring.size, Math.max(2, Math.round((time - newest) / signal.bin)));
    for (let n = 0; n < missing; n++) put(null);
  }
  const values = new Float32Array(buffer, 16);
  for (let b = 0; b < bins; b++) put(values.subarray(b * channels * 2, (b + 1) * channels * 2));
  newest = time + bins * signal.bin;
  redraw();
}

function put(values) {
  const at = ring.end % ring.size;
  for (let c = 0; c < ring.low.length; c++) {
    ring.low[c][at] = values ? values[2 * c] : NaN;
    ring.high[c][at] = values ? values[2 * c + 1] : NaN;
  }
  ring.end++;
}

function decide(d, now) {
  if (!signal) return;
  const bin = Math.round((d.time - newest) / signal.bin) + (ring?.end ?? 0);
  marks.push({ bin, name: d.name });
  if (marks.length > 400) marks = marks.slice(-300);
  const list = find('decisions');
  const p = d.probability?.[d.class];
  list.prepend(element('tr', {}, element('td', {}, d.time.toFixed(3)), element('td', {}, d.name), element('td', {}, p === undefined ? '' : p.toFixed(3)), element('td', {}, (1e3 * d.latency).toFixed(1))));
  while (list.children.length > 50) list.lastChild.remove();
  find('decision').textContent = d.name;
  [...find('bars').children].forEach((bar, i) => {
    const v = d.probability?.[i] ?? 0;
    bar.children[1].value = v;
    bar.children[2].textContent = v.toFixed(2);
    bar.classList.toggle('chosen', i === d.class);
  });
  if (now) redraw();
}

function count(r) {
  const list = [];
  for (const [key, name] of Object.entries(names)) {
    if (r[key] > 0 || always.includes(key)) list.push(element('dt', {}, name), element('dd', {}, r[key].toLocaleString('en')));
  }
  find('counts').replaceChildren(...list);
  find('latency-section').hidden = !(r.decisions > 0);
  const ms = (v) => element('td', { class: 'n' }, (1e3 * v).toPrecision(3));
  find('latency').replaceChildren(...[['Latency', r.latency], ['Jitter', r.jitter]].map(([name, p]) => element('tr', {}, element('th', { scope: 'row' }, name), ms(p.p50), ms(p.p90), ms(p.p99), ms(p.max))));
}

function redraw() {
  if (!pending) pending = requestAnimationFrame(draw);
}

// draw draws the window that ends with the newest bin. Channels of a unit share a scale, which follows the signal slowly.
function draw() {
  pending = 0;
  if (!ring) return;
  const ratio = Math.min(2, devicePixelRatio || 1);
  const width = canvas.clientWidth;
  const height = Math.max(220, Math.min(720, 40 + signal.channels.length * Math.max(46, 300 / signal.channels.length)));
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.height = `${height}px`;
  }
  const style = getComputedStyle(document.documentElement);
  const tone = (name) => style.getPropertyValue(name).trim();
  const gutter = width < 520 ? 52 : 76;
  const right = 8;
  const axis = 22;
  const top = 18;
  const plot = width - gutter - right;
  const span = Number(find('span').value);
  const bins = Math.round(span / signal.bin);
  const end = held ? frozen : ring.end;
  const begin = end - bins;
  const n = signal.channels.length;
  const row = (height - axis - top) / n;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.fillStyle = tone('--card');
  pen.fillRect(0, 0, width, height);
  // Scales.
  const spreads = {};
  for (let c = 0; c < n; c++) {
    let low = Infinity;
    let high = -Infinity;
    let sum = 0;
    let count = 0;
    for (let b = Math.max(0, begin, ring.end - ring.size); b < end; b++) {
      const i = b % ring.size;
      const a = ring.low[c][i];
      if (a !== a) continue;
      low = Math.min(low, a);
      high = Math.max(high, ring.high[c][i]);
      sum += (a + ring.high[c][i]) / 2;
      count++;
    }
    if (count === 0) continue;
    const r = rows[c];
    const middle = sum / count;
    const follow = r.seen ? 0.08 : 1;
    if (!r.seen || Math.abs(middle - r.middle) > 0.02 * (high - low)) r.middle += (middle - r.middle) * follow;
    r.spread += (high - low - r.spread) * follow;
    r.seen = true;
    (spreads[signal.units[c]] ??= []).push(r.spread);
  }
  const scale = {};
  for (const [unit, list] of Object.entries(spreads)) {
    list.sort((a, b) => a - b);
    scale[unit] = list[list.length >> 1] || 1;
  }
  const x = (b) => gutter + ((b - begin) / bins) * plot;
  pen.save();
  pen.beginPath();
  pen.rect(gutter, top, plot, height - axis - top);
  pen.clip();
  // Decisions.
  pen.fillStyle = tone('--line');
  for (const m of marks) if (m.bin >= begin && m.bin <= end) pen.fillRect(x(m.bin), top, 1, height);
  // Traces.
  pen.strokeStyle = tone('--ink');
  pen.lineWidth = 1;
  for (let c = 0; c < n; c++) {
    const k = (row * 0.8 * gain) / (scale[signal.units[c]] || 1);
    const y0 = top + row * (c + 0.5);
    const y = (v) => y0 - Math.max(-1.5 * row, Math.min(1.5 * row, (v - rows[c].middle) * k));
    pen.beginPath();
    let on = false;
    for (let b = Math.max(0, begin, ring.end - ring.size); b < end; b++) {
      const i = b % ring.size;
      const a = ring.low[c][i];
      if (a !== a) {
        on = false;
        continue;
      }
      const px = x(b + 0.5);
      if (on) pen.lineTo(px, y(ring.high[c][i]));
      else pen.moveTo(px, y(ring.high[c][i]));
      if (ring.high[c][i] !== a) pen.lineTo(px, y(a));
      on = true;
    }
    pen.stroke();
  }
  pen.restore();
  // Names and times.
  pen.font = `12px ${tone('--sans')}`;
  pen.textBaseline = 'middle';
  pen.textAlign = 'right';
  pen.fillStyle = tone('--ink');
  const every = Math.max(1, Math.ceil(11 / row));
  for (let c = 0; c < n; c += every) pen.fillText(signal.channels[c], gutter - 7, top + row * (c + 0.5), gutter - 10);
  pen.fillStyle = tone('--muted');
  pen.textAlign = 'center';
  for (let s = 0; s <= span; s += span / 5) pen.fillText(s === span ? 'now' : `−${span - s} s`, Math.min(width - 18, gutter + (s / span) * plot), height - axis / 2);
  let free = -Infinity;
  pen.textAlign = 'left';
  for (const m of marks) {
    const px = x(m.bin);
    if (m.bin < begin || m.bin > end || px < free) continue;
    pen.fillText(m.name, px + 2, top / 2 + 1);
    free = px + pen.measureText(m.name).width + 8;
  }
  const unit = Object.keys(scale)[0];
  if (unit !== undefined) {
    const value = scale[unit] / gain;
    canvas.setAttribute('aria-label', `The signal as it comes, ${n} channels; a row is ${+value.toPrecision(2)} ${unit}`);
    find('scale').textContent = `A row is ${+(value / 0.8).toPrecision(2)} ${unit}.`;
  }
}

for (const button of document.querySelectorAll('[data-do]')) {
  button.addEventListener('click', () => {
    gain *= button.dataset.do === 'larger' ? 1.4 : 1 / 1.4;
    redraw();
  });
}
find('span').addEventListener('change', redraw);
find('pause').addEventListener('click', (event) => {
  held = !held;
  frozen = ring?.end ?? 0;
  event.target.setAttribute('aria-pressed', String(held));
  redraw();
});
addEventListener('resize', redraw);
document.addEventListener('themechange', redraw);
box.session = { get bins() { return ring?.end ?? 0; } };
connect();
