// Keyboard shortcuts: one table for the keys and for their list.

import { find, make } from './dom.js';

// keys as KeyboardEvent.key has them; repeated are those that act again while a key is held
const SHORTCUTS = [
  { keys: ['ArrowDown', 'j'], shown: ['↓', 'J'], action: 'next', text: 'Next bag', repeated: true },
  { keys: ['ArrowUp', 'k'], shown: ['↑', 'K'], action: 'previous', text: 'Previous bag', repeated: true },
  { keys: ['Backspace'], shown: ['Backspace'], action: 'back', text: 'Back to the bag that you decided on last' },
  { keys: ['v'], shown: ['V'], action: 'view', text: 'List all bags, those with alarms, or those to do' },
  { keys: ['p'], shown: ['P'], action: 'confirm', text: 'Decide: prohibited item' },
  { keys: ['n'], shown: ['N'], action: 'clear', text: 'Decide: no prohibited item' },
  { keys: ['m'], shown: ['M'], action: 'comment', text: 'Write a comment; Esc leaves it' },
  { keys: [], shown: ['Ctrl+Enter'], action: 'remark', text: 'In a comment: log it without a decision' },
  { keys: ['o'], shown: ['O'], action: 'overlay', text: 'Show or hide the overlay: regions and attention' },
  { keys: [' '], shown: ['Space'], action: 'peek', text: 'Show the overlay while you hold the key' },
  { keys: ['+', '='], shown: ['+'], action: 'zoom-in', text: 'Zoom in', repeated: true },
  { keys: ['-', '_'], shown: ['-'], action: 'zoom-out', text: 'Zoom out', repeated: true },
  { keys: ['0'], shown: ['0'], action: 'zoom-reset', text: 'Fit the whole bag' },
  { keys: ['Shift+ArrowLeft'], shown: ['Shift+←'], action: 'pan-left', text: 'Pan left', repeated: true },
  { keys: ['Shift+ArrowRight'], shown: ['Shift+→'], action: 'pan-right', text: 'Pan right', repeated: true },
  { keys: ['Shift+ArrowUp'], shown: ['Shift+↑'], action: 'pan-up', text: 'Pan up', repeated: true },
  { keys: ['Shift+ArrowDown'], shown: ['Shift+↓'], action: 'pan-down', text: 'Pan down', repeated: true },
  { keys: ['c'], shown: ['C'], action: 'contrast', text: 'Contrast: high, dense areas, light areas, normal' },
  { keys: ['i'], shown: ['I'], action: 'inverse', text: 'Inverse: dense areas become bright' },
  { keys: ['1'], shown: ['1'], action: 'band-all', text: 'All colors' },
  { keys: ['2'], shown: ['2'], action: 'band-organic', text: 'Organic only (orange)' },
  { keys: ['3'], shown: ['3'], action: 'band-mixed', text: 'Mixed only (green)' },
  { keys: ['4'], shown: ['4'], action: 'band-metal', text: 'Metal only (blue)' },
  { keys: ['r'], shown: ['R'], action: 'original', text: 'Back to the original image' },
  { keys: ['d'], shown: ['D'], action: 'details', text: 'Show or hide details' },
  { keys: ['f'], shown: ['F'], action: 'add', text: 'Add images' },
  { keys: ['e'], shown: ['E'], action: 'operator', text: 'Change the operator' },
  { keys: ['?'], shown: ['?'], action: 'help', text: 'List these keys' },
];

const ARROWS = /^Arrow/;

// The name of a key event in the table; letters also on keyboards of other scripts.
function keyOf(event) {
  let { key } = event;
  if (/^Key[A-Z]$/.test(event.code) && !/^[\x20-\x7e]$/.test(key)) key = event.code.slice(3);
  if (key.length === 1) key = key.toLowerCase();
  return event.shiftKey && ARROWS.test(key) ? `Shift+${key}` : key;
}

// Call perform(action) for each shortcut, and release() when the key for peeking is released.
export function listen(perform, release) {
  const isTyping = (event) => event.target.matches('input, textarea, select');
  const isBusy = () => document.querySelector('dialog[open]') !== null;
  const shortcutOf = (event) => SHORTCUTS.find(({ keys }) => keys.includes(keyOf(event)));

  document.addEventListener('keydown', (event) => {
    if (isBusy() || event.isComposing) return;
    if (isTyping(event)) {
      if (event.key === 'Escape') event.target.blur();
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) perform('remark');
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const shortcut = shortcutOf(event);
    if (!shortcut) return;
    event.preventDefault();
    if (!event.repeat || shortcut.repeated) perform(shortcut.action);
  });
  document.addEventListener('keyup', (event) => {
    const shortcut = shortcutOf(event);
    if (shortcut?.action !== 'peek') return;
    if (!isTyping(event)) event.preventDefault(); // Space does not press a button
    release();
  });
  window.addEventListener('blur', () => release());
}

export function listShortcuts() {
  find('shortcuts').replaceChildren(
    ...SHORTCUTS.map(({ shown, text }) =>
      make('tr', {}, make('th', {}, ...shown.flatMap((key) => [make('kbd', {}, key), ' '])), make('td', {}, text)),
    ),
  );
}
