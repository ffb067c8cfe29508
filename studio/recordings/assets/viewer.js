// The viewer of traces. What is seen is a stretch of time (from, span) and some rows; bitmaps of it come from the painter (raster.js), a worker. A frame
// lays those bitmaps beside each other, which takes the same short time however many channels there are; while another scale is being painted, the
// bitmaps of the last one are stretched.

import { element } from '../core/page.js';

const CHUNK = 256;
const TOP = 20; // of the plot, for labels of events, px
const AXIS = 24; // below it, for times
const MOST_BITMAPS = 160 * 2 ** 20; // bytes
const SPANS = [0.5, 1, 2, 5, 10, 20, 30, 60, 300, 1800];
const ROWS = [8, 16, 32, 64, 128];
const tones = ['ink', 'blue', 'orange', 'green', 'purple', 'red'];
const lightTones = { blue: '#0072b2', orange: '#a86200', green: '#007a58', purple: '#a04a78', red: '#c24e00' };
const darkTones = { blue: '#56b4e9', orange: '#e69f00', green: '#2fc79a', purple: '#dd92bb', red: '#ff8a4c' };

const still = matchMedia('(prefers-reduced-motion: reduce)');

export async function view(section) {
  const base = section.dataset.viewer;
  const answer = await fetch(`${base}/head`, { headers: { Accept: 'application/json' } });
  if (!answer.ok) throw new Error(`head: ${answer.status}`);
  const head = await answer.json();
  section.hidden = false;
  return new Viewer(section, base, head);
}

class Viewer {
  constructor(section, base, head) {
    this.section = section;
    this.head = head;
    this.find = (name) => section.querySelector(`[data-${name}]`);
    this.plot = this.find('plot');
    this.canvas = this.find('canvas');
    this.pen = this.canvas.getContext('2d', { alpha: false });
    this.overview = this.find('overview');
    this.total = Math.max(head.duration, 1 / head.rate);
    this.least = Math.min(this.total, 8 / head.rate);
    this.from = 0;
    this.span = Math.min(10, this.total);
    if (!head.timed) this.span = Math.min(2000, this.total);
    this.goal = { from: this.from, span: this.span };
    this.hidden = new Set();
    this.gains = new Map(); // by kind
    this.first = 0; // of the rows that are seen
    this.most = 0;
    this.gen = 0;
    this.layer = this.newLayer(0, 0);
    this.old = null;
    this.middles = head.channels.map((c) => c.middle);
    this.done = head.done;
    this.frames = new Float32Array(4096); // time that the last frames took, ms
    this.drawn = 0;
    this.blank = 0; // frames with a part that is not painted yet
    this.pending = 0;
    this.tell = 0;
    this.kinds = [];
    for (const c of head.channels) {
      const id = `${c.type ?? ''}/${c.unit ?? ''}`;
      let k = this.kinds.find((o) => o.id === id);
      if (!k) {
        k = { id, type: c.type ?? '', unit: c.unit ?? '', row: c.row, channels: 0, tone: tones[this.kinds.length % tones.length] };
        this.kinds.push(k);
        this.gains.set(id, 1);
      }
      k.channels++;
      c.kind = k;
    }
    this.events = head.events.filter((e) => e.onset >= 0).sort((a, b) => a.onset - b.onset);
    this.worker = new Worker(new URL('./raster.js', import.meta.url), { type: 'module' });
    this.worker.onmessage = (event) => this.hear(event.data);
    this.worker.postMessage({ kind: 'open', head: { rate: head.rate, frames: head.frames, duration: this.total, segments: head.segments, factors: head.factors, tileBins: head.tileBins, channels: head.channels.map(() => 0), done: head.done }, base: new URL(base, location.href).href });
    this.menus();
    this.channelList();
    this.listen();
    section.viewer = this;
    this.measure();
    this.colours();
    this.say();
  }

  // Size and rows

  measure() {
    const ratio = Math.min(3, window.devicePixelRatio || 1);
    const width = this.plot.clientWidth;
    const height = this.plot.clientHeight;
    if (width === this.width && height === this.height && ratio === this.ratio) return;
    Object.assign(this, { width, height, ratio });
    this.gutter = width < 520 ? 58 : 84;
    this.strip = width < 520 ? 46 : 66; // for the bars of the scale
    this.plotWidth = Math.max(50, width - this.gutter - this.strip);
    this.plotHeight = Math.max(50, height - TOP - AXIS);
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.overviewWidth = this.overview.clientWidth;
    this.overview.width = Math.round(this.overviewWidth * ratio);
    this.overview.height = Math.round(34 * ratio);
    this.scene();
  }

