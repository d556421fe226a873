// Trust in the figures, judged from the newest answer and the page's own clock; and how the page asks for answers: once a
// second while it is visible, not while it is hidden.

/** Age of an answer, in milliseconds, from which the page says that it is old. */
export const ANSWER_OLD_MS = 5_000;
/** Age of the figures, which is a second while all is well, from which the page says that they stand still. */
export const FIGURES_LATE_MS = 3_500;
/** Age of the figures from which distances to the plan are not shown, unless the answer gives that of its clock. */
export const FIGURES_OLD_MS = 60_000;

/**
 * Judges the figures. `answer` is the newest `/api/v1/now` or null, `receivedMs` and `contactMs` are when it came and when
 * the server last answered, `failures` counts failed requests in a row, and `clockMs` is the same clock now.
 */
export function judge({ answer, receivedMs, contactMs, failures, busy, clockMs }) {
  const silentMs = clockMs - contactMs;
  const away = failures >= 2 || (failures > 0 && silentMs > ANSWER_OLD_MS) || (answer !== null && silentMs > ANSWER_OLD_MS);
  if (!answer) return { kind: away ? (busy ? "busy" : "away") : "loading", old: true, reasons: [], untilMs: null, ageMs: null, nowMs: null, sinceMs: null };
  const nowMs = answer.now_ms + Math.max(0, clockMs - receivedMs);
  const { ready, complete_until_ms: untilMs = null, reasons = [] } = answer.trust;
  const ageMs = untilMs === null ? null : Math.max(0, nowMs - untilMs);
  const maxAgeMs = answer.trust.max_age_ms === undefined ? FIGURES_OLD_MS : answer.trust.max_age_ms ?? Infinity;
  const tooOld = ageMs === null || ageMs > maxAgeMs;
  // A clock that runs fast makes every age great; then the answer allows more.
  const isLate = maxAgeMs <= FIGURES_OLD_MS && ageMs - silentMs > FIGURES_LATE_MS;
  const kind = away ? (busy ? "busy" : "away") : !ready ? "unready" : tooOld ? "old" : reasons.length ? "warned" : isLate ? "late" : "exact";
  return {
    kind, reasons, untilMs, ageMs, nowMs, tooOld,
    old: !ready || tooOld || silentMs > ANSWER_OLD_MS,
    sinceMs: away ? answer.now_ms + Math.max(0, contactMs - receivedMs) : reasons[0]?.since_ms ?? untilMs,
  };
}

/** Parts of the page that show an older answer since their requests fail. One failure may be an accident. */
export const stuckParts = (list) => list.filter(({ times }) => times > 1);

/** Banner for a judgement: title, sentences and links; null when all is well. */
export function banner(ctx, trust) {
  const time = (ms) => (trust.nowMs === null || ms === null ? "" : ctx.d.brief(ms, trust.nowMs).replace(/\d\d:\d\d$/, ctx.d.seconds(ms)));
  if (trust.kind === "exact" || trust.kind === "loading") return null;
  const until = trust.untilMs === null ? null : time(trust.untilMs);
  const titles = {
    away: trust.sinceMs === null ? ctx.w("away-first") : ctx.w("away-title", { since: time(trust.sinceMs) }),
    busy: ctx.w("busy-title"),
    unready: until && trust.tooOld ? ctx.w("old-title", { until }) : ctx.w("unready-title"),
    old: until ? ctx.w("old-title", { until }) : ctx.w("unready-title"),
    warned: ctx.w("warned-title"),
    late: ctx.w("late-title", { until }),
  };
  const away = trust.kind === "away" || trust.kind === "busy";
  const lines = away ? [{ text: trust.sinceMs === null ? ctx.w("away-wait") : ctx.w("away-text", { until: until ?? "\u2013" }), link: null }]
    : trust.reasons.map((reason) => ({
      text: ctx.say(reason.say, reason.text),
      since: reason.since_ms == null ? null : ctx.w("since", { since: time(reason.since_ms) }),
      todo: ctx.has(`do-${reason.kind}`) ? ctx.w(`do-${reason.kind}`) : null,
      link: reason.runbook,
    }));
  if (!away && trust.old && until) lines.push({ text: ctx.w("old-text"), link: null });
  return { title: titles[trust.kind], lines, calm: trust.kind === "warned" || trust.kind === "late" };
}

/** Line in the head of the page: as of when the figures are exact. */
export function trustLine(ctx, trust) {
  const { kind, untilMs } = trust;
  if (kind === "loading") return ctx.w("trust-loading");
  if (untilMs === null) return ctx.w(kind === "away" || kind === "busy" ? "trust-away" : "trust-none");
  const at = `${ctx.d.day(untilMs)}, ${ctx.d.seconds(untilMs)}`;
  return ctx.w(trust.old || kind === "away" ? "trust-old" : "trust-exact", { at });
}

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
