// Looks for what keeps a reader with a keyboard, a screen reader or weak eyes from using the page, by rules of WCAG 2.2 AA that a script can
// check. Evaluates to a list of problems, each a sentence.
(() => {
  const problems = [];
  const seen = (e) => {
    const s = getComputedStyle(e);
    const r = e.getBoundingClientRect();
    return s.visibility !== 'hidden' && s.display !== 'none' && r.width > 0 && r.height > 0 && !e.closest('[hidden], .unseen, .skip') && !closed(e);
  };
  const closed = (e) => {
    const d = e.closest('details:not([open])');
    return d && !e.closest('summary') ? true : d && e.closest('summary')?.parentElement !== d;
  };
  const what = (e) => {
    const text = (e.textContent || e.getAttribute('aria-label') || '').trim().replace(/\s+/g, ' ').slice(0, 50);
    return `<${e.tagName.toLowerCase()}${e.id ? '#' + e.id : ''}${e.classList.length ? '.' + [...e.classList].join('.') : ''}> “${text}”`;
  };
  const name = (e) => {
    const by = e.getAttribute('aria-labelledby');
    if (by) return by.split(/\s+/).map((id) => document.getElementById(id)?.textContent ?? '').join(' ').trim();
    return (e.getAttribute('aria-label') || [...(e.labels ?? [])].map((l) => l.textContent).join(' ') || e.textContent || e.getAttribute('title') || e.querySelector('img')?.alt || '').trim();
  };
  const all = (q) => [...document.querySelectorAll(q)];

  // The page as a whole.
  if (!document.documentElement.lang) problems.push('the page has no lang');
  if (!document.title.trim()) problems.push('the page has no title');
  if (all('main').length !== 1) problems.push(`there are ${all('main').length} main landmarks`);
  if (all('h1').length !== 1) problems.push(`there are ${all('h1').length} h1`);
  let level = 0;
  for (const h of all('h1, h2, h3, h4, h5, h6').filter((h) => !h.closest('[hidden]'))) {
    const n = Number(h.tagName[1]);
    if (n > level + 1) problems.push(`heading ${what(h)} follows one of level ${level}`);
    if (!h.textContent.trim()) problems.push(`heading ${what(h)} is empty`);
    level = n;
  }
  for (const n of all('nav')) if (all('nav').length > 1 && !name(n)) problems.push(`one of several nav has no name`);
  const names = all('nav').map((n) => n.getAttribute('aria-label'));
  if (new Set(names).size !== names.length) problems.push('two nav have one name');
  if (!all('a.skip').some((a) => document.querySelector(a.getAttribute('href')))) problems.push('no link skips to the content');

  // Names, references, roles.
  const ids = new Map();
  for (const e of all('[id]')) ids.set(e.id, (ids.get(e.id) ?? 0) + 1);
  for (const [id, n] of ids) if (n > 1) problems.push(`id ${id} is there ${n} times`);
  for (const a of ['aria-labelledby', 'aria-describedby', 'aria-controls', 'for', 'list']) {
    for (const e of all(`[${a}]`)) for (const id of e.getAttribute(a).split(/\s+/)) if (id && !document.getElementById(id)) problems.push(`${a}="${id}" of ${what(e)} refers to nothing`);
  }
  for (const e of all('a[href], button, summary')) if (!name(e)) problems.push(`${what(e)} has no name`);
  for (const e of all('input:not([type=hidden]), select, textarea')) {
    if (!(e.labels?.length || e.getAttribute('aria-label') || e.getAttribute('aria-labelledby'))) problems.push(`${what(e)} name=${e.name} has no label`);
  }
  for (const e of all('img')) if (!e.hasAttribute('alt')) problems.push(`an img has no alt: ${e.src}`);
  for (const e of all('svg')) {
    const named = e.getAttribute('aria-label') || e.querySelector('title');
    if (e.getAttribute('role') === 'img' ? !named : e.getAttribute('aria-hidden') !== 'true' && !e.closest('[aria-hidden=true]')) problems.push(`${what(e)} is neither named nor hidden`);
  }
  for (const e of all('[role=img]')) if (!name(e) && !e.querySelector('title')) problems.push(`${what(e)} with role img has no name`);
  for (const e of all('iframe, progress, [role=region], [role=group], section')) if (!(name(e) && (e.title || e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || e.labels?.length))) problems.push(`${what(e)} has no name`);
  for (const t of all('table')) {
    if (!t.querySelector('th')) problems.push('a table has no header cells');
    for (const th of t.querySelectorAll('th')) if (!th.scope) problems.push(`${what(th)} has no scope`);
  }
  for (const e of all('ul, ol')) if ([...e.children].some((c) => c.tagName !== 'LI' && c.tagName !== 'TEMPLATE')) problems.push(`${what(e)} holds something else than li`);
  for (const e of all('li')) if (!e.closest('ul, ol')) problems.push(`${what(e)} is in no list`);
  for (const e of all('dl')) if ([...e.children].some((c) => !['DIV', 'DT', 'DD'].includes(c.tagName))) problems.push(`${what(e)} holds something else than dt and dd`);
  for (const e of all('[tabindex]')) if (e.tabIndex > 0) problems.push(`${what(e)} changes the order of the focus`);
  for (const e of all('[aria-hidden=true]')) if (e.matches('a, button, input') || e.querySelector('a[href], button, input')) problems.push(`${what(e)} is hidden but can have the focus`);
  const scrolls = all('*').filter((e) => seen(e) && /auto|scroll/.test(getComputedStyle(e).overflowX + getComputedStyle(e).overflowY) && (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1) && e !== document.documentElement && e !== document.body && !e.matches('textarea, input'));
  for (const e of scrolls) if (e.tabIndex < 0 && !e.querySelector('a[href], button, input')) problems.push(`${what(e)} scrolls but cannot have the focus`);

  // Contrast, from computed styles.
  const colour = (text) => {
    const m = text.match(/^rgba?\(([\d.]+),? ([\d.]+),? ([\d.]+)(?:[,/ ]+([\d.]+))?\)/) ?? text.match(/^color\(srgb ([\d.]+) ([\d.]+) ([\d.]+)(?: \/ ([\d.]+))?\)/);
    if (!m) return null;
    const k = text.startsWith('color') ? 255 : 1;
    return [m[1] * k, m[2] * k, m[3] * k, m[4] === undefined ? 1 : Number(m[4])];
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const luminance = ([r, g, b]) => {
    const f = (v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b);
  };
  const ratio = (a, b) => {
    const [x, y] = [luminance(a), luminance(b)];
    return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
  };
  const ground = (e) => {
    const stack = [];
    for (let n = e; n; n = n.parentElement) {
      const c = colour(getComputedStyle(n).backgroundColor);
      if (c && c[3] > 0) stack.push(c);
      if (c && c[3] === 1) break;
    }
    return stack.reverse().reduce((below, top) => over(top, below), matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18, 1] : [255, 255, 255, 1]);
  };
  const told = new Set();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !e || e.closest('svg, script, style, noscript, option, datalist, :disabled') || !seen(e)) continue;
    const s = getComputedStyle(e);
    const c = colour(s.color);
    if (!c) { problems.push(`the colour ${s.color} of ${what(e)} is not understood`); continue; }
    const size = parseFloat(s.fontSize);
    const need = size >= 24 || (size >= 18.66 && Number(s.fontWeight) >= 700) ? 3 : 4.5;
    const bg = ground(e);
    const got = ratio(over(c, bg), bg);
    const key = s.color + bg + need;
    if (got < need - 0.005 && !told.has(key)) {
      told.add(key);
      problems.push(`contrast ${got.toFixed(2)} of ${what(e)}, needs ${need} (${s.color} on ${bg.slice(0, 3).map(Math.round)})`);
    }
  }
  for (const e of all('input:not([type=hidden]), select, textarea, button').filter(seen)) { // their edges: 3 to 1
    if (e.disabled || e.matches('[type=checkbox], [type=radio], .quiet')) continue;
    const s = getComputedStyle(e);
    const edge = colour(s.borderTopColor);
    const around = ground(e.parentElement);
    const fill = over(colour(s.backgroundColor) ?? [0, 0, 0, 0], around);
    if (Math.max(ratio(over(edge, around), around), ratio(fill, around)) < 3) problems.push(`the edge of ${what(e)} has a contrast of ${ratio(over(edge, around), around).toFixed(2)}, needs 3`);
  }

  // Targets, and room.
  for (const e of all('a[href], button, input:not([type=hidden]), select, summary').filter(seen)) {
    const inText = e.matches('a') && getComputedStyle(e).display === 'inline';
    const r = (e.closest('label') ?? e).getBoundingClientRect();
    if (!inText && (r.width < 23.9 || r.height < 23.9) && !(e.matches('[type=checkbox], [type=radio]') && e.labels.length)) problems.push(`${what(e)} is ${Math.round(r.width)} by ${Math.round(r.height)} pixels, needs 24`);
  }
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (wide > 0) problems.push(`the page is ${wide} pixels too wide: ${all('body *').filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !scrolls.some((s) => s.contains(e))).slice(0, 3).map(what).join(', ')}`);

  // The focus can be seen, and goes through the page in its order.
  const order = all('a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]').filter((e) => seen(e) && !e.disabled);
  let blind = 0;
  for (const e of order) {
    e.focus({ preventScroll: true });
    if (document.activeElement !== e) { problems.push(`${what(e)} cannot have the focus`); continue; }
    const s = getComputedStyle(e);
    const box = e.matches('.choice input') ? getComputedStyle(e.closest('.choice')) : s;
    if (!(parseFloat(box.outlineWidth) >= 2 && box.outlineStyle !== 'none') && blind++ < 3) problems.push(`the focus on ${what(e)} cannot be seen`);
  }
  document.activeElement?.blur();
  return problems;
})()
