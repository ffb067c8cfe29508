// Small line charts of a run's metrics. Their marks, their colours and the way they follow dark pages are those of package report.

import { element, drawing } from './page.js';

const width = 360;
const height = 200;
const edge = { left: 52, right: 10, top: 10, bottom: 30 };
const tones = ['blue', 'orange', 'green', 'purple', 'sky', 'red', 'olive', 'grey'];

// steps returns round numbers between lo and hi, about n of them.
function steps(lo, hi, n) {
  const rough = (hi - lo) / n;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999) ?? 10 * power;
  const out = [];
  for (let v = Math.ceil(lo / step - 1e-9) * step; v <= hi + step * 1e-9; v += step) out.push(Math.abs(v) < step * 1e-6 ? 0 : v);
  return out;
}

function label(v) {
  const a = Math.abs(v);
  if (a >= 1e6) return `${+(v / 1e6).toPrecision(3)} M`;
  if (a >= 1e4) return `${+(v / 1e3).toPrecision(3)} k`;
  if (a !== 0 && a < 1e-3) return v.toExponential(1);
  return String(+v.toPrecision(4)).replace('-', '−');
}

export function number(v) {
  return Number.isInteger(v) && Math.abs(v) < 1e9 ? v.toLocaleString('en') : String(+v.toPrecision(4)).replace('-', '−');
}

// chart draws the curves of one metric: [{ stage, seed, unit, x, y }].
function chart(metric, curves, seeds) {
  let [x0, x1, y0, y1] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const c of curves) {
    for (let i = 0; i < c.x.length; i++) {
      x0 = Math.min(x0, c.x[i]); x1 = Math.max(x1, c.x[i]);
      y0 = Math.min(y0, c.y[i]); y1 = Math.max(y1, c.y[i]);
    }
  }
  x0 = Math.min(x0, 0);
  if (!(x1 > x0)) x1 = x0 + 1;
  const pad = (y1 - y0) * 0.06 || Math.abs(y1) * 0.1 || 1;
  y0 -= pad; y1 += pad;
  const x = (v) => edge.left + ((v - x0) / (x1 - x0)) * (width - edge.left - edge.right);
  const y = (v) => height - edge.bottom - ((v - y0) / (y1 - y0)) * (height - edge.top - edge.bottom);
  const svg = drawing('svg', { class: 'gyf chart', viewBox: `0 0 ${width} ${height}`, role: 'img', fill: 'none', 'font-size': 12 });
  for (const v of steps(y0, y1, 4)) {
    svg.append(
      drawing('path', { class: 'gs-grid', d: `M${edge.left} ${y(v)}H${width - edge.right}`, stroke: '#e3e6ea' }),
      drawing('text', { class: 'gf-muted', x: edge.left - 6, y: y(v) + 4, 'text-anchor': 'end', fill: '#59636e' }, label(v)),
    );
  }
  const units = curves.find((c) => c.unit)?.unit ?? '';
  const xs = steps(x0, x1, 4);
  for (const v of xs) {
    svg.append(drawing('text', { class: 'gf-muted', x: x(v), y: height - 12, 'text-anchor': v === xs.at(-1) && x(v) > width - 30 ? 'end' : 'middle', fill: '#59636e' }, label(v)));
  }
  const stages = [...new Set(curves.map((c) => c.stage))];
  for (const c of curves) {
    const tone = tones[stages.indexOf(c.stage) % tones.length];
    const points = c.x.map((v, i) => `${x(v).toFixed(1)} ${y(c.y[i]).toFixed(1)}`);
    if (points.length === 1) {
      svg.append(drawing('circle', { class: `gf-${tone} dot`, cx: x(c.x[0]), cy: y(c.y[0]), r: 3 }));
    } else {
      svg.append(drawing('path', { class: `gs-${tone} trace`, d: `M${points.join('L')}`, 'stroke-width': seeds > 1 ? 1.2 : 2, 'stroke-linejoin': 'round', 'stroke-dasharray': stages.indexOf(c.stage) >= tones.length ? '4 3' : undefined }));
    }
  }
  const last = curves.at(-1);
  svg.setAttribute('aria-label', `${metric}: ${number(last.y.at(-1))} at ${number(last.x.at(-1))} ${units} of ${last.stage}`);
  const legend = element('ul', { class: 'legend' }, ...stages.map((s, i) =>
    element('li', {}, drawing('svg', { class: 'gyf', viewBox: '0 0 16 8', 'aria-hidden': 'true' }, drawing('path', { class: `gs-${tones[i % tones.length]} trace`, d: 'M0 4H16', 'stroke-width': 3 })), s)));
  return element('figure', { class: 'livechart' }, element('figcaption', {}, element('b', {}, metric), ' ', element('span', { class: 'muted' }, units ? `over ${units}s` : '')), svg, legend);
}

// draw puts a chart for every metric into a box.
export function draw(box, curves, seeds) {
  const metrics = [...new Set(curves.map((c) => c.metric))].sort();
  box.replaceChildren(...metrics.slice(0, 12).map((m) => chart(m, curves.filter((c) => c.metric === m && c.x.length > 0), seeds)));
}
