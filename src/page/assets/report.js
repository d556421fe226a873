// Figures of a report, of a cut or of a period, apart from how they are drawn. People are never added over programmes.

import { centavos, difference, moneyText } from "./numbers.js";

const FIELDS = ["beneficiaries", "dispersals", "net_pesos"];

const add = (a, b) => {
  if (a == null || b == null) return null;
  return typeof a === "string" ? moneyText(centavos(a) + centavos(b)) : a + b;
};

/** Sum of figures. Their people are added only where they are of one programme. */
function total(list, onePeople) {
  if (!list.length || list.some((figures) => !figures)) return null;
  return Object.fromEntries(FIELDS.map((field) => [field,
    field === "beneficiaries" && !onePeople ? null : list.map((figures) => figures[field] ?? null).reduce(add)]));
}

/** Cells `{programme, state, then, today}` of a period of a cut. */
export const cutCells = (period) => period.cells.map(({ programme, state, today, ...then }) => ({ programme, state, then, today: today ?? null }));

/** Cells of an answer on a period: `then` is how it closed. */
export const periodCells = (answer) => answer.programmes.flatMap(({ programme, states }) =>
  states.map(({ state, closed, today }) => ({ programme, state, then: closed ?? null, today: today ?? null })));

const byKey = (cells, key) => {
  const groups = new Map();
  for (const cell of cells) groups.set(cell[key], [...(groups.get(cell[key]) ?? []), cell]);
  return groups;
};

/** Figures of each programme; its states count distinct people, so they add up. */
export const byProgramme = (cells) => [...byKey(cells, "programme")].map(([programme, list]) => ({
  programme, then: total(list.map((c) => c.then), true), today: total(list.map((c) => c.today), true),
}));

/** Figures of each state, greatest first; people are null where several programmes paid. */
export function byState(cells) {
  const one = byKey(cells, "programme").size <= 1;
  const rows = [...byKey(cells, "state")].map(([state, list]) => ({
    state, then: total(list.map((c) => c.then), one), today: total(list.map((c) => c.today), one),
  }));
  const size = (row) => Number((row.then ?? row.today)?.net_pesos ?? 0);
  return rows.sort((a, b) => size(b) - size(a));
}

/** Difference of what is known today to what was known then. */
export const since = (row, field) => difference(row.today?.[field] ?? null, row.then?.[field] ?? null);

/** True if people are known in a list of rows. */
export const hasPeople = (rows) => rows.some((row) => (row.then ?? row.today)?.beneficiaries != null);
