// The list of bags.

import { find, make } from './dom.js';

export const VERDICTS = { confirm: 'Prohibited item', clear: 'No prohibited item', comment: 'Comment' };

export function resultTags({ labels, unreadable }) {
  if (unreadable) return [make('b', { class: 'unreadable' }, 'Unreadable')];
  if (!labels.length) return [make('span', { class: 'quiet' }, 'No alarm')];
  return labels.map((label) => make('b', { class: 'alarm' }, label));
}

function makeRow(row, isOpen) {
  return make(
    'button',
    {
      type: 'button',
      'data-index': row.index,
      'aria-current': isOpen,
      tabindex: isOpen ? 0 : -1,
      class: row.unreadable ? 'unreadable' : '',
    },
    make('bdi', { class: 'file' }, row.name),
    make('span', { class: 'tags' }, ...resultTags(row)),
    ...(row.verdict ? [make('span', { class: `verdict ${row.verdict}` }, VERDICTS[row.verdict])] : []),
  );
}

let shown = '';

// Show the list; rows that did not change stay, so that a click on one is not lost.
export function showRows(rows, open) {
  const key = JSON.stringify([rows, open]);
  if (key === shown) return;
  shown = key;
  const list = find('rows');
  const top = list.scrollTop;
  list.replaceChildren(...rows.map((row) => makeRow(row, row.index === open)));
  list.scrollTop = top;
  list.querySelector('[aria-current=true]')?.scrollIntoView({ block: 'nearest' });
}

const plural = (number, noun) => `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`;

export function showCounts({ images, alarms, unreadable, decided, hidden }) {
  find('counts').textContent = [
    plural(images, 'bag'),
    plural(alarms, 'alarm'),
    ...(unreadable ? [`${unreadable.toLocaleString('en')} unreadable`] : []),
    `${decided.toLocaleString('en')} decided`,
    ...(hidden ? [`${hidden.toLocaleString('en')} without alarm are not shown`] : []),
  ].join(' · ');
}
