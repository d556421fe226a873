// Labels of a language, and the numbers, dates and durations that the page writes in it. Sentences and titles come with the
// answers. Money arrives as text and stays exact: it is whole centavos in a BigInt until it is shown.

const MINUS = "\u2212";
const NONE = "\u2013";
const SPACE = "\u00a0";

/** Centavos of an amount such as "25000.00"; a derived number is rounded to centavos; null for anything else. */
export function centavos(amount) {
  if (typeof amount === "number" && Number.isFinite(amount)) return BigInt(Math.round(amount * 100));
  const parts = /^(-?)(\d+)(?:\.(\d{1,2}))?$/.exec(amount ?? "");
  if (!parts) return null;
  const value = BigInt(parts[2]) * 100n + BigInt((parts[3] ?? "").padEnd(2, "0"));
  return parts[1] ? -value : value;
}

/** Amount of centavos as the API writes it. */
export function moneyText(cents) {
  const digits = String(cents < 0n ? -cents : cents).padStart(3, "0");
  return `${cents < 0n ? "-" : ""}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** Difference of two figures of one unit; exact for money in text. Null if either is unknown. */
export function difference(a, b) {
  if (a == null || b == null) return null;
  return typeof a === "string" && typeof b === "string" ? moneyText(centavos(a) - centavos(b)) : Number(a) - Number(b);
}

/** Formats of a language. `words` gives the labels of units. */
export function makeNumbers(locale, words) {
  const formats = new Map();
  const plain = (value, digits = 0) => {
    if (!formats.has(digits)) {
      const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
      formats.set(digits, new Intl.NumberFormat(locale, options));
    }
    return formats.get(digits).format(value).replace("-", MINUS).replace(/^\u2212(?=[0.,]*$)/, "");
  };
  const known = (value) => value != null && Number.isFinite(Number(value));
  const whole = (value) => (known(value) ? plain(Math.round(value)) : NONE);
  const percent = (ratio, digits = 1) => (known(ratio) ? `${plain(ratio * 100, digits)}${SPACE}%` : NONE);

  const magnitude = (cents) => {
    if (cents >= 99_995_000n) {
      const tenths = (cents + 5_000_000n) / 10_000_000n;
      return words("millions", { n: `${plain(tenths / 10n)}.${tenths % 10n}` });
    }
    const whole = (cents + 50n) / 100n;
    return words(whole === 1n ? "peso" : "pesos", { n: plain(whole) });
  };
  /** Pesos for reading: millions with one decimal, smaller amounts whole. */
  const money = (amount) => {
    const cents = centavos(amount);
    if (cents === null) return NONE;
    return cents < 0n ? MINUS + magnitude(-cents) : magnitude(cents);
  };
  /** Every digit of an amount. */
  const exact = (amount) => {
    const cents = centavos(amount);
    if (cents === null) return NONE;
    const size = cents < 0n ? -cents : cents;
    return `${cents < 0n ? MINUS : ""}$${plain(size / 100n)}.${String(size % 100n).padStart(2, "0")}`;
  };
  const amount = (unit, value) => {
    if (value == null) return NONE;
    if (unit === "ratio") return percent(value);
    return unit === "pesos" ? money(value) : whole(value);
  };
  /** Amount with its sign, for distances; of a ratio in percentage points. */
  const signed = (unit, value) => {
    if (!known(value)) return NONE;
    const negative = Number(value) < 0;
    const size = typeof value === "string" ? value.replace("-", "") : Math.abs(value);
    const text = unit === "ratio" ? words("points", { n: plain(size * 100, 1) }) : amount(unit, size);
    return /[1-9]/.test(text) ? (negative ? MINUS : "+") + text : text;
  };
  /** Rate an hour: small ones with a decimal. */
  const rate = (unit, value) => {
    if (!known(value) || unit === "ratio") return NONE;
    if (unit === "pesos") return money(value);
    return value < 10 && value > 0 ? plain(value, 1) : whole(value);
  };
  /** Few characters for axes and narrow places: 25 mil, 1.4 M. */
  const short = (unit, value) => {
    if (!known(value)) return NONE;
    if (unit === "ratio") return percent(value, 0);
    const number = Number(value);
    const size = Math.abs(number);
    const digits = (n) => plain(n, Math.abs(n) >= 100 || Number.isInteger(n) ? 0 : 1);
    // From here on, thousands would be rounded to a thousand thousands.
    if (size >= 999_500) return words(unit === "pesos" ? "millions" : "short-millions", { n: digits(number / 1e6) });
    if (size >= 1e4) return words("thousands", { n: digits(number / 1e3) });
    return plain(number, Number.isInteger(number) || size >= 10 ? 0 : 1);
  };
  const chance = (p) => {
    if (!known(p)) return NONE;
    if (p > 0 && p < 0.01) return `<${SPACE}1${SPACE}%`;
    return p > 0.99 && p < 1 ? `>${SPACE}99${SPACE}%` : percent(p, 0);
  };
  return { plain, whole, percent, money, exact, amount, signed, rate, short, chance };
}

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

const LOCALES = { es: "es-MX", en: "en-US" };

/** Reads labels; `{name}` in a label is replaced by a value. A key without a label is shown as it is. */
export function makeWords(labels) {
  return (key, values = {}) => {
    const label = Object.hasOwn(labels, key) ? labels[key] : String(key);
    return label.replace(/\{(\w+)\}/g, (mark, name) => (Object.hasOwn(values, name) ? values[name] : mark));
  };
}

/** Everything that depends on language and zone. */
export function makeContext(language, labels, zone) {
  const w = makeWords(labels);
  const has = (key) => Object.hasOwn(labels, key);
  return {
    language, w, has,
    n: makeNumbers(LOCALES[language], w),
    d: makeDates(LOCALES[language], zone, w),
    /** Text of the reader's language out of one in both; `otherwise` without it. */
    say: (text, otherwise = "") => (text && typeof text === "object" ? text[language] ?? text.es : text) ?? otherwise,
    /** Label of a word that the answer gives, such as a status; the word itself if it has no label. */
    named: (kind, word) => (has(`${kind}-${word}`) ? w(`${kind}-${word}`) : String(word)),
  };
}

/** Splits a text into its first sentence, which is the verdict, and the rest. */
export function verdict(text) {
  const end = /[.!?](?=\s)/.exec(text);
  return end ? [text.slice(0, end.index + 1), text.slice(end.index + 2)] : [text, ""];
}
