// Scales of the curve. Closed time is drawn narrow, so that working time has the room.

const CLOSED_WIDTH = 0.1;
const CLOSED_SHARE = 0.35;

/** Open and closed spans of a period in order; closed ones are cut to the period, and overlaps are joined. */
export function segments(start, end, closed) {
  const list = [];
  let at = start;
  for (const span of [...closed].sort((a, b) => a.start_ms - b.start_ms)) {
    const from = Math.max(at, Math.min(span.start_ms, end));
    const to = Math.min(span.end_ms, end);
    if (to <= from) continue;
    if (from > at) list.push({ start: at, end: from, open: true });
    list.push({ start: from, end: to, open: false, name: span.name ?? null });
    at = to;
  }
  if (at < end) list.push({ start: at, end, open: true });
  return list;
}

/** Scale from instants to horizontal places between `left` and `right`. Instants count, so days of 23 and 25 hours fit. */
export function timeAxis(start, end, closed, left, right) {
  const parts = segments(start, end, closed);
  const total = (open) => parts.filter((part) => part.open === open).reduce((sum, part) => sum + part.end - part.start, 0);
  const [open, shut] = [total(true), total(false)];
  const narrow = open === 0 ? 1 : Math.min(CLOSED_WIDTH, (CLOSED_SHARE / (1 - CLOSED_SHARE)) * (open / Math.max(1, shut)));
  const scale = (right - left) / Math.max(1, open + shut * narrow);
  let place = left;
  const spans = parts.map((part) => {
    const width = (part.end - part.start) * scale * (part.open ? 1 : narrow);
    const span = { ...part, x0: place, x1: place + width };
    place += width;
    return span;
  });
  const x = (ms) => {
    const time = Math.max(start, Math.min(end, ms));
    const span = spans.find((s) => time <= s.end) ?? spans.at(-1);
    return span ? span.x0 + ((time - span.start) / (span.end - span.start)) * (span.x1 - span.x0) : left;
  };
  return { x, spans, left, right, start, end };
}

/** Round steps from zero to at least `top`, at most six. */
export function niceTicks(top) {
  if (!(top > 0)) return [0, 1];
  const power = 10 ** Math.floor(Math.log10(top / 4));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => top / size <= 4.5);
  const ticks = [];
  for (let i = 0; i * step <= top * (1 + 1e-9); i++) ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}

/** Keeps labels that have `room` around them, the most important first. Each has `x` and `rank`. */
export function thin(labels, room) {
  const kept = [];
  for (const label of [...labels].sort((a, b) => b.rank - a.rank)) {
    if (kept.every((other) => Math.abs(other.x - label.x) >= room)) kept.push(label);
  }
  return kept.sort((a, b) => a.x - b.x);
}

/** Moves labels apart to at least `gap`, in their order, and keeps them between `low` and `high`. */
export function spread(places, gap, low, high) {
  const order = places.map((y, index) => ({ y: Math.max(low, y), index })).sort((a, b) => a.y - b.y);
  order.forEach((label, i) => { if (i) label.y = Math.max(label.y, order[i - 1].y + gap); });
  for (let i = order.length - 1; i >= 0; i--) {
    order[i].y = Math.min(order[i].y, i === order.length - 1 ? high : order[i + 1].y - gap);
  }
  return order.sort((a, b) => a.index - b.index).map((label) => label.y);
}

const round = (value) => Math.round(value * 10) / 10;

/** Path through points `[x, y]`; a null among them breaks the line. */
export function line(points) {
  let pen = "M";
  return points.map((point) => {
    if (!point) { pen = "M"; return ""; }
    const step = `${pen}${round(point[0])} ${round(point[1])}`;
    pen = "L";
    return step;
  }).join("");
}

/** Closed path along the upper points and back along the lower ones. */
export const area = (upper, lower) => (upper.length ? `${line([...upper, ...[...lower].reverse()])}Z` : "");
