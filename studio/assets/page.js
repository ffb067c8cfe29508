// What scripts of all sections share.

// csrf returns what a request that changes something sends as X-CSRF-Token.
export function csrf() {
  return document.querySelector('meta[name="csrf"]').content;
}

// element makes an element: element('a', { href: '/' }, 'text', child).
export function element(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

// drawing makes an SVG element.
export function drawing(name, attributes = {}, ...children) {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, children);
}

function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== false) node.setAttribute(key, value === true ? '' : value);
  }
  node.append(...children);
  return node;
}
