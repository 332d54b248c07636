// Requests to the server of the page. Errors carry the reason that the server gives.

let token = '';

async function request(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error('The page does not answer. Check that it is still running.');
  }
  const body = await response.json().catch(() => ({}));
  if (!response.ok) {
    const reason = body.detail || `The request failed (${response.status}).`;
    throw Object.assign(new Error(reason), { status: response.status });
  }
  return body;
}

export async function startSession() {
  const session = await request('/api/session');
  token = session.token;
  return session;
}

export const listCases = (view, limit) =>
  request(`/api/cases?view=${encodeURIComponent(view)}&limit=${limit}`);

export const loadCase = (index) => request(`/api/cases/${index}`);

export const imageUrl = (index, band) =>
  `/api/cases/${index}/image${band ? `?band=${band}` : ''}`;

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
  });