  colours() {
    const style = getComputedStyle(document.documentElement);
    const value = (name) => style.getPropertyValue(name).trim();
    this.ink = value('--ink');
    this.paper = value('--card');
    this.soft = value('--soft');
    this.line = value('--line');
    this.muted = value('--muted');
    this.accent = value('--accent');
    this.sans = value('--sans');
    const dark = this.brightness(this.paper) < 128;
    this.tones = { ink: this.ink, ...(dark ? darkTones : lightTones) };
    this.eventTone = dark ? '#f0cb70' : '#8a5a00';
    this.scene();
  }

  brightness(colour) {
    const [r, g, b] = this.parts(colour);
    return 0.3 * r + 0.6 * g + 0.1 * b;
  }

  parts(colour) {
    this.pen.fillStyle = colour;
    const hex = this.pen.fillStyle;
    return [1, 3, 5].map((n) => parseInt(hex.slice(n, n + 2), 16));
  }

  shown() {
    return this.head.channels.map((_, i) => i).filter((i) => !this.hidden.has(i));
  }

  // scene tells the painter what rows there are; everything is painted anew.
  scene() {
    if (!this.width || !this.tones) return;
    const all = this.shown();
    const fits = Math.max(1, Math.floor(this.plotHeight / 9));
    this.count = Math.max(1, Math.min(this.most || fits, all.length, Math.max(fits, this.most)));
    this.first = Math.max(0, Math.min(this.first, all.length - this.count));
    this.rowHeight = this.plotHeight / this.count;
    this.rows = all.slice(this.first, this.first + this.count).map((channel, n) => ({ channel, y: (n + 0.5) * this.rowHeight }));
    const rows = this.rows.map((r) => {
      const c = this.head.channels[r.channel];
      const [red, green, blue] = this.parts(c.bad ? this.muted : this.tones[c.kind.tone]);
      return {
        channel: r.channel, y: r.y * this.ratio, middle: this.middles[r.channel], colour: red | (green << 8) | (blue << 16),
        perUnit: (this.rowHeight * this.ratio * this.gains.get(c.kind.id)) / c.kind.row,
      };
    });
    this.gen++;
    this.worker.postMessage({
      kind: 'scene',
      scene: { gen: this.gen, rows, blocks: [...new Set(rows.map((r) => Math.floor(r.channel / 64)))], height: Math.round(this.plotHeight * this.ratio), rowHeight: this.rowHeight * this.ratio, thickness: Math.max(1, this.ratio) },
    });
    this.lastWant = '';
    this.redraw();
  }

  // What is seen

  scale() { return (this.plotWidth * this.ratio) / this.span; } // device px of a second

  newLayer(gen, scale) { return { gen, scale, chunks: new Map() }; }

  closeLayer(layer) {
    if (layer) for (const c of layer.chunks.values()) c.bitmap.close();
  }

  clampGoal() {
    const g = this.goal;
    g.span = Math.min(this.total, Math.max(this.least, g.span));
    g.from = Math.min(this.total - g.span, Math.max(0, g.from));
  }

  // move sets where to go; it gets there in a few frames, or at once.
  move(change, atOnce = false) {
    Object.assign(this.goal, change);
    this.clampGoal();
    if (atOnce || still.matches) {
      this.from = this.goal.from;
      this.span = this.goal.span;
    }
    this.redraw();
  }

  zoom(factor, anchor = 0.5, atOnce = false) {
    const g = this.goal;
    const span = Math.min(this.total, Math.max(this.least, g.span * factor));
    this.move({ from: g.from + (g.span - span) * anchor, span }, atOnce);
  }

  // settled is whether all that is seen is painted at its own scale, and nothing better will come.
  get settled() {
    const scale = this.scale();
    if (this.pending || this.layer.gen !== this.gen || this.layer.scale !== scale || this.from !== this.goal.from || this.span !== this.goal.span) return false;
    const left = Math.round(this.from * scale);
    const last = Math.floor(Math.min(left + Math.round(this.plotWidth * this.ratio), this.total * scale) - 1) / CHUNK;
    for (let c = Math.floor(left / CHUNK); c <= last; c++) if (this.layer.chunks.get(c)?.draft !== false) return false;
    return true;
  }

  redraw() {
    if (!this.pending) this.pending = requestAnimationFrame((now) => this.frame(now));
  }

