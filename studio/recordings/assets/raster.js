// The painter of traces, a worker: it fetches tiles of extremes, and turns stretches of the recording into bitmaps, so that the page itself only
// has to lay bitmaps beside each other. A bitmap ("chunk") is CHUNK device pixels wide; the n-th of a scale begins n * CHUNK pixels behind
// the beginning of the recording.

const CHUNK = 256;
const BLOCK = 64; // channels of a tile
const MOST_BYTES = 192 * 2 ** 20; // of tiles that are kept
const PARALLEL = 4; // requests at once
const CUT = 3; // rows that a trace may leave its own by

let head; // what the recording is
let base; // address of its tiles
let scene; // rows, colours, heights; with every change a new generation
let want = null; // { gen, scale, chunks, ahead }
let done = 0; // frames that the server has looked at
let painted = new Map(); // chunk -> whether it must be painted again when more tiles come
let paintedFor = '';
let running = false;

const tiles = new Map(); // key -> { data, offsets, scales, bins, width, partial, bytes, used } or { failed }
const loading = new Map(); // key -> AbortController
let held = 0; // bytes of tiles
let clock = 0;
let pause = 0; // no request before this time
let failures = 0;

onmessage = (event) => {
  const m = event.data;
  switch (m.kind) {
    case 'open':
      head = m.head;
      base = m.base;
      done = head.done;
      break;
    case 'scene':
      scene = m.scene;
      break;
    case 'want':
      want = m;
      if (paintedFor !== `${m.gen} ${m.scale}`) {
        paintedFor = `${m.gen} ${m.scale}`;
        painted = new Map();
      }
      for (const c of m.lost) painted.delete(c);
      fetchMore();
      run();
      break;
    case 'done':
      if (m.done === done) break;
      done = m.done;
      for (const [key, t] of tiles) if (t.partial || t.failed) forget(key);
      for (const [c, draft] of painted) if (draft) painted.set(c, 2);
      fetchMore();
      run();
      break;
    case 'middles':
      postMessage({ kind: 'middles', token: m.token, middles: middles(m.from, m.to, m.channels) });
      break;
  }
};

// factorFor is the level at which a bin is at most a pixel wide.
function factorFor(scale) {
  const frames = head.rate / scale; // of a pixel
  let best = 1;
  for (const f of head.factors) if (f <= frames) best = Math.max(best, f);
  return best;
}

function key(factor, index, block) { return `${factor}/${index}/${block}`; }

function forget(k) {
  const t = tiles.get(k);
  if (!t) return;
  held -= t.bytes ?? 0;
  tiles.delete(k);
}

function tile(factor, index, block) {
  const t = tiles.get(key(factor, index, block));
  if (!t || t.failed) return null;
  t.used = ++clock;
  return t;
}

// stretch lists the frames of each segment between two times.
function* stretches(from, to) {
  for (const s of head.segments) {
    const first = Math.max(s.first, s.first + Math.floor((from - s.time) * head.rate) - 1);
    const end = Math.min(s.end, s.first + Math.ceil((to - s.time) * head.rate) + 2);
    if (first < end) yield { s, first, end };
  }
}

// needed lists the tiles between two times for the rows of the scene.
function needed(factor, from, to) {
  const out = [];
  const size = factor * head.tileBins;
  for (const { first, end } of stretches(from, to)) {
    for (let i = Math.floor(first / size); i * size < end; i++) {
      if (factor >= 16 && i * size >= done && done < head.frames) continue; // not there yet
      for (const b of scene.blocks) {
        const k = key(factor, i, b);
        if (!out.some((o) => o.key === k)) out.push({ key: k, factor, index: i, block: b });
      }
    }
  }
  return out;
}

// fetchMore asks for what is missing, what is seen first, and gives up what is not wanted any more.
function fetchMore() {
  if (!want || !scene) return;
  const list = [];
  const factor = factorFor(want.scale);
  const add = (chunks) => {
    for (const c of chunks) for (const t of needed(factor, (c * CHUNK) / want.scale, ((c + 1) * CHUNK) / want.scale)) if (!list.some((o) => o.key === t.key)) list.push(t);
  };
  add(want.chunks);
  // The coarsest level is small and stands in for all others until they come.
  if (head.factors.length > 2) for (const t of needed(head.factors.at(-1), 0, head.duration)) if (!list.some((o) => o.key === t.key)) list.push(t);
  add(want.ahead);
  const keys = new Set(list.map((t) => t.key));
  for (const [k, abort] of loading) if (!keys.has(k)) { abort.abort(); loading.delete(k); }
  for (const t of list) {
    if (loading.size >= PARALLEL) break;
    if (tiles.has(t.key) || loading.has(t.key)) continue;
    load(t);
  }
  postMessage({ kind: 'busy', busy: loading.size > 0 });
}

