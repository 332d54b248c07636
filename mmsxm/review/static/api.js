// Requests to the server of the page. Errors carry the reason that the server gives.

const LIMIT = 30; // seconds that the page has to answer
const ADDING = 600; // the same for an added image: several may wait for a slow network

let token = '';

async function request(path, { seconds = LIMIT, ...options } = {}) {
  const signal = AbortSignal.timeout(1000 * seconds);
  let response, text;
  try {
    response = await fetch(path, { ...options, signal });
    text = await response.text();
  } catch {
    throw silent(signal.aborted ? seconds : 0);
  }
  const body = parse(text);
  if (response.ok && body) return body;
  const other = response.ok ? 'The answer is not from mmsxm review.' : `The request failed (${response.status}).`;
  const reason = body?.detail ?? other;
  throw Object.assign(new Error(reason), { status: response.status });
}

function silent(seconds) {
  const reason = seconds ? `did not answer within ${seconds} seconds` : 'does not answer';
  return Object.assign(new Error(`The server ${reason}. Check that it is still running.`), { isSilent: true });
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null; // such as the HTML of a proxy
  }
}

export async function startSession() {
  const session = await request('/api/session');
  token = session.token;
  return session;
}

export const listCases = (view, limit) =>
  request(`/api/cases?view=${encodeURIComponent(view)}&limit=${limit}`);

export const loadCase = (index) => request(`/api/cases/${index}`);

// Load an image of a bag into an element, and resolve when it can be shown.
export async function loadImage(element, index, band) {
  const signal = AbortSignal.timeout(1000 * LIMIT);
  const expired = new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(silent(LIMIT)));
  });
  element.src = `/api/cases/${index}/image${band ? `?band=${band}` : ''}`;
  const decoded = element.decode().catch(() => {
    throw new Error('The image of this bag cannot be shown.');
  });
  try {
    await Promise.race([decoded, expired]);
  } catch (error) {
    element.removeAttribute('src'); // free the connection
    throw error;
  }
}

export const attentionUrl = (index) => `/api/cases/${index}/attention`;

export const decide = (index, body) =>
  request(`/api/cases/${index}/decision`, {
    method: 'POST',
    headers: { 'x-review-token': token },
    body: JSON.stringify(body),
  });

export const addImage = (file) =>
  request(`/api/images?name=${encodeURIComponent(file.name)}`, {
    method: 'POST',
    headers: { 'x-review-token': token },
    body: file,
    seconds: ADDING,
  });