  frame() {
    this.pending = 0;
    const began = performance.now();
    const g = this.goal;
    let moving = false;
    if (this.from !== g.from || this.span !== g.span) {
      const near = Math.abs(g.from - this.from) * this.scale() < 0.6 && Math.abs(g.span / this.span - 1) < 0.001;
      if (near) {
        this.from = g.from;
        this.span = g.span;
      } else {
        const k = 0.34;
        this.from += (g.from - this.from) * k;
        this.span *= (g.span / this.span) ** k;
        moving = true;
      }
    }
    this.draw();
    this.drawOverview();
    this.ask();
    this.frames[this.drawn++ % this.frames.length] = performance.now() - began;
    if (moving) this.redraw();
    else this.settle();
  }

  // settle says where one is, and centres channels that have drifted away, once nothing moves.
  settle() {
    clearTimeout(this.tell);
    this.tell = setTimeout(() => {
      this.say();
      this.token = `${this.from} ${this.span}`;
      this.worker.postMessage({ kind: 'middles', token: this.token, from: this.from, to: this.from + this.span, channels: this.rows.map((r) => r.channel) });
    }, 220);
  }

  hear(m) {
    switch (m.kind) {
      case 'chunk': {
        if (m.gen !== this.gen || (this.layer.gen === m.gen && this.layer.scale === m.scale ? false : m.scale !== this.wanted)) {
          m.bitmap.close();
          return;
        }
        if (this.layer.gen !== m.gen || this.layer.scale !== m.scale) {
          if (this.layer.chunks.size > 0) {
            this.closeLayer(this.old);
            this.old = this.layer;
          }
          this.layer = this.newLayer(m.gen, m.scale);
        }
        this.layer.chunks.get(m.chunk)?.bitmap.close();
        this.layer.chunks.set(m.chunk, { bitmap: m.bitmap, draft: m.draft });
        this.trim();
        this.redraw();
        break;
      }
      case 'busy':
        this.section.classList.toggle('loading', m.busy);
        if (m.busy) this.note('');
        break;
      case 'problem':
        if (m.status === 410 || m.status === 404) this.note('The recording has changed or is not open any more. Load the page again.');
        else if (m.text) this.note(m.text);
        break;
      case 'middles': {
        if (m.token !== this.token) return;
        let changed = false;
        for (const [channel, middle] of Object.entries(m.middles)) {
          const c = this.head.channels[channel];
          if (c.kind.type === 'stim') continue;
          const rows = (Math.abs(middle - this.middles[channel]) * this.gains.get(c.kind.id)) / c.kind.row;
          if (rows > 0.35) {
            this.middles[channel] = middle;
            changed = true;
          }
        }
        if (changed) this.scene();
        break;
      }
    }
  }

  trim() {
    const size = CHUNK * this.plotHeight * this.ratio * 4;
    const most = Math.max(24, Math.floor(MOST_BITMAPS / size));
    if (this.layer.chunks.size <= most) return;
    const middle = ((this.from + this.span / 2) * this.layer.scale) / CHUNK;
    const far = [...this.layer.chunks.keys()].sort((a, b) => Math.abs(b - middle) - Math.abs(a - middle));
    this.lost ??= [];
    for (const c of far.slice(0, this.layer.chunks.size - most)) {
      this.layer.chunks.get(c).bitmap.close();
      this.layer.chunks.delete(c);
      this.lost.push(c);
    }
  }

  // ask tells the painter what is seen and what may be seen next.
  ask() {
    const scale = this.scale();
    const left = Math.round(this.from * scale);
    const right = left + Math.round(this.plotWidth * this.ratio);
    const last = Math.floor((this.total * scale) / CHUNK);
    const a = Math.floor(left / CHUNK);
    const b = Math.min(last, Math.floor((right - 1) / CHUNK));
    this.wanted = scale;
    const text = `${this.gen} ${scale} ${a} ${b}`;
    if (text === this.lastWant) return;
    this.lastWant = text;
    const chunks = [];
    for (let n = 0; n <= b - a; n++) chunks.push(a + n);
    const ahead = [];
    if (scale === (this.plotWidth * this.ratio) / this.goal.span) { // not while one zooms
      for (let n = 1; n <= b - a + 1; n++) {
        if (b + n <= last) ahead.push(b + n);
        if (a - n >= 0) ahead.push(a - n);
      }
    }
    this.worker.postMessage({ kind: 'want', gen: this.gen, scale, chunks, ahead, lost: this.lost ?? [] });
    this.lost = [];
  }

  // Drawing

