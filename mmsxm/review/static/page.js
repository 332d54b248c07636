// The review page: opens bags, and passes keys and buttons to actions.

import { addImage, decide, listCases, loadCase, startSession } from './api.js';
import { showDetails } from './details.js';
import { find } from './dom.js';
import { VERDICTS, resultTags, showCounts, showRows } from './rows.js';
import { listShortcuts, listen } from './shortcuts.js';
import { Viewer } from './viewer.js';

const STEP = 200; // rows of the list
const POLL = 4000; // milliseconds between looks for new results
const PAN = 0.2; // of the stage
const VIEWS = ['all', 'alarms', 'to do'];

const state = {
  session: null,
  operator: sessionStorage.getItem('operator') ?? '',
  view: 'to do',
  limit: STEP,
  rows: [],
  total: 0,
  open: null, // index of the open bag
  ready: false, // its image, or the reason why there is none, is visible
  lost: false, // the server did not answer when it was opened
  seen: 0, // decisions and comments on it that are visible
  busy: false, // a decision is being logged
  logged: 0, // number of decisions and comments logged by this page
  last: null, // index of the bag decided on last
};

const viewer = new Viewer((view) => {
  find('zoom').textContent = `${Math.round(100 * view.zoom)}%`;
  find('contrast').textContent = view.contrastName;
  press('overlay', view.overlay || view.peeking);
  press('contrast', view.contrast > 0);
  press('inverse', view.inverse);
  for (const button of document.querySelectorAll('[data-band]')) {
    button.setAttribute('aria-pressed', button.dataset.band === view.band);
  }
});

function press(action, on) {
  document.querySelector(`[data-action=${action}]`).setAttribute('aria-pressed', on);
}

function notify(text, isProblem = false) {
  find('notice').textContent = text;
  find('notice').classList.toggle('problem', isProblem);
}

// Run a task, and show its error as a sentence.
async function attempt(task) {
  try {
    return await task();
  } catch (error) {
    notify(error.message, true);
    return undefined;
  }
}

async function refresh() {
  const { logged } = state;
  const list = await listCases(state.view, state.limit);
  if (logged !== state.logged) return; // the list may not contain the latest decision
  [state.rows, state.total] = [list.rows, list.total];
  find('warning').textContent = list.warning;
  find('warning').hidden = !list.warning;
  showCounts(list.counts);
  render();
  if (state.lost) await open(state.open); // the server answers again
  if (state.open !== null) return;
  const row = state.rows.find(({ verdict }) => !verdict);
  if (row) await open(row.index);
  else showMessage(list.counts.images ? 'Everything in this list is decided.' : 'There are no bags yet.');
}

function render() {
  showRows(state.rows, state.open);
  find('more').hidden = state.total <= state.rows.length;
  find('more').textContent = `List more of ${state.total.toLocaleString('en')}`;
  for (const button of document.querySelectorAll('[data-view]')) {
    button.setAttribute('aria-pressed', button.dataset.view === state.view);
  }
  for (const id of ['confirm', 'clear', 'remark']) find(id).disabled = !state.ready || state.busy;
}

function showTitle(details) {
  find('name').textContent = details.name;
  find('result').replaceChildren(...(details.labels.length ? ['Alarm: '] : []), ...resultTags(details));
  if (details.verdict) find('result').append(` Decided: ${VERDICTS[details.verdict]}`);
}

function showHistory(details) {
  showDetails(details);
  state.seen = details.history.length;
}

async function open(index) {
  if (state.open !== index) find('comment').value = ''; // it was about another bag
  state.open = index;
  showMessage(''); // nothing of the bag before it stays, even if this one cannot be loaded
  render();
  try {
    const details = await loadCase(index);
    if (state.open !== index) return;
    showTitle(details);
    showHistory(details);
    if (details.problem) viewer.clear(details.problem);
    else await viewer.show(details);
  } catch (error) {
    if (state.open === index) {
      [state.ready, state.lost] = [false, error.isSilent === true];
      viewer.clear(error.message);
      render();
    }
    return;
  }
  if (state.open !== index) return;
  state.ready = true;
  render();
}

async function move(step) {
  const place = state.rows.findIndex(({ index }) => index === state.open);
  if (step > 0 && place === state.rows.length - 1 && state.total > state.rows.length) await more();
  const row = place < 0 ? state.rows[0] : state.rows[place + step];
  if (row) await open(row.index);
}

async function more() {
  state.limit += STEP;
  await refresh();
}

