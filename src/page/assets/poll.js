// Requests for JSON, and their rhythm: once a second while the page is visible, none while it is hidden.

const PAUSES = [1_000, 1_000, 2_000, 4_000, 8_000, 15_000];
const TIMEOUT_MS = 4_000;

/** Pause before the next request, after so many failures in a row. */
export const pauseAfter = (failures) => PAUSES[Math.min(failures, PAUSES.length - 1)];

/** Asks for JSON. The answer has its tag; with `tag` of an answer that is still valid, `body` is null and `status` 304. */
export async function ask(path, tag = null) {
  const headers = tag ? { Accept: "application/json", "If-None-Match": tag } : { Accept: "application/json" };
  const response = await fetch(path, { headers, cache: "no-store", redirect: "error", signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (response.status === 304) return { status: 304, body: null, tag };
  const body = await response.json();
  return { status: response.status, body, tag: response.headers.get("ETag") };
}

/**
 * Repeats `turn`, a task that returns true if it succeeded. `isHidden` holds it back; `wake` runs it at once.
 * `timers` is for tests.
 */
export function repeat(turn, isHidden, timers = globalThis) {
  let failures = 0;
  let timer = null;
  let running = false;
  const run = async () => {
    timer = null;
    if (running || isHidden()) return;
    running = true;
    const began = Date.now();
    const ok = await turn(failures).catch((error) => { globalThis.reportError?.(error); return false; });
    running = false;
    failures = ok ? 0 : failures + 1;
    if (!isHidden() && timer === null) timer = timers.setTimeout(run, Math.max(0, pauseAfter(failures) - (ok ? Date.now() - began : 0)));
  };
  const wake = () => {
    if (timer !== null) timers.clearTimeout(timer);
    return run();
  };
  const sleep = () => {
    if (timer !== null) timers.clearTimeout(timer);
    timer = null;
  };
  return { wake, sleep };
}