  draw() {
    const p = this.pen;
    const r = this.ratio;
    const scale = this.scale();
    const left = Math.round(this.from * scale);
    const width = Math.round(this.plotWidth * r);
    const height = Math.round(this.plotHeight * r);
    const x0 = Math.round(this.gutter * r);
    const y0 = Math.round(TOP * r);
    p.setTransform(1, 0, 0, 1, 0, 0);
    p.fillStyle = this.paper;
    p.fillRect(0, 0, this.canvas.width, this.canvas.height);
    p.save();
    p.beginPath();
    p.rect(x0, y0, width, height);
    p.clip();
    const at = (t) => x0 + Math.round(t * scale) - left;
    // Gaps.
    const segments = this.head.segments;
    for (let n = 0; n < segments.length; n++) {
      const end = segments[n].time + (segments[n].end - segments[n].first) / this.head.rate;
      const next = n + 1 < segments.length ? segments[n + 1].time : Infinity;
      if (end > this.from + this.span || next < this.from) continue;
      const a = at(end);
      const b = next === Infinity ? x0 + width : at(next);
      if (n + 1 < segments.length) this.hatch(a, y0, Math.max(b - a, 2), height);
      else if (b > a) {
        p.fillStyle = this.soft;
        p.fillRect(a, y0, b - a, height);
      }
    }
    // Lines of times.
    p.fillStyle = this.line;
    const ticks = this.ticks();
    for (const t of ticks.at) p.fillRect(at(t), y0, Math.max(1, Math.round(r * 0.75)), height);
    // Events that go on for some time.
    const events = this.eventsIn(this.from, this.from + this.span);
    p.fillStyle = this.eventTone;
    p.globalAlpha = 0.07;
    for (const e of events) if (e.duration > 0) p.fillRect(at(e.onset), y0, Math.max(1, at(e.onset + e.duration) - at(e.onset)), height);
    p.globalAlpha = 1;
    // Traces.
    const firstChunk = Math.floor(left / CHUNK);
    const lastChunk = Math.floor((left + width - 1) / CHUNK);
    const current = this.layer.scale === scale;
    let blank = 0; // chunks of which nothing can be shown yet
    for (let c = firstChunk; c <= lastChunk; c++) {
      const have = current ? this.layer.chunks.get(c) : null;
      if (have) {
        p.drawImage(have.bitmap, x0 + c * CHUNK - left, y0);
        continue;
      }
      const a = (c * CHUNK) / scale;
      if (!current && this.stretch(this.layer, a, a + CHUNK / scale, x0, y0, left, scale)) continue;
      if (this.old && this.stretch(this.old, a, a + CHUNK / scale, x0, y0, left, scale)) continue;
      blank++;
    }
    if (blank > 0) this.blank++;
    // Moments of events.
    p.fillStyle = this.eventTone;
    const dense = events.length > this.plotWidth / 6;
    p.globalAlpha = dense ? 0.25 : 0.8;
    for (const e of events) p.fillRect(at(e.onset), y0, Math.max(1, Math.round(r)), height);
    p.globalAlpha = 1;
    p.restore();
    p.setTransform(r, 0, 0, r, 0, 0);
    this.labels(events, ticks, (t) => this.gutter + (t - this.from) * (scale / r));
  }

  // stretch draws the part between two times of a layer of another scale.
  stretch(layer, from, to, x0, y0, left, scale) {
    if (layer.chunks.size === 0) return false;
    const p = this.pen;
    const a = Math.floor((from * layer.scale) / CHUNK);
    const b = Math.floor((to * layer.scale - 1e-6) / CHUNK);
    if (b - a > 64) return false;
    p.save();
    p.beginPath();
    const xa = x0 + from * scale - left;
    p.rect(xa, y0, (to - from) * scale, this.plotHeight * this.ratio);
    p.clip();
    p.imageSmoothingQuality = 'low';
    let some = false;
    for (let c = a; c <= b; c++) {
      const have = layer.chunks.get(c);
      if (!have) continue;
      some = true;
      const x = x0 + ((c * CHUNK) / layer.scale) * scale - left;
      p.drawImage(have.bitmap, x, y0, (CHUNK / layer.scale) * scale, Math.round(this.plotHeight * this.ratio));
    }
    p.restore();
    return some;
  }

  hatch(x, y, w, h) {
    const p = this.pen;
    p.fillStyle = this.soft;
    p.fillRect(x, y, w, h);
    if (w < 6) {
      p.fillStyle = this.muted;
      p.fillRect(x + w / 2, y, 1, h);
      return;
    }
    p.save();
    p.beginPath();
    p.rect(x, y, w, h);
    p.clip();
    p.strokeStyle = this.line;
    p.lineWidth = this.ratio;
    p.beginPath();
    const step = 10 * this.ratio;
    const from = Math.max(x, 0);
    const to = Math.min(x + w, this.canvas.width);
    for (let d = from - h - (from % step); d < to; d += step) {
      p.moveTo(d, y + h);
      p.lineTo(d + h, y);
    }
    p.stroke();
    p.restore();
  }