async function load(t) {
  const abort = new AbortController();
  loading.set(t.key, abort);
  const wait = pause - Date.now();
  try {
    if (wait > 0) await new Promise((r) => setTimeout(r, wait));
    if (abort.signal.aborted) return;
    const from = t.block * BLOCK;
    const to = Math.min(head.channels.length, from + BLOCK);
    const answer = await fetch(`${base}/tiles/${t.factor}/${t.index}?from=${from}&to=${to}`, { signal: abort.signal });
    if (answer.status === 429) {
      pause = Date.now() + 1000 * Math.max(1, Number(answer.headers.get('Retry-After')) || 1);
    } else if (answer.ok) {
      keep(t.key, await answer.arrayBuffer());
      failures = 0;
    } else {
      tiles.set(t.key, { failed: true });
      const text = await answer.text();
      let says = '';
      try { says = JSON.parse(text).detail; } catch { /* a page */ }
      postMessage({ kind: 'problem', status: answer.status, text: says });
    }
  } catch (e) {
    if (abort.signal.aborted) return;
    failures++;
    pause = Date.now() + Math.min(10000, 300 * 2 ** failures);
    if (failures > 2) postMessage({ kind: 'problem', status: 0, text: 'The server cannot be reached. Trying again.' });
  } finally {
    if (loading.get(t.key) === abort) loading.delete(t.key);
  }
  fetchMore();
  run();
}

function keep(k, buffer) {
  const view = new DataView(buffer);
  if (buffer.byteLength < 16 || view.getUint32(0) !== 0x47595431) return; // "GYT1"
  const channels = view.getUint16(8, true);
  const bins = view.getUint16(10, true);
  const width = view.getUint8(12);
  const offsets = new Float32Array(channels);
  const scales = new Float32Array(channels);
  for (let c = 0; c < channels; c++) {
    offsets[c] = view.getFloat32(16 + 8 * c, true);
    scales[c] = view.getFloat32(20 + 8 * c, true);
  }
  const data = new Int16Array(buffer, 16 + 8 * channels, channels * bins * width);
  tiles.set(k, { data, offsets, scales, bins, width, partial: view.getUint8(13) === 1, bytes: buffer.byteLength, used: ++clock });
  held += buffer.byteLength;
  if (held > MOST_BYTES) {
    const old = [...tiles].filter(([, t]) => t.bytes).sort((a, b) => a[1].used - b[1].used);
    for (const [o] of old) {
      if (held < MOST_BYTES * 0.8) break;
      forget(o);
    }
  }
  const [factor, index] = k.split('/').map(Number);
  const size = (factor * head.tileBins) / head.rate;
  if (want) { // what was painted without it is painted again
    for (const [c, draft] of painted) {
      if (!draft) continue;
      const from = (c * CHUNK) / want.scale;
      const to = ((c + 1) * CHUNK) / want.scale;
      for (const { first, end } of stretches(from, to)) {
        if (first / head.rate < (index + 1) * size && end / head.rate >= index * size) painted.set(c, 2);
      }
    }
  }
}

const breath = new MessageChannel(); // lets messages of the page in between
let resume = null;
breath.port1.onmessage = () => resume();
function breathe() {
  return new Promise((r) => { resume = r; breath.port2.postMessage(0); });
}

async function run() {
  if (running) return;
  running = true;
  try {
    for (;;) {
      const w = want;
      if (!w || !scene || scene.gen !== w.gen) break;
      const all = w.chunks.concat(w.ahead);
      const c = all.find((n) => !painted.has(n) || painted.get(n) === 2);
      if (c === undefined) break;
      const began = performance.now();
      const draft = paint(c, w.scale);
      painted.set(c, draft ? 1 : 0);
      const bitmap = await createImageBitmap(image);
      postMessage({ kind: 'chunk', gen: w.gen, scale: w.scale, chunk: c, bitmap, draft, took: performance.now() - began }, [bitmap]);
      await breathe();
    }
  } finally {
    running = false;
  }
}

let image = null;
let pixels = null;
const low = new Float32Array(CHUNK + 1); // of the columns; the first is the last of the chunk before
const high = new Float32Array(CHUNK + 1);

