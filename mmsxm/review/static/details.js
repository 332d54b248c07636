// Details of a bag: what the network computed, where the file is, and earlier decisions.

import { find, make } from './dom.js';
import { VERDICTS } from './rows.js';

const percent = (value) => `${100 * value}%`;

function makeBar({ name, value, threshold, alarm }) {
  const track = make('span', { class: 'track' }, make('i'));
  track.firstChild.style.width = percent(value);
  if (threshold !== undefined) {
    const mark = make('u');
    mark.style.left = percent(threshold);
    track.append(mark);
  }
  return make(
    'div',
    { class: alarm ? 'bar alarm' : 'bar' },
    make('span', {}, name),
    track,
    make('span', {}, value.toFixed(2)),
  );
}

const section = (title, ...children) => [make('h3', {}, title), ...children];

function localTime(text) {
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? text : time.toLocaleString();
}

export function showDetails(details) {
  const history = details.history.map(({ time, operator, decision, comment }) =>
    make(
      'li',
      {},
      `${VERDICTS[decision]}, ${operator || 'no name'}, ${localTime(time)}`,
      ...(comment ? [make('q', {}, comment)] : []),
    ),
  );
  find('details').replaceChildren(
    ...(details.scores ? section('Scores and thresholds', ...details.scores.map(makeBar)) : []),
    ...(details.levels ? section('Level weights', ...details.levels.map(makeBar)) : []),
    ...(history.length ? section('Decisions', make('ul', {}, ...history)) : []),
    ...section('File', make('p', {}, make('bdi', {}, details.path))),
    ...section('Screened', make('p', {}, localTime(details.screened))),
    ...section('Network', make('p', {}, details.network)),
  );
}
