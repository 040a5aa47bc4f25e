// Parts of the page.

import { h } from './elements.mjs';

export { h };

// A name from a definition. `lang` tells a screen reader how to speak it; <bdi> keeps a name that is
// written in the other direction together, and the element around it keeps its place on the page.
export function named(name, pageLanguage, tag = 'span', attributes = {}) {
  const lang = name.language === pageLanguage ? null : name.language;
  return h(tag, attributes, h('bdi', { lang }, name.text));
}

const paths = {
  check: 'M4 12.5l5 5L20 6.5',
  down: 'M12 4v15M5 12.5l7 7 7-7',
  clock: 'M12 3a9 9 0 1 0 .01 0zM12 7v5.5l3.5 2',
  cross: 'M6 6l12 12M18 6L6 18',
  wait: 'M12 3a9 9 0 1 1-9 9',
};

// A drawing that repeats what a text beside it says.
export function symbol(kind, className = 'symbol') {
  const namespace = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(namespace, 'svg');
  const path = document.createElementNS(namespace, 'path');
  for (const [name, value] of Object.entries({ viewBox: '0 0 24 24', class: className, 'aria-hidden': 'true' }))
    svg.setAttribute(name, value);
  for (const [name, value] of Object.entries({
    d: paths[kind],
    fill: 'none',
    stroke: 'currentColor',
    'stroke-width': '2.5',
    'stroke-linecap': 'round',
    'stroke-linejoin': 'round',
  }))
    path.setAttribute(name, value);
  svg.append(path);
  return svg;
}