// paint paints a chunk, and reports whether something was missing.
function paint(chunk, scale) {
  const h = scene.height;
  if (!image || image.height !== h) {
    image = new ImageData(CHUNK, h);
    pixels = new Uint32Array(image.data.buffer);
  }
  pixels.fill(0);
  const left = chunk * CHUNK; // of the chunk, px
  const from = (left - 1) / scale;
  const to = (left + CHUNK) / scale;
  const wanted = factorFor(scale);
  let missing = false;
  for (const { s, first, end } of stretches(from, to)) {
    // Where a tile is missing, all rows take the next coarser level that is there.
    let at = first;
    while (at < end) {
      let factor = 0;
      let upTo = end;
      for (const f of head.factors) {
        if (f < wanted) continue;
        const size = f * head.tileBins;
        const index = Math.floor(at / size);
        const got = scene.blocks.every((b) => {
          const t = tile(f, index, b);
          return t && (!t.partial || at < (index * head.tileBins + t.bins) * f);
        });
        if (got) {
          factor = f;
          upTo = Math.min(end, (index + 1) * size);
          for (const b of scene.blocks) {
            const t = tile(f, index, b);
            if (t.partial) upTo = Math.min(upTo, (index * head.tileBins + t.bins) * f);
          }
          break;
        }
      }
      if (factor !== wanted) missing = true;
      if (factor === 0) { // nothing at all: up to where the next tile of the wanted level begins
        const size = wanted * head.tileBins;
        at = Math.min(end, (Math.floor(at / size) + 1) * size);
        continue;
      }
      paintFrames(s, at, upTo, factor, left, scale);
      at = upTo;
    }
  }
  return missing;
}

// paintFrames paints frames from at to before upTo, which lie in one tile of a level.
function paintFrames(s, at, upTo, factor, left, scale) {
  const size = factor * head.tileBins;
  const index = Math.floor(at / size);
  const perFrame = scale / head.rate;
  const origin = (s.time * head.rate - s.first) * perFrame - left + 1; // px of frame 0, counted from the column before the chunk
  const columns = CHUNK + 1;
  for (const row of scene.rows) {
    const t = tile(factor, index, Math.floor(row.channel / BLOCK));
    const c = row.channel % BLOCK;
    const k = -row.perUnit * t.scales[c];
    const y0 = row.y + (row.middle - t.offsets[c]) * row.perUnit; // px of the number 0; y grows downwards
    const data = t.data;
    low.fill(Infinity);
    high.fill(-Infinity);
    const firstBin = Math.max(0, Math.floor(at / factor) - index * head.tileBins);
    const lastBin = Math.min(t.bins, Math.ceil(upTo / factor) - index * head.tileBins + (factor === 1 ? 1 : 0));
    if (factor === 1) {
      // A line from sample to sample, measured at the edges of columns.
      let n = c * t.bins + firstBin;
      let x = origin + (index * head.tileBins + firstBin) * perFrame;
      let was = data[n];
      let xa = x;
      let ya = y0 + k * was;
      // The stretch before the first sample of a tile is that from the last of the tile before.
      if (firstBin === 0 && index > 0 && index * head.tileBins > s.first) {
        const before = tile(1, index - 1, Math.floor(row.channel / BLOCK));
        if (before) {
          const v = before.data[(c + 1) * before.bins - 1];
          if (v !== -32768 && was !== -32768) line(xa - perFrame, row.y + (row.middle - before.offsets[c] - before.scales[c] * v) * row.perUnit, xa, ya, columns);
        }
      }
      if (lastBin - firstBin === 1 && was !== -32768) line(xa, ya, xa + 0.5, ya, columns);
      for (let b = firstBin + 1; b < lastBin; b++) {
        n++;
        const v = data[n];
        const xb = xa + perFrame;
        const yb = y0 + k * v;
        if (v !== -32768 && was !== -32768) {
          if (xb >= 0 && xa < columns) line(xa, ya, xb, yb, columns);
        } else if (v !== -32768 && xb >= 0 && xb < columns) {
          mark(Math.floor(xb), yb);
        }
        was = v;
        xa = xb;
        ya = yb;
      }
    } else {
      const per = factor * perFrame;
      let x = origin + (index * head.tileBins + firstBin) * per;
      let n = (c * t.bins + firstBin) * 2;
      for (let b = firstBin; b < lastBin; b++, n += 2, x += per) {
        const a = data[n];
        if (a === -32768) continue;
        const ya = y0 + k * data[n + 1]; // the largest value is the smallest y
        const yb = y0 + k * a;
        const end = Math.min(columns - 1, Math.ceil(x + per) - 1);
        for (let col = Math.max(0, Math.floor(x)); col <= end; col++) {
          if (ya < low[col]) low[col] = ya;
          if (yb > high[col]) high[col] = yb;
        }
      }
      // Neighbouring columns touch.
      for (let col = 1; col < columns; col++) {
        if (!(low[col] <= high[col]) || !(low[col - 1] <= high[col - 1])) continue;
        const top = low[col - 1];
        const bottom = high[col - 1];
        if (low[col] > bottom) low[col] = bottom;
        else if (high[col] < top) high[col] = top;
      }
    }
    const cut = CUT * scene.rowHeight;
    spans(row, row.y - cut, row.y + cut, columns);
  }
}