  eventsIn(from, to) {
    if (this.events.length === 0) return [];
    // Events that go on from before are few; the first that can be seen is found by halving.
    let a = 0;
    let b = this.events.length;
    while (a < b) {
      const m = (a + b) >> 1;
      if (this.events[m].onset < from) a = m + 1;
      else b = m;
    }
    const out = [];
    for (let n = Math.max(0, a - 50); n < this.events.length && this.events[n].onset <= to; n++) {
      const e = this.events[n];
      if (e.onset + (e.duration || 0) >= from) out.push(e);
      if (out.length > 3000) break;
    }
    return out;
  }

  ticks() {
    const rough = (this.span * 90) / this.plotWidth;
    const steps = this.head.timed
      ? [1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400]
      : [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6, 1e7];
    const step = steps.find((s) => s >= rough) ?? steps.at(-1) * Math.ceil(rough / steps.at(-1));
    const at = [];
    for (let n = Math.ceil(this.from / step - 1e-9); n * step <= this.from + this.span; n++) at.push(n * step);
    return { step, at };
  }

  clock(t, step = 1) {
    if (!this.head.timed) return Math.round(t).toLocaleString('en');
    const digits = Math.max(0, Math.min(4, -Math.floor(Math.log10(step) + 1e-9)));
    if (this.total < 120) return t.toFixed(digits);
    const sign = t < 0 ? '−' : '';
    let s = Math.abs(t);
    const h = Math.floor(s / 3600 + 1e-9);
    const m = Math.floor((s - h * 3600) / 60 + 1e-9);
    s = Math.max(0, s - h * 3600 - m * 60);
    const two = (n) => String(n).padStart(2, '0');
    const seconds = digits > 0 ? s.toFixed(digits).padStart(3 + digits, '0') : two(Math.round(s) % 60);
    return h > 0 || this.total >= 3600 ? `${sign}${h}:${two(m)}:${seconds}` : `${sign}${m}:${seconds}`;
  }

  labels(events, ticks, x) {
    const p = this.pen;
    const right = this.gutter + this.plotWidth;
    const bottom = TOP + this.plotHeight;
    // Times.
    p.font = `12px ${this.sans}`;
    p.fillStyle = this.muted;
    p.textBaseline = 'middle';
    p.textAlign = 'center';
    for (const t of ticks.at) {
      const px = x(t);
      if (px < this.gutter + 8 || px > right - 8) continue;
      p.fillText(this.clock(t, ticks.step), px, bottom + AXIS / 2 + 1);
    }
    p.textAlign = 'right';
    if (this.head.timed && this.total < 120) p.fillText('s', right + 14, bottom + AXIS / 2 + 1);
    // Names of channels.
    const size = Math.max(9, Math.min(12, this.rowHeight * 0.95));
    const every = Math.max(1, Math.ceil(10 / this.rowHeight));
    p.font = `${size}px ${this.sans}`;
    for (let n = 0; n < this.rows.length; n += every) {
      const c = this.head.channels[this.rows[n].channel];
      p.fillStyle = c.bad ? this.muted : this.ink;
      let name = c.name;
      while (name.length > 2 && p.measureText(name).width > this.gutter - 10) name = `${name.slice(0, -2)}…`;
      p.fillText(name, this.gutter - 8, TOP + this.rows[n].y);
    }
    // Labels of events, where there is room.
    p.font = `11px ${this.sans}`;
    p.textAlign = 'left';
    p.fillStyle = this.eventTone;
    let free = -Infinity;
    for (const e of events) {
      const px = Math.max(this.gutter, x(e.onset));
      const text = e.label.length > 24 ? `${e.label.slice(0, 22)}…` : e.label;
      if (px < free || !text) continue;
      const w = p.measureText(text).width;
      if (px + w > right + this.strip) continue;
      p.fillText(text, px + 2, TOP / 2 + 1);
      free = px + w + 8;
    }
    // Bars of the scale, one for each kind that is seen.
    p.textBaseline = 'middle';
    let low = TOP;
    for (const k of this.kinds) {
      const row = this.rows.find((o) => this.head.channels[o.channel].kind === k);
      if (!row || k.type === 'stim') continue; // codes have no scale
      const perPx = k.row / this.rowHeight / this.gains.get(k.id);
      const value = round(perPx * Math.max(16, Math.min(60, this.rowHeight)));
      const length = value / perPx;
      const named = k.type && this.kinds.length > 1;
      const high = Math.max(length, named ? 28 : 14);
      const y = Math.max(low, TOP + row.y - high / 2);
      if (y + high > bottom) break;
      const middle = y + high / 2;
      const bx = right + 9;
      p.strokeStyle = this.tones[k.tone];
      p.lineWidth = 1.5;
      p.beginPath();
      p.moveTo(bx - 3, middle - length / 2);
      p.lineTo(bx + 3, middle - length / 2);
      p.moveTo(bx, middle - length / 2);
      p.lineTo(bx, middle + length / 2);
      p.moveTo(bx - 3, middle + length / 2);
      p.lineTo(bx + 3, middle + length / 2);
      p.stroke();
      p.fillStyle = this.ink;
      p.fillText(amount(value, k.unit), bx + 6, middle - (named ? 6 : 0), this.strip - 16);
      if (named) {
        p.fillStyle = this.muted;
        p.fillText(k.type, bx + 6, middle + 8, this.strip - 16);
      }
      low = y + high + 6;
    }
    // The edge of the plot.
    p.strokeStyle = this.line;
    p.lineWidth = 1;
    p.strokeRect(this.gutter + 0.5, TOP + 0.5, this.plotWidth - 1, this.plotHeight - 1);
  }