async function log(decision) {
  // a bag that is not visible yet cannot be decided on
  if (!state.ready || state.busy || state.open === null) return;
  state.busy = true;
  render();
  const [index, name] = [state.open, find('name').textContent];
  const logged = await attempt(() =>
    decide(index, {
      decision,
      operator: state.operator,
      comment: find('comment').value,
      seen: state.seen,
    }).catch(async (error) => {
      // show what another operator decided meanwhile, or whether the server logged the decision
      if ((error.status === 409 || error.isSilent) && state.open === index) await open(index);
      throw error;
    }),
  );
  state.busy = false;
  render();
  if (!logged) return;
  state.logged += 1;
  const isOpen = state.open === index; // not if the operator opened another bag meanwhile
  if (isOpen) {
    find('comment').value = '';
    find('comment').blur();
  }
  notify(`Logged: ${VERDICTS[decision]}, ${name}`);
  await attempt(async () => {
    if (decision === 'comment') {
      const details = await loadCase(index);
      if (state.open === index) showHistory(details);
      return;
    }
    state.last = index;
    if (isOpen && logged.next === null) state.open = null;
    else if (isOpen) await open(logged.next);
    await refresh();
  });
}

// Show a message instead of a bag.
function showMessage(message) {
  [state.ready, state.lost] = [false, false];
  viewer.clear(message);
  find('name').textContent = '';
  find('result').replaceChildren();
  find('details').replaceChildren();
}

async function setView(view) {
  [state.view, state.limit] = [view, STEP];
  await refresh();
}

async function add(files) {
  let opened = false;
  for (const [number, file] of files.entries()) {
    notify(`Adding ${number + 1} of ${files.length}: ${file.name}`);
    if (file.size > state.session.max_bytes) {
      notify(`${file.name} is larger than ${state.session.max_bytes / 1e6} MB.`, true);
      return;
    }
    const { index } = await addImage(file);
    notify(index === null ? `${file.name}: no alarm, so the bag is not shown.` : `Added: ${file.name}`);
    if (index !== null && !opened) await open(index);
    opened ||= index !== null;
  }
  await refresh();
}

function askOperator() {
  find('operator').value = state.operator;
  find('ask-operator').showModal();
}

function setOperator(name) {
  state.operator = name;
  sessionStorage.setItem('operator', name);
  find('operator-name').textContent = name;
}

const actions = {
  next: () => move(1),
  previous: () => move(-1),
  back: () => state.last !== null && open(state.last),
  view: () => setView(VIEWS[(VIEWS.indexOf(state.view) + 1) % VIEWS.length]),
  more,
  confirm: () => log('confirm'),
  clear: () => log('clear'),
  remark: () => log('comment'),
  comment: () => find('comment').focus(),
  overlay: () => {
    viewer.toggleOverlay();
    if (viewer.overlay && !viewer.hasRegions) {
      notify(`The network marked no region in ${find('name').textContent}`);
    }
  },
  peek: () => viewer.peek(true),
  'zoom-in': () => viewer.zoomBy(1.25),
  'zoom-out': () => viewer.zoomBy(0.8),
  'zoom-reset': () => viewer.zoomReset(),
  'pan-left': () => viewer.panBy(-PAN, 0),
  'pan-right': () => viewer.panBy(PAN, 0),
  'pan-up': () => viewer.panBy(0, -PAN),
  'pan-down': () => viewer.panBy(0, PAN),
  contrast: () => viewer.nextContrast(),
  inverse: () => viewer.toggleInverse(),
  'band-all': () => viewer.setBand(''),
  'band-organic': () => viewer.setBand('organic'),
  'band-mixed': () => viewer.setBand('mixed'),
  'band-metal': () => viewer.setBand('metal'),
  original: () => viewer.original(),
  details: () => {
    find('details').hidden = !find('details').hidden;
    press('details', !find('details').hidden);
  },
  add: () => state.session?.adds_images && find('files').click(),
  operator: askOperator,
  help: () => find('help').showModal(),
};

const perform = (action) => attempt(() => actions[action]());

document.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (button?.dataset.action) perform(button.dataset.action);
  if (button?.dataset.view) attempt(() => setView(button.dataset.view));
  if (button?.dataset.index) attempt(() => open(Number(button.dataset.index)));
});
listen(perform, () => viewer.peek(false));
listShortcuts();

find('files').addEventListener('change', async (event) => {
  const files = [...event.target.files];
  await attempt(() => add(files));
  event.target.value = '';
});
document.addEventListener('dragover', (event) => event.preventDefault());
document.addEventListener('drop', (event) => {
  event.preventDefault();
  if (state.session?.adds_images) attempt(() => add([...event.dataTransfer.files]));
});
find('operator-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const name = find('operator').value.trim().replace(/\s+/g, ' ');
  find('operator-problem').textContent = name ? '' : 'Enter your name.';
  if (!name) return;
  find('operator').blur(); // it would swallow keys until the next frame
  setOperator(name);
  find('ask-operator').close();
});
find('ask-operator').addEventListener('close', () => {
  if (!state.operator) askOperator(); // decisions need a name
});

attempt(async () => {
  state.session = await startSession();
  find('add').hidden = !state.session.adds_images;
  find('comment').maxLength = state.session.longest_comment;
  setOperator(state.operator);
  if (!state.operator) askOperator();
  await refresh();
});

// One look at a time, so that a page that does not answer is not asked ever more often.
async function poll() {
  if (!document.hidden && !state.busy) await attempt(refresh);
  setTimeout(poll, POLL);
}
setTimeout(poll, POLL);
