// The image of a bag with zoom and pan, contrast, inverse, color bands, and an overlay.

import { attentionUrl, loadImage } from './api.js';
import { draw, find, make } from './dom.js';

const LARGEST = 16; // zoom, relative to the whole bag
const LABEL = 15; // largest height of a class name on the screen, pixels
// a filter for each step of the contrast
const CONTRASTS = [
  { name: 'Contrast', filter: '' },
  { name: 'High contrast', filter: 'contrast(1.8)' },
  { name: 'Dense areas', filter: 'brightness(1.7)' },
  { name: 'Light areas', filter: 'brightness(0.64) contrast(2.6)' },
];
// inverts the brightness only: organic matter stays orange, and metal blue
const INVERSE = 'invert(1) hue-rotate(180deg)';

export class Viewer {
  constructor(onChange) {
    this.stage = find('stage');
    this.content = find('content');
    this.image = null;
    this.attention = find('attention');
    this.regions = find('regions');
    this.onChange = onChange;
    this.pointers = new Map();
    this.clear('');
    this.stage.addEventListener('wheel', (event) => this.#wheel(event), { passive: false });
    this.stage.addEventListener('pointerdown', (event) => this.#down(event));
    this.stage.addEventListener('pointermove', (event) => this.#move(event));
    for (const type of ['pointerup', 'pointercancel']) {
      this.stage.addEventListener(type, (event) => this.pointers.delete(event.pointerId));
    }
    this.stage.addEventListener('dblclick', (event) => this.#doubleClick(event));
    new ResizeObserver(() => this.#place()).observe(this.stage);
    this.attention.addEventListener('error', () => (this.attention.hidden = true));
  }

  // Show a message instead of a bag.
  clear(message) {
    this.index = null;
    this.content.hidden = true;
    find('message').textContent = message;
    this.image?.remove();
    this.image = null;
    this.visibleBand = '';
    this.attention.removeAttribute('src');
    this.#reset();
  }

  // Show a bag as it is, and resolve when its image is visible.
  async show(details) {
    this.clear('');
    this.index = details.index;
    this.size = [details.width, details.height];
    this.content.style.width = `${details.width}px`;
    this.content.style.height = `${details.height}px`;
    this.#drawRegions(details);
    await this.#load();
    if (this.index !== details.index) return;
    this.content.hidden = false;
    this.#place();
  }

  // Load the image in the current band, and put it in place of the one before it.
  async #load() {
    const [index, band] = [this.index, this.band];
    const image = make('img', { id: 'image', alt: 'X-ray image of the bag', draggable: false });
    await loadImage(image, index, band);
    if (this.index !== index || this.band !== band) return;
    this.image?.remove();
    this.image = image;
    this.visibleBand = band;
    this.content.prepend(image);
    this.#adjust();
  }

  #reset() {
    [this.zoom, this.x, this.y] = [1, 0, 0];
    [this.contrast, this.inverse, this.band, this.overlay] = [0, false, '', false];
    this.peeking = false;
    this.#adjust();
  }

  #drawRegions(details) {
    this.regions.setAttribute('viewBox', `0 0 ${details.width} ${details.height}`);
    this.regions.replaceChildren(
      ...details.regions.flatMap(({ box: [x, y, width, height], label, place, size }) => [
        draw('rect', { x, y, width, height }),
        ...(label ? [draw('text', { x: place[0], y: place[1], 'data-size': size }, label)] : []),
      ]),
    );
  }

  // The scale at which the whole bag fits into the stage.
  get #fit() {
    const { clientWidth, clientHeight } = this.stage;
    return Math.min(clientWidth / this.size[0], clientHeight / this.size[1]);
  }

  // Move the content; x and y are the middle of the stage, relative to the middle of the image.
  #place() {
    if (this.content.hidden) return;
    const scale = this.#fit * this.zoom;
    const { clientWidth, clientHeight } = this.stage;
    const free = [
      Math.max(this.size[0] - clientWidth / scale, 0) / 2,
      Math.max(this.size[1] - clientHeight / scale, 0) / 2,
    ];
    this.x = Math.min(Math.max(this.x, -free[0]), free[0]);
    this.y = Math.min(Math.max(this.y, -free[1]), free[1]);
    const left = clientWidth / 2 - (this.size[0] / 2 + this.x) * scale;
    const top = clientHeight / 2 - (this.size[1] / 2 + this.y) * scale;
    this.content.style.transform = `translate(${left}px, ${top}px) scale(${scale})`;
    for (const text of this.regions.querySelectorAll('text')) {
      const height = Math.min(Number(text.dataset.size), LABEL / scale);
      text.style.fontSize = `${height}px`;
      text.style.strokeWidth = `${height / 5}px`;
      text.setAttribute('dy', -height / 4);
    }
    this.onChange(this);
  }