  drawOverview() {
    const p = (this.overviewPen ??= this.overview.getContext('2d', { alpha: false }));
    const key = `${this.from} ${this.span} ${this.done} ${this.gen} ${this.overview.width}`;
    if (key === this.overviewKey) return;
    this.overviewKey = key;
    const w = this.overviewWidth;
    const h = 34;
    const x = (t) => (t / this.total) * w;
    p.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    p.fillStyle = this.paper;
    p.fillRect(0, 0, w, h);
    p.fillStyle = this.soft;
    for (const s of this.head.segments) p.fillRect(x(s.time), 4, Math.max(1, x((s.end - s.first) / this.head.rate)), 22);
    if (this.done < this.head.frames) {
      p.fillStyle = this.line;
      p.fillRect(x(this.done / this.head.rate), 4, w, 22);
    }
    p.fillStyle = this.eventTone;
    p.globalAlpha = this.events.length > 300 ? 0.35 : 0.75;
    let last = -1;
    for (const e of this.events) {
      const px = Math.round(x(e.onset));
      if (px !== last) p.fillRect(px, 9, 1, 12);
      last = px;
    }
    p.globalAlpha = 1;
    const a = x(this.from);
    const b = Math.max(a + 4, x(this.from + this.span));
    p.fillStyle = this.accent;
    p.globalAlpha = 0.22;
    p.fillRect(a, 2, b - a, 26);
    p.globalAlpha = 1;
    p.strokeStyle = this.accent;
    p.lineWidth = 1.5;
    p.strokeRect(a + 0.75, 2.75, Math.max(1, b - a - 1.5), 24.5);
  }

  // What one can do