function mark(col, y) {
  if (y < low[col]) low[col] = y;
  if (y > high[col]) high[col] = y;
}

// line widens the columns that a straight line passes.
function line(xa, ya, xb, yb, columns) {
  let a = Math.floor(xa);
  const b = Math.floor(xb);
  if (a === b) {
    if (a >= 0 && a < columns) {
      mark(a, ya);
      mark(a, yb);
    }
    return;
  }
  const slope = (yb - ya) / (xb - xa);
  let y = ya;
  for (; a < b; a++) {
    const next = ya + slope * (a + 1 - xa);
    if (a >= columns) return;
    if (a >= 0) {
      mark(a, y);
      mark(a, next);
    }
    y = next;
  }
  if (b >= 0 && b < columns) {
    mark(b, y);
    mark(b, yb);
  }
}

// spans paints the columns of a row. What covers a pixel only in part gives it only a part of the colour.
function spans(row, top, bottom, columns) {
  const h = scene.height;
  const colour = row.colour;
  const half = scene.thickness / 2;
  for (let col = 1; col < columns; col++) {
    if (!(low[col] <= high[col])) continue;
    let a = low[col] - half;
    let b = high[col] + half;
    if (a < top) a = top;
    if (b > bottom) b = bottom;
    if (b < a + scene.thickness) { // cut off: a line at the edge
      if (a > bottom - scene.thickness) a = bottom - scene.thickness;
      b = a + scene.thickness;
    }
    if (a < 0) a = 0;
    if (b > h) b = h;
    if (!(a < b)) continue;
    const ya = Math.floor(a);
    const yb = Math.floor(b);
    let n = ya * CHUNK + col - 1;
    if (ya === yb) {
      blend(n, colour, b - a);
      continue;
    }
    blend(n, colour, ya + 1 - a);
    n += CHUNK;
    for (let y = ya + 1; y < yb; y++, n += CHUNK) pixels[n] = colour | 0xff000000;
    if (yb < h) blend(n, colour, b - yb);
  }
}

function blend(n, colour, part) {
  const alpha = (part * 255) | 0;
  if (alpha > pixels[n] >>> 24) pixels[n] = (colour & 0xffffff) | (alpha << 24);
}

// middles finds about which value each channel lies between two times: the median of the middles of the bins of the finest level that is there.
function middles(from, to, channels) {
  const out = {};
  for (const channel of channels) {
    const found = [];
    const b = Math.floor(channel / BLOCK);
    for (const { first, end } of stretches(from, to)) {
      for (const f of head.factors) {
        if ((end - first) / f > 4096) continue;
        const size = f * head.tileBins;
        let whole = true;
        const here = [];
        for (let i = Math.floor(first / size); i * size < end; i++) {
          const t = tile(f, i, b);
          if (!t) { whole = false; break; }
          const c = channel % BLOCK;
          const last = Math.min(t.bins, Math.ceil((end - i * size) / f));
          for (let n = Math.max(0, Math.floor((first - i * size) / f)); n < last; n++) {
            const at = (c * t.bins + n) * t.width;
            if (t.data[at] !== -32768) here.push(t.offsets[c] + t.scales[c] * (t.width === 2 ? (t.data[at] + t.data[at + 1]) / 2 : t.data[at]));
          }
        }
        if (whole && here.length > 0) {
          for (const v of here) found.push(v);
          break;
        }
      }
    }
    if (found.length > 0) {
      found.sort((a, b2) => a - b2);
      out[channel] = found[found.length >> 1];
    }
  }
  return out;
}
