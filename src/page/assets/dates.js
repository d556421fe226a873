// Dates and durations in the programme's zone, whatever the zone of the browser.

const SPACE = "\u00a0";

/** Formats of a language and a zone. */
export function makeDates(locale, zone, words) {
  const format = (options) => new Intl.DateTimeFormat(locale, { timeZone: zone, hourCycle: "h23", ...options });
  const full = format({
    weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit",
  });
  const long = format({ weekday: "long", month: "long" });
  const read = (formatter, ms) => {
    const parts = {};
    for (const { type, value } of formatter.formatToParts(ms)) parts[type] = value.replace(/\.$/, "");
    return parts;
  };
  const parts = (ms) => read(full, ms);
  const time = (ms) => { const p = parts(ms); return `${p.hour}:${p.minute}`; };
  const seconds = (ms) => `${time(ms)}:${parts(ms).second}`;
  const dayMonth = (ms) => { const p = parts(ms); return `${p.day} ${p.month}`; };
  const day = (ms) => `${parts(ms).weekday} ${dayMonth(ms)}`;
  const dayKey = (ms) => { const p = parts(ms); return `${p.year} ${dayMonth(ms)}`; };
  /** Instant as briefly as it stays clear: only the time today, the weekday within six days, else the date. */
  const brief = (ms, nowMs) => {
    if (dayKey(ms) === dayKey(nowMs)) return time(ms);
    const p = parts(ms);
    return Math.abs(nowMs - ms) < 6 * 864e5 ? `${p.weekday} ${time(ms)}` : `${dayMonth(ms)} ${time(ms)}`;
  };
  const dated = (ms) => `${day(ms)} ${parts(ms).year}, ${time(ms)}`;
  /** First and last day of a span that excludes its end. */
  const span = (startMs, endMs) => {
    const first = parts(startMs);
    const last = parts(endMs - 1);
    if (first.month === last.month && first.day === last.day) return day(startMs);
    const from = first.month === last.month ? first.day : `${first.day} ${first.month}`;
    return words("span", { from, to: `${last.day} ${last.month}` });
  };
  /** Name of a period, such as "semana 47, 16 al 22 nov". */
  const period = ({ period: kind, id, start_ms: start, end_ms: end }) => {
    const week = /W(\d+)$/.exec(id);
    if (week) return words("period-week", { n: String(Number(week[1])), span: span(start, end) });
    if (kind === "month") return words("period-month", { month: read(long, start).month, year: parts(start).year });
    return kind === "day" ? `${read(long, start).weekday} ${dayMonth(start)}` : span(start, end);
  };
  return { parts, time, seconds, day, dayMonth, dayKey, brief, dated, span, period, weekday: (ms) => read(long, ms).weekday };
}

/** Duration in its two greatest units: 3 d 4 h, 13 h 17 min, 1 min 12 s. */
export function duration(ms) {
  if (ms == null || !Number.isFinite(ms)) return "\u2013";
  const s = Math.max(0, Math.floor(ms / 1000));
  const units = [[Math.floor(s / 86400), "d"], [Math.floor(s / 3600) % 24, "h"], [Math.floor(s / 60) % 60, "min"], [s % 60, "s"]];
  const first = units.findIndex(([n]) => n > 0);
  if (first < 0) return `0${SPACE}s`;
  return units.slice(first, first + 2).filter(([n], i) => i === 0 || n > 0).map(([n, unit]) => n + SPACE + unit).join(" ");
}

/** Working time in hours, which are no days: 61 h, 13 h 17 min. */
export function workingTime(seconds) {
  if (seconds == null) return "\u2013";
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  if (hours >= 48 || (hours && !minutes)) return `${hours}${SPACE}h`;
  return hours ? `${hours}${SPACE}h ${minutes}${SPACE}min` : `${minutes}${SPACE}min`;
}

/** Ids of the periods before and after one, by the civil calendar. */
export function neighbours(kind, id) {
  const shift = (by) => {
    if (kind === "month") {
      const [year, month] = id.split("-").map(Number);
      return new Date(Date.UTC(year, month - 1 + by, 1)).toISOString().slice(0, 7);
    }
    if (kind === "day") return new Date(Date.parse(`${id}T00:00:00Z`) + by * 864e5).toISOString().slice(0, 10);
    return isoWeek(weekStart(id) + by * 7 * 864e5);
  };
  const shapes = new Map([["month", /^\d{4}-\d\d$/], ["day", /^\d{4}-\d\d-\d\d$/], ["week", /^\d{4}-W\d\d$/]]);
  const valid = shapes.get(kind)?.test(id);
  return valid ? { previous: shift(-1), next: shift(1) } : null;
}

/** Monday of an ISO week, as UTC midnight. */
function weekStart(id) {
  const [year, week] = id.split("-W").map(Number);
  const january4 = Date.UTC(year, 0, 4);
  return january4 + ((week - 1) * 7 - ((new Date(january4).getUTCDay() + 6) % 7)) * 864e5;
}

function isoWeek(monday) {
  const thursday = new Date(monday + 3 * 864e5);
  const year = thursday.getUTCFullYear();
  const week = 1 + Math.floor((thursday - Date.UTC(year, 0, 1)) / (7 * 864e5));
  return `${year}-W${String(week).padStart(2, "0")}`;
}