  menus() {
    const spans = this.find('span');
    const named = (s) => (!this.head.timed ? `${s} frames` : s < 60 ? `${s} s` : `${s / 60} min`);
    const list = this.head.timed ? SPANS : [500, 2000, 10000];
    spans.append(element('option', { value: '' }, ''), ...list.filter((s) => s < this.total && s > this.least).map((s) => element('option', { value: s }, named(s))), element('option', { value: this.total }, 'all'));
    spans.addEventListener('change', () => {
      const span = Number(spans.value);
      if (span > 0) this.move({ from: this.goal.from + (this.goal.span - span) * (span >= this.total ? 0 : 0.5), span });
    });
    const rows = this.find('rows');
    const n = this.head.channels.length;
    rows.append(...ROWS.filter((r) => r < n).map((r) => element('option', { value: r }, String(r))), element('option', { value: 0, selected: true }, 'all'));
    rows.addEventListener('change', () => {
      this.most = Number(rows.value);
      this.scene();
      this.say();
    });
    this.find('events-group').hidden = this.events.length === 0;
    const form = this.find('goto');
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const field = form.querySelector('input');
      const t = seconds(field.value);
      field.setAttribute('aria-invalid', String(t === null));
      if (t !== null) this.move({ from: t });
    });
    for (const button of this.section.querySelectorAll('[data-do]')) button.addEventListener('click', () => this.act(button.dataset.do));
  }

  act(what) {
    const g = this.goal;
    switch (what) {
      case 'home': return this.move({ from: 0 });
      case 'end': return this.move({ from: this.total });
      case 'back': return this.move({ from: g.from - g.span * 0.95 });
      case 'on': return this.move({ from: g.from + g.span * 0.95 });
      case 'left': return this.move({ from: g.from - g.span * 0.1 });
      case 'right': return this.move({ from: g.from + g.span * 0.1 });
      case 'closer': return this.zoom(1 / 1.5);
      case 'wider': return this.zoom(1.5);
      case 'larger': return this.amplify(1.25);
      case 'smaller': return this.amplify(1 / 1.25);
      case 'up': return this.rowsBy(-1);
      case 'down': return this.rowsBy(1);
      case 'next': return this.event(1);
      case 'previous': return this.event(-1);
    }
  }

  amplify(factor, kind = null) {
    for (const [id, gain] of this.gains) if (!kind || id === kind) this.gains.set(id, Math.min(1e6, Math.max(1e-6, gain * factor)));
    this.scene();
    this.say();
  }

  rowsBy(direction) {
    const was = this.first;
    this.first = Math.max(0, Math.min(this.shown().length - this.count, this.first + direction * Math.max(1, this.count >> 1)));
    if (this.first !== was) this.scene();
    this.say();
  }

  event(direction) {
    const now = this.goal.from + this.goal.span * 0.2;
    const slack = this.goal.span * 0.001 + 1e-6;
    const e = direction > 0 ? this.events.find((o) => o.onset > now + slack) : this.events.findLast((o) => o.onset < now - slack);
    if (e) {
      this.move({ from: e.onset - this.goal.span * 0.2 });
      this.saying = `event ${e.label} at ${this.clock(e.onset, 0.001)}`;
    }
  }

  listen() {
    const keys = { ArrowLeft: 'left', ArrowRight: 'right', PageUp: 'back', PageDown: 'on', Home: 'home', End: 'end', '+': 'closer', '=': 'closer', '-': 'wider', '−': 'wider', ArrowUp: 'larger', ArrowDown: 'smaller', '[': 'up', ']': 'down', n: 'next', p: 'previous' };
    this.plot.addEventListener('keydown', (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const what = keys[event.key];
      if (!what) return;
      event.preventDefault();
      this.act(what);
    });
    this.plot.addEventListener('wheel', (event) => {
      const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? this.plotHeight : 1;
      const share = (event.offsetX - this.gutter) / this.plotWidth;
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        this.zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY * unit * 0.006))), Math.max(0, Math.min(1, share)), true);
        return;
      }
      const across = Math.abs(event.deltaX) > Math.abs(event.deltaY);
      // Without the focus the wheel goes on scrolling the page.
      if (!across && !event.shiftKey && document.activeElement !== this.plot) return;
      event.preventDefault();
      const by = across ? event.deltaX : event.deltaY;
      this.move({ from: this.goal.from + (by * unit * this.goal.span) / this.plotWidth }, true);
    }, { passive: false });

    const fingers = new Map();
    let pinch = null;
    this.plot.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      this.plot.focus({ preventScroll: true });
      fingers.set(event.pointerId, event.offsetX);
      this.plot.setPointerCapture(event.pointerId);
      this.plot.classList.add('held');
      pinch = null;
    });
    this.plot.addEventListener('pointermove', (event) => {
      this.point(event.offsetX);
      if (!fingers.has(event.pointerId)) return;
      const before = fingers.get(event.pointerId);
      fingers.set(event.pointerId, event.offsetX);
      if (fingers.size === 1) {
        this.move({ from: this.goal.from - ((event.offsetX - before) * this.goal.span) / this.plotWidth }, true);
        return;
      }
      const [a, b] = [...fingers.values()];
      const now = { apart: Math.max(20, Math.abs(a - b)), middle: (a + b) / 2 };
      if (pinch) {
        const anchor = (pinch.middle - this.gutter) / this.plotWidth;
        this.zoom(pinch.apart / now.apart, anchor, true);
        this.move({ from: this.goal.from - ((now.middle - pinch.middle) * this.goal.span) / this.plotWidth }, true);
      }
      pinch = now;
    });
    const up = (event) => {
      fingers.delete(event.pointerId);
      pinch = null;
      if (fingers.size === 0) this.plot.classList.remove('held');
    };
    this.plot.addEventListener('pointerup', up);
    this.plot.addEventListener('pointercancel', up);
    this.plot.addEventListener('pointerleave', () => { this.find('cursor').textContent = ''; });

    let dragging = false;
    const jump = (event) => this.move({ from: (event.offsetX / this.overviewWidth) * this.total - this.goal.span / 2 }, true);
    this.overview.addEventListener('pointerdown', (event) => {
      dragging = true;
      this.overview.setPointerCapture(event.pointerId);
      jump(event);
    });
    this.overview.addEventListener('pointermove', (event) => { if (dragging) jump(event); });
    for (const name of ['pointerup', 'pointercancel']) this.overview.addEventListener(name, () => { dragging = false; });

    new ResizeObserver(() => this.measure()).observe(this.plot);
    document.addEventListener('themechange', () => this.colours());
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.colours());
  }

  // point says the time below the pointer.
  point(x) {
    const t = this.from + ((x - this.gutter) / this.plotWidth) * this.span;
    this.find('cursor').textContent = t >= this.from && t <= this.from + this.span ? `${this.clock(t, 0.001)}${this.head.timed && this.total < 120 ? ' s' : ''}` : '';
  }

  say() {
    const g = this.goal;
    const step = g.span > 20 ? 1 : g.span > 2 ? 0.1 : 0.001;
    const unit = this.head.timed && this.total < 120 ? ' s' : '';
    const all = this.shown().length;
    const rows = this.count < all ? `, channels ${this.first + 1} to ${this.first + this.count} of ${all}` : all < this.head.channels.length ? `, ${all} of ${this.head.channels.length} channels` : '';
    const text = `${this.saying ? `${this.saying}: ` : ''}${this.clock(g.from, step)} to ${this.clock(g.from + g.span, step)} of ${this.clock(this.total, step)}${unit}${rows}`;
    this.saying = '';
    const node = this.find('say');
    if (node.textContent !== text) node.textContent = text;
    const spans = this.find('span');
    const same = [...spans.options].find((o) => Math.abs(Number(o.value) / g.span - 1) < 0.01);
    spans.options[0].textContent = same ? '' : this.head.timed ? `${+g.span.toPrecision(3)} s` : `${Math.round(g.span)} frames`;
    spans.options[0].hidden = Boolean(same);
    spans.value = same ? same.value : '';
  }

  note(text) {
    const node = this.find('note');
    node.hidden = !text;
    node.textContent = text;
  }

  // progress takes in how far the server is.
  progress(done) {
    if (done === this.done) return;
    this.done = done;
    this.worker.postMessage({ kind: 'done', done });
    this.redraw();
  }

  channelList() {
    const box = this.find('list');
    for (const k of this.kinds) {
      const boxes = [];
      const group = element('fieldset', {}, element('legend', {}, `${k.type || 'signals'}${k.unit ? `, ${k.unit}` : ''}`));
      const all = element('input', { type: 'checkbox', checked: true });
      const say = (name, factor, path) => {
        const b = element('button', { type: 'button', class: 'tool', title: name }, element('span', { class: 'unseen' }, `${name}: ${k.type || 'signals'}`));
        b.insertAdjacentHTML('beforeend', `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${path}"/></svg>`);
        b.addEventListener('click', () => this.amplify(factor, k.id));
        return b;
      };
      group.append(element('div', { class: 'row' }, element('label', {}, all, ' all'), say('Smaller traces', 1 / 1.25, 'M3 8h10'), say('Larger traces', 1.25, 'M3 8h10M8 3v10')));
      const names = element('div', { class: 'names' });
      this.head.channels.forEach((c, i) => {
        if (c.kind !== k) return;
        const tick = element('input', { type: 'checkbox', checked: true });
        boxes.push(tick);
        tick.addEventListener('change', () => {
          if (tick.checked) this.hidden.delete(i);
          else this.hidden.add(i);
          all.checked = boxes.every((o) => o.checked);
          this.scene();
          this.say();
        });
        names.append(element('label', { title: c.bad ? 'marked as bad' : null }, tick, ` ${c.name}${c.bad ? ' (bad)' : ''}`));
      });
      all.addEventListener('change', () => {
        for (const b of boxes) if (b.checked !== all.checked) {
          b.checked = all.checked;
          b.dispatchEvent(new Event('change'));
        }
      });
      group.append(names);
      box.append(group);
    }
  }
}

// round gives 1, 2 or 5 times a power of ten, at most v.
function round(v) {
  const power = 10 ** Math.floor(Math.log10(v));
  return [5, 2, 1].map((m) => m * power).find((s) => s <= v * 1.0001) ?? power;
}

// amount writes a value with its unit; volts and teslas get a prefix.
function amount(v, unit) {
  const prefixes = ['', 'm', 'µ', 'n', 'p', 'f'];
  let n = 0;
  if (/^(V|T|T\/m)$/.test(unit)) {
    while (v < 0.1 && n < prefixes.length - 1) {
      v *= 1000;
      n++;
    }
  }
  const text = v >= 1e-3 && v < 1e6 ? String(+v.toPrecision(3)) : v.toExponential(0).replace('-', '−');
  return unit ? `${text} ${prefixes[n]}${unit}` : text;
}

// seconds reads "12.5" and "1:02:03".
function seconds(text) {
  const parts = text.trim().replace(',', '.').split(':');
  if (parts.length > 3 || parts.some((p) => p.trim() === '' || Number.isNaN(Number(p)))) return null;
  return parts.reduce((sum, p) => sum * 60 + Number(p), 0);
}
