// Numbers as people read them. Money arrives as text and stays exact: it is whole centavos in a BigInt until it is shown.

export const MINUS = "\u2212";
export const NONE = "\u2013";
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
