// Variables of a dashboard, its range of time, and the intervals that Grafana works out from them. Used in Node.js and in the page.

const UNITS = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
const DAY_S = 86_400;

/** Seconds of a duration such as `15s`. */
export const seconds = (text) => Number(text.slice(0, -1)) * UNITS[text.at(-1)];

/** Distance of a zone from UTC at an instant, in seconds. */
function zoneOffset(zone, atS) {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric",
  }).formatToParts(atS * 1000);
  const of = (type) => Number(parts.find((part) => part.type === type).value);
  return Date.UTC(of("year"), of("month") - 1, of("day"), of("hour"), of("minute"), of("second")) / 1000 - Math.floor(atS);
}

/** Instant in seconds of a text such as `now-6h`, `now/d` or `now/w`; the end of the day or week if `isEnd`. */
export function instant(text, nowS, zone, isEnd) {
  const [, less, unit] = /^now(?:-(\w+))?(?:\/([dw]))?$/.exec(text);
  const at = less ? nowS - seconds(less) : nowS;
  if (!unit) return at;
  const offset = zoneOffset(zone, at);
  const day = Math.floor((at + offset) / DAY_S);
  // The first of January 1970 was a Thursday, and weeks begin on Monday.
  const first = unit === "d" ? day : day - ((day + 3) % 7);
  const begin = first * DAY_S - offset;
  return isEnd ? begin + UNITS[unit] : begin;
}

/** Range of a dashboard at an instant, in seconds. */
export const rangeOf = (dashboard, nowS) => ({
  from: instant(dashboard.time.from, nowS, dashboard.timezone, false),
  to: instant(dashboard.time.to, nowS, dashboard.timezone, true),
});

/** All panels, also those in collapsed rows; rows themselves are left out. */
export const panelsOf = (dashboard) =>
  dashboard.panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]).filter((panel) => panel.type !== "row");

/** Current value of a variable as a query sees it. */
function valueOf(variable) {
  const value = [variable.current?.value ?? variable.query].flat();
  if (value.includes("$__all")) return variable.allValue ?? ".*";
  return value.length > 1 ? `(${value.join("|")})` : String(value[0] ?? "");
}

/** Values of all variables of a dashboard by name; `chosen` replaces some. */
export const valuesOf = (dashboard, chosen = {}) =>
  ({ ...Object.fromEntries(dashboard.templating.list.map((variable) => [variable.name, valueOf(variable)])), ...chosen });

/** Replaces `$name`, `${name}` and `${name:format}`; names that are not known stay. */
export const substitute = (text, values) =>
  text.replace(/\$(?:\{(\w+)(?::\w+)?\}|(\w+))/g, (all, braced, bare) => values[braced ?? bare] ?? all);

/** Steps between which Grafana chooses, in seconds. */
const STEPS = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400];

/** Intervals of a panel that is so many pixels wide, as Grafana's Prometheus data source works them out. */
export function intervals(panel, range, widthPx, scrapeS) {
  const least = Math.max(seconds(panel.interval ?? "15s"), scrapeS);
  const exact = (range.to - range.from) / Math.min(panel.maxDataPoints ?? Infinity, Math.max(1, widthPx));
  const step = Math.max(least, STEPS.find((step) => step >= exact) ?? STEPS.at(-1));
  return { step, values: { __interval: `${step}s`, __rate_interval: `${Math.max(step + least, 4 * least)}s`, __range: `${Math.round(range.to - range.from)}s` } };
}