  #adjust() {
    const filters = [CONTRASTS[this.contrast].filter, this.inverse ? INVERSE : ''];
    if (this.image) this.image.style.filter = filters.join(' ').trim() || 'none';
    this.stage.classList.toggle('inverse', this.inverse);
    const overlay = this.overlay || this.peeking;
    this.content.classList.toggle('overlay', overlay);
    if (overlay) this.#loadAttention();
    this.onChange(this);
  }

  // Only for an overlay that is shown: the network runs once more for it.
  #loadAttention() {
    if (this.index === null || this.attention.hasAttribute('src')) return;
    this.attention.hidden = false;
    this.attention.src = attentionUrl(this.index);
  }

  get hasRegions() {
    return this.regions.childElementCount > 0;
  }

  get contrastName() {
    return CONTRASTS[this.contrast].name;
  }

  // Zoom by a factor; the point of the stage, in pixels, stays where it is.
  zoomBy(factor, point = [this.stage.clientWidth / 2, this.stage.clientHeight / 2]) {
    if (this.content.hidden) return;
    const before = this.#fit * this.zoom;
    this.zoom = Math.min(Math.max(this.zoom * factor, 1), LARGEST);
    const after = this.#fit * this.zoom;
    this.x += (point[0] - this.stage.clientWidth / 2) * (1 / before - 1 / after);
    this.y += (point[1] - this.stage.clientHeight / 2) * (1 / before - 1 / after);
    this.#place();
  }

  zoomReset() {
    [this.zoom, this.x, this.y] = [1, 0, 0];
    this.#place();
  }

  // Pan by a share of the stage.
  panBy(right, down) {
    if (this.content.hidden) return;
    const scale = this.#fit * this.zoom;
    this.x += (right * this.stage.clientWidth) / scale;
    this.y += (down * this.stage.clientHeight) / scale;
    this.#place();
  }

  toggleOverlay() {
    this.overlay = !this.overlay && !this.content.hidden;
    this.#adjust();
  }

  // Show the overlay for a moment.
  peek(on) {
    this.peeking = on && !this.content.hidden;
    this.#adjust();
  }

  nextContrast() {
    this.contrast = (this.contrast + 1) % CONTRASTS.length;
    this.#adjust();
  }

  toggleInverse() {
    this.inverse = !this.inverse;
    this.#adjust();
  }

  async setBand(band) {
    if (this.content.hidden) return;
    const index = this.index;
    this.band = band;
    this.#adjust();
    try {
      await this.#load();
    } catch (error) {
      if (this.index === index && this.band === band) this.band = this.visibleBand;
      this.#adjust();
      throw error;
    }
  }

  // Back to the original image.
  original() {
    const hadBand = this.band !== '';
    this.#reset();
    this.#place();
    return hadBand && !this.content.hidden ? this.#load() : undefined;
  }

  #wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 33 : 1;
    this.zoomBy(2 ** ((-event.deltaY * lines) / 250), this.#point(event));
  }

  #point(event) {
    const bounds = this.stage.getBoundingClientRect();
    return [event.clientX - bounds.left, event.clientY - bounds.top];
  }

  #down(event) {
    if (event.button !== 0 || this.content.hidden) return;
    this.stage.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.#point(event));
  }

  #move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before || this.content.hidden) return;
    const now = this.#point(event);
    const others = [...this.pointers].filter(([id]) => id !== event.pointerId);
    this.pointers.set(event.pointerId, now);
    const scale = this.#fit * this.zoom * this.pointers.size;
    this.x -= (now[0] - before[0]) / scale;
    this.y -= (now[1] - before[1]) / scale;
    if (others.length === 1) {
      const [, other] = others[0];
      const distance = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]);
      const middle = [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2];
      this.zoomBy(distance(now) / Math.max(distance(before), 1), middle);
    }
    this.#place();
  }

  #doubleClick(event) {
    if (this.zoom > 1) this.zoomReset();
    else this.zoomBy(2.5, this.#point(event));
  }
}
