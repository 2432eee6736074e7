// Talks to the service: requests with the key, problems in words, a job's events.

/** What `find` gives is there: the page and this script are one document. */
const find = (selector, root = document) => root.querySelector(selector);
const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** Of the tab; browsers that are told to keep nothing refuse even to be asked. */
const keyStore = {
  name: "restored-key",
  get() { try { return sessionStorage.getItem(this.name) ?? ""; } catch { return ""; } },
  set(key) {
    try { if (key) sessionStorage.setItem(this.name, key); else sessionStorage.removeItem(this.name); } catch { /* Kept below. */ }
  },
};
let key = keyStore.get();

/** Why something was not done, in a sentence for people. */
class ServiceProblem extends Error {
  constructor(kind, status, sentence, retryAfter = 0) {
    super(sentence);
    Object.assign(this, { kind, status, retryAfter });
  }
  /** Whether the same may be done a little later, with nobody's help. */
  get passes() { return this.retryAfter > 0 && [429, 503].includes(this.status); }
}

/** Asks the service; where it wants a key, its reader first. Throws a ServiceProblem. */
async function call(path, options = {}) {
  for (;;) {
    const headers = new Headers(options.headers);
    const sent = key;
    if (sent) headers.set("Authorization", `Bearer ${sent}`);
    let response;
    try {
      response = await fetch(path, { ...options, headers, cache: "no-store" });
    } catch (error) {
      if (options.signal?.aborted) throw error;
      throw new ServiceProblem("unreachable", 0, sentences.unreachable);
    }
    if (response.ok) return response;
    if (response.status !== 401) throw await problemOf(response);
    // Another request may have been given one meanwhile.
    if (key === sent && !(await askForKey(sent !== ""))) throw await problemOf(response);
  }
}

async function problemOf(response) {
  let document = {};
  try { document = await response.json(); } catch { /* A proxy's own answer. */ }
  return problemIn(document, response.status, Number(response.headers.get("Retry-After")) || 0);
}

function problemIn(document, status, retryAfter = 0) {
  const kind = String(document.type ?? "").split(":").pop();
  const words = sentences[kind];
  const id = document.instance ? ` (Request ${document.instance}.)` : "";
  const detail = document.detail ?? "";
  const sentence = typeof words === "function" ? words(detail) + (status >= 500 && status !== 503 ? id : "")
    : words ?? (detail || sentences.strange(status)) + id;
  return new ServiceProblem(kind, status, sentence, retryAfter);
}

/** A job's states as they come, to the final one. An EventSource can't send a key. */
async function* jobStates(id, signal) {
  let last = "", failures = 0;
  for (;;) {
    try {
      const headers = last ? { "Last-Event-ID": last } : {};
      const response = await call(`jobs/${id}/events`, { headers, signal });
      if (response.status === 204) return;
      for await (const event of serverSentEvents(response.body)) {
        failures = 0;
        last = event.id;
        yield JSON.parse(event.data);
      }
    } catch (error) {
      if (signal.aborted) throw error;
      if (error.kind === "too-many-streams") {
        yield await (await call(`jobs/${id}`, { signal })).json();
      } else if (error instanceof ServiceProblem && error.status !== 0 && error.status !== 503) {
        throw error;
      } else if (++failures > 5) {
        throw error instanceof ServiceProblem ? error : new ServiceProblem("unreachable", 0, sentences.unreachable);
      }
    }
    await pause(1 + failures);
  }
}

/** The events of a stream (HTML standard, section 9.2), as far as this service writes them. */
async function* serverSentEvents(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      text += value;
      for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
        const event = { id: "", data: "" };
        for (const line of text.slice(0, end).split("\n")) {
          const [, name, content] = /^(\w+): ?(.*)$/.exec(line) ?? [];
          if (name in event) event[name] += content;
        }
        if (event.data) yield event;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
