// Made-up answers of the API, worked out from one list of hours so that they agree with each other. The instant is
// Thursday 2026-11-19, 13:42:07 in Mexico City; Monday was a holiday.

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
export const MONDAY = 1_794_808_800_000;
export const NOW = 1_795_117_327_000;
export const ZONE = "America/Mexico_City";

const both = (es, en = es) => ({ es, en });
const isOpen = (at) => {
  const day = Math.floor((at - MONDAY) / DAY);
  const hour = Math.floor((at - MONDAY) / HOUR) % 24;
  return day >= 1 && day <= 4 && hour >= 9 && hour < 18;
};
/** Share of an open hour's plan that was reached: Wednesday afternoon was lost. */
const pace = (day, hour) => (day === 2 && (hour === 14 || hour === 15) ? 0.24 : day === 2 && hour > 15 ? 0.75 : 0.92 + ((hour * 7 + day * 3) % 10) / 100);

export function curve({ goal = 100_000, name = "weekly_beneficiaries", title = both("Personas con apoyo", "People supported"), unit = "people", scale = 1 } = {}) {
  const each = (goal / 36);
  const points = [];
  let plan = 0;
  let actual = 0;
  const money = (n) => (unit === "pesos" ? n.toFixed(2) : n);
  const hours = [];
  for (let i = 0; i <= 168; i++) {
    const at = MONDAY + i * HOUR;
    const before = at - HOUR;
    let count = i ? 0 : null;
    if (i && isOpen(before)) {
      const [day, hour] = [Math.floor((before - MONDAY) / DAY), Math.floor((before - MONDAY) / HOUR) % 24];
      const whole = Math.round(each * pace(day, hour) * scale);
      if (at > NOW && before < NOW) {
        const part = (NOW - before) / HOUR;
        const reached = Math.round(whole * part);
        points.push({ at_ms: NOW, plan: plan + each * part, tolerance: 3 * Math.sqrt(40 * (plan + each * part)), actual: money(actual + reached), count: money(reached), open: true });
      }
      plan += each;
      count = whole;
      actual += whole;
      hours.push({ start: before, count: before < NOW ? (at > NOW ? Math.round(whole * (NOW - before) / HOUR) : whole) : 0, plan: each });
    }
    const past = at <= NOW;
    points.push({ at_ms: at, plan, tolerance: 3 * Math.sqrt(40 * plan) * (unit === "pesos" ? 158 : 1), actual: past ? money(actual) : null, count: past && i ? money(count) : null, open: isOpen(at) });
  }
  const reached = hours.reduce((sum, h) => sum + h.count, 0);
  const planned = points.find((p) => p.at_ms === NOW).plan;
  const projected = (reached / planned) * goal;
  const future = [NOW, ...[4, 5].flatMap((d) => [MONDAY + (d - 1) * DAY + 18 * HOUR, MONDAY + d * DAY + 9 * HOUR]).filter((t) => t > NOW), MONDAY + 4 * DAY + 18 * HOUR, MONDAY + 7 * DAY];
  const planOf = (t) => { const i = points.findIndex((p) => p.at_ms >= t); return points[i].plan; };
  const to = (end, t) => reached + (end - reached) * (planOf(t) - planned) / (goal - planned);
  const names = ["lun/Mon", "mar/Tue", "mié/Wed", "jue/Thu", "vie/Fri", "sáb/Sat", "dom/Sun"];
  return {
    now_ms: NOW, now: "2026-11-19T13:42:07-06:00", revision: 81_734, name, title, measure: unit === "pesos" ? "net_pesos" : "beneficiaries", unit, step: "hour",
    period: week(), goal: money(goal), calendar: "payments",
    headline: both("El hueco se abrió el miércoles por la tarde", "The gap opened on Wednesday afternoon"),
    points,
    closed: [
      { start_ms: MONDAY, end_ms: MONDAY + DAY, name: both("feriado", "holiday") }, { start_ms: MONDAY + DAY, end_ms: MONDAY + DAY + 9 * HOUR, name: null },
      ...[1, 2, 3].map((d) => ({ start_ms: MONDAY + d * DAY + 18 * HOUR, end_ms: MONDAY + (d + 1) * DAY + 9 * HOUR, name: null })),
      { start_ms: MONDAY + 4 * DAY + 18 * HOUR, end_ms: MONDAY + 7 * DAY, name: null },
    ],
    days: names.map((pair, d) => {
      const [es, en] = pair.split("/");
      const inDay = hours.filter((h) => Math.floor((h.start - MONDAY) / DAY) === d);
      return { start_ms: MONDAY + d * DAY, end_ms: MONDAY + (d + 1) * DAY, name: both(`${es} ${16 + d}`, `${en} ${16 + d}`), count: d > 3 ? null : money(inDay.reduce((s, h) => s + h.count, 0)), plan: inDay.reduce((s, h) => s + h.plan, 0) };
    }),
    worst: { start_ms: MONDAY + 2 * DAY + 14 * HOUR, end_ms: MONDAY + 2 * DAY + 16 * HOUR, shortfall: 2 * each - 2 * Math.round(each * 0.24 * scale) },
    projection: future.map((t) => ({ at_ms: t, middle: to(projected, t), low: to(projected * 0.98, t), high: to(projected * 1.02, t) })),
    cuts: [1, 2].map((d) => ({ id: `2026111${6 + d + 1}T000000Z`, at_ms: MONDAY + d * DAY + 18 * HOUR, actual: points.find((p) => p.at_ms === MONDAY + d * DAY + 18 * HOUR).actual })),
  };
}

export const week = (back = 0) => {
  const start = MONDAY - back * 7 * DAY;
  return { period: "week", id: `2026-W${47 - back}`, start_ms: start, start: new Date(start).toISOString(), end_ms: start + 7 * DAY, end: new Date(start + 7 * DAY).toISOString() };
};
const month = () => ({ period: "month", id: "2026-11", start_ms: MONDAY - 15 * DAY, end_ms: MONDAY + 15 * DAY });
const day = () => ({ period: "day", id: "2026-11-19", start_ms: MONDAY + 3 * DAY, end_ms: MONDAY + 4 * DAY });

function target(name, title, group, unit, period, numbers) {
  const { goal, actual, plan, status, probability = null, tolerance = 0, need = null, had = null, projection = null, say } = numbers;
  const text = (n) => (unit === "pesos" ? n.toFixed(2) : n);
  const value = (n) => (unit === "pesos" ? Number(n) : n);
  return {
    name, title, group, description: `What ${name} is for`, unit, measure: numbers.measure ?? (unit === "people" ? "beneficiaries" : unit === "pesos" ? "net_pesos" : unit === "ratio" ? "service_level" : "milestones"),
    filter: { programmes: [], states: [], queues: [], initiatives: [], milestones: [] },
    calendar: { name: "payments", open: true, changes_ms: MONDAY + 3 * DAY + 18 * HOUR }, complete_until_ms: NOW - 2_000,
    current: {
      status, status_since_ms: NOW - 127_000, say: say ?? both("A este ritmo se alcanzará la meta.", "At this pace the goal will be reached."), period, goal: text(goal), actual: text(actual),
      plan, plan_share: unit === "ratio" ? 0.4 : plan / goal, pace_ratio: value(actual) / plan, shortfall: plan - actual, shortfall_pesos: unit === "people" ? (plan - actual) * 25_000 : unit === "pesos" ? plan - actual : null,
      pace_tolerance: tolerance, projection, projection_low: projection && projection * 0.98, projection_high: projection && projection * 1.02, attainment_probability_ratio: probability,
      required_per_open_hour: need, achieved_per_open_hour: had, remaining_open_seconds: 13.298 * 3600, dispersion: 40,
    },
    previous: { period: week(1), goal: text(goal), actual: text(actual) },
  };
}

const STATES = "AGU:Aguascalientes BCN:Baja_California BCS:Baja_California_Sur CAM:Campeche CHH:Chihuahua CHP:Chiapas CMX:Ciudad_de_México COA:Coahuila COL:Colima DUR:Durango GRO:Guerrero GUA:Guanajuato HID:Hidalgo JAL:Jalisco MEX:Estado_de_México MIC:Michoacán MOR:Morelos NAY:Nayarit NLE:Nuevo_León OAX:Oaxaca PUE:Puebla QUE:Querétaro ROO:Quintana_Roo SIN:Sinaloa SLP:San_Luis_Potosí SON:Sonora TAB:Tabasco TAM:Tamaulipas TLA:Tlaxcala VER:Veracruz YUC:Yucatán ZAC:Zacatecas".split(" ");
const LOST = { OAX: 0.686, CHP: 0.721, GRO: 0.818, VER: 0.84, TAB: 0.906 };

export function states() {
  return STATES.map((pair, i) => {
    const [code, name] = pair.split(":");
    const before = 700 + ((i * 977) % 5200);
    const people = Math.round(before * (LOST[code] ?? 0.95 + (i % 11) / 100));
    return { state: `MX-${code}`, name: both(name.replaceAll("_", " ")), day: { beneficiaries: Math.round(people / 5), net_pesos: `${Math.round(people / 5) * 25_000}.00` }, week: { beneficiaries: people, net_pesos: `${people * 25_000}.00` }, before: { beneficiaries: before, until_ms: NOW - 7 * DAY } };
  });
}

export function now() {
  const c = curve();
  const actual = c.points.find((p) => p.at_ms === NOW).actual;
  const plan = c.points.find((p) => p.at_ms === NOW).plan;
  const today = c.days[3].count;
  const projection = (actual / plan) * 100_000;
  const risk = both(`No se alcanzará la meta a este ritmo. Faltan ${Math.round(plan - actual).toLocaleString("en-US")} personas para ir al plan; la semana cerraría con cerca de ${(Math.round(projection / 100) * 100).toLocaleString("en-US")}.`,
    `At this pace the goal will be missed. ${Math.round(plan - actual).toLocaleString("en-US")} people short of the plan; the week would end with about ${(Math.round(projection / 100) * 100).toLocaleString("en-US")}.`);
  const P = (n) => ({ dispersals: n, gross_pesos: `${n * 25_000}.00`, net_pesos: `${(n - 86) * 25_000}.00`, returned: 86, returned_pesos: "2150000.00" });
  const C = (k) => ({ offered: 5612 * k, answered: 5204 * k, abandoned: 371 * k, abandoned_short: 37 * k, answered_in_time: 4226 * k, service_level_ratio: 0.7631, wait_seconds: 24.2, handle_seconds: 378.4, completed: 5100 * k });
  const support = both("Apoyos", "Supports").es;
  return {
    now_ms: NOW, now: "2026-11-19T13:42:07-06:00", revision: 81_734, zone: ZONE, version: "0.1.0", programme: both("Pacemeter"), state_built_ms: 1_788_312_800_000,
    trust: { ready: true, complete_until_ms: NOW - 2_000, age_ms: 2_000, streams: ["call", "disbursement", "milestone"].map((stream) => ({ stream, complete_until_ms: NOW - 2_000 })), reasons: [] },
    targets: [
      target("weekly_beneficiaries", both("Personas con apoyo", "People supported"), support, "people", week(), { goal: 100_000, actual, plan, status: "at_risk", probability: 1e-16, tolerance: 4764, need: (100_000 - actual) / 13.298, had: actual / 22.702, projection, say: risk }),
      target("weekly_pesos", both("Pesos dispersados", "Pesos paid out"), support, "pesos", week(), { goal: 2_500_000_000, actual: (actual - 86) * 25_000, plan: plan * 25_000, status: "at_risk", probability: 1e-17, tolerance: 119_116_539.57, need: 84_888_705.07, had: 60_397_762.31, projection: projection * 25_000, say: risk }),
      target("domestic_workers", both("Trabajadoras del hogar", "Domestic workers"), support, "people", month(), { goal: 5759, actual: 3781, plan: 3492.5, status: "on_pace", probability: 0.9993, tolerance: 434, need: 29.4, had: 36.5, projection: 6234.7 }),
      target("service_level", both("Contestadas en 20 s", "Answered in 20 s"), "Atención telefónica", "ratio", day(), { goal: 0.8, actual: 0.7631, plan: 0.8, status: "behind", tolerance: 0.02, say: both("Vamos abajo de la meta: 76.3 %, y la meta es 80.0 %.", "Below the goal: 76.3 %, and the goal is 80.0 %.") }),
      target("calls_answered", both("Llamadas contestadas", "Calls answered"), "Atención telefónica", "calls", week(), { goal: 55_000, actual: 33_904, plan: 32_607.6, status: "on_pace", probability: 0.9999, tolerance: 1625, need: 455.6, had: 758.5, projection: 57_186.7, measure: "calls_answered" }),
      target("market_businesses", both("Negocios en el mercado en línea", "Businesses in the online market"), "Mercado, reunión, hospitales", "milestones", week(), { goal: 3660, actual: 2204, plan: 1867, status: "ahead", probability: 0.99999, tolerance: 317, need: 17.7, had: 25.7, projection: 4320 }),
      target("meeting_agreements", both("Acuerdos de la reunión", "Agreements of the meeting"), "Mercado, reunión, hospitales", "milestones", week(), { goal: 837, actual: 841, plan: 427, status: "reached", probability: 1, tolerance: 124, need: 0, had: 9.8, projection: 1648 }),
      target("hospitals", both("Hospitales transferidos", "Hospitals handed over"), "Mercado, reunión, hospitales", "milestones", month(), { goal: 100, actual: 51, plan: 61.9, status: "within_chance", probability: 0.1375, tolerance: 47, need: 0.18, had: 0.114, projection: 82.4 }),
    ],
    payments: {
      day: P(today + 24), week: P(actual + 186), month: P(actual + 190_000), backlog: { supports: 41_207, pesos: "1030175000.00", oldest_approval_ms: NOW - 3 * DAY - 4 * HOUR },
      programmes: [["credito-a-la-palabra", both("Crédito a la palabra", "Credit on the word")], ["trabajadoras-del-hogar", both("Trabajadoras del hogar", "Domestic workers")]].map(([programme, title], i) => ({ programme, title, day: { ...P(900 + 5000 * (1 - i)), beneficiaries: 890 + 5000 * (1 - i) }, week: { ...P(3800 + 45_000 * (1 - i)), beneficiaries: 3781 + 45_000 * (1 - i) }, month: { ...P(3800 + 200_000 * (1 - i)), beneficiaries: 3781 + 200_000 * (1 - i) }, backlog: { supports: 20_000, pesos: "500000000.00", oldest_approval_ms: NOW - DAY } })),
    },
    states: states(),
    calls: { waiting: 37, oldest_waiting_ms: NOW - 72_000, day: C(1), hour: { ...C(1), offered: 812, answered: 790 }, queues: [["apoyos", "Apoyos"], ["pagos", "Pagos"]].map(([queue, name], i) => ({ queue, name: both(name), waiting: 21 - 5 * i, oldest_waiting_ms: NOW - 72_000, day: C(1), hour: C(1) })), agents: [["casa-centro", "available", 311], ["casa-centro", "handling", 1402], ["casa-norte", "paused", 133], ["casa-norte", "signed_out", 54]].map(([site, status, count]) => ({ site, name: both(site), status, count })) },
    milestones: [{ initiative: "reunion", initiative_name: both("Reunión regional", "Regional meeting"), milestone: "acuerdo", name: both("Acuerdos", "Agreements"), day: 12, week: 841, total: 841 }, { initiative: "mercado", initiative_name: both("Mercado en línea", "Online market"), milestone: "negocio", name: both("Negocios", "Businesses"), day: 214, week: 2204, total: 3660 }],
    health: { records_per_second: 1184.2, lag_records: 0, partitions: 18, stalled_partitions: 0, rejected_today: [{ stream: "disbursement", reason: "missing_field", count: 14 }, { stream: "call", reason: "invalid_time", count: 17 }], checkpoint_age_ms: 180_000, dead_letters_failed: 0 },
  };
}

export const events = () => ({
  now_ms: NOW, more: false,
  events: [
    ["target.status", "warn", 127, "Personas con apoyo pasó de atrás a en riesgo", "People supported went from behind to at risk"], ["records.rejected", "warn", 5700, "14 registros rechazados en apoyos: falta el campo beneficiario", "14 records of disbursement rejected: beneficiary is missing"],
    ["state.restored", "info", 20_400, "Reinicio: cifras de vuelta en 1.4 s, iguales", "Restart: figures back in 1.4 s, the same"], ["cut.taken", "info", 70_900, "Corte guardado: 43,475 personas", "Cut stored: 43,475 people"],
    ["target.status", "warn", 78_600, "Personas con apoyo pasó de en ritmo a atrás", "People supported went from on pace to behind"], ["period.closed", "info", 308_000, "Semana 46 cerrada: 101,204 de 100,000", "Week 46 closed: 101,204 of 100,000"],
  ].map(([event, level, ago, es, en]) => ({ at_ms: NOW - ago * 1000, at: new Date(NOW - ago * 1000).toISOString(), event: `pacemeter.${event}`, level, fields: {}, say: both(es, en) })),
});

export const history = (name) => ({
  now_ms: NOW, target: name, measure: "beneficiaries", unit: "people", more: false,
  periods: [[101_204, -33, 100_000], [80_356, -55, 80_000], [103_118, -16, 100_000], [98_641, 14, 100_000]].map(([actual, difference, goal], i) => ({ period: week(i + 1), goal, actual, cut: `202611${16 - 7 * i > 9 ? 16 - 7 * i : "09"}T060000Z`, corrections: [], today: actual + difference, difference })),
});

export const cuts = () => ({
  now_ms: NOW, more: true,
  cuts: Array.from({ length: 12 }, (_, i) => {
    const at = MONDAY + 2 * DAY + 18 * HOUR - i * DAY;
    return { id: new Date(at).toISOString().replace(/[-:]|\.\d+/g, ""), at_ms: at, at: new Date(at).toISOString(), seal: i === 4 ? "retaken" : "sealed", provisional: i === 0, late: i === 6, periods: i % 3 ? [] : [{ period: "day", id: "2026-11-17" }, { period: "week", id: "2026-W46" }], targets: i % 3 ? [] : [{ target: "weekly_beneficiaries", period: "2026-W46" }] };
  }),
});

const figures = (n, lost = 0) => ({ beneficiaries: n - lost, dispersals: n + 12, net_pesos: `${(n - lost) * 25_000}.00` });

export function cut(id = "20261119T000000Z") {
  const isWeekEnd = id === "20261116T060000Z";
  const at = MONDAY + 2 * DAY + 18 * HOUR;
  const cells = states().map((s, i) => ({ programme: "credito-a-la-palabra", state: s.state, ...figures(s.week.beneficiaries), today: figures(s.week.beneficiaries, i % 4) }));
  const total = cells.reduce((n, c) => n + c.beneficiaries, 0);
  const part = (kind, id2, start, end) => ({ period: kind, id: id2, start_ms: start, end_ms: end, closes: kind === "day", cells, total: { ...figures(total), today: figures(total, 47) } });
  return {
    now_ms: NOW, id, at_ms: at, at: "2026-11-18T18:00:00-06:00", nearest_to_ms: null, nearest_to: null, taken_ms: at + 10_000, huella: "9f2c41d07b", hash: "ee1c7c3c37f42f62d9197c5273b2f6f32adee7a9ee289f476f1cfbbc607712d6",
    seal: "sealed", provisional: false, late: false, offsets: Array.from({ length: 18 }, (_, partition) => ({ stream: "call", topic: "t", partition, next_offset: 60 })),
    periods: [part("day", "2026-11-18", MONDAY + 2 * DAY, MONDAY + 3 * DAY), part("week", "2026-W47", MONDAY, MONDAY + 7 * DAY), part("month", "2026-11", MONDAY - 15 * DAY, MONDAY + 15 * DAY)],
    targets: now().targets.map((t, i) => ({ target: t.name, measure: t.measure, ...(isWeekEnd ? { period: "2026-W46", start_ms: MONDAY - 7 * DAY, end_ms: MONDAY, closes: true } : { period: t.current.period.id, start_ms: t.current.period.start_ms, end_ms: t.current.period.end_ms, closes: i === 3 }), goal: t.current.goal, plan: t.current.plan * 0.8, actual: t.unit === "pesos" ? "1084150000.00" : t.unit === "ratio" ? 0.781 : i === 0 ? 42_475 : Math.round(t.current.actual * 0.8), today: t.unit === "pesos" ? "1083900000.00" : t.unit === "ratio" ? 0.781 : i === 0 ? 42_470 : Math.round(t.current.actual * 0.8) })),
    corrections: [{ target: "weekly_beneficiaries", period: "2026-W46", start_ms: MONDAY - 7 * DAY, before: 101_204, after: 101_171 }],
  };
}

export function period(kind, id) {
  const states1 = states().map((s, i) => ({ state: s.state, closed: figures(s.week.beneficiaries), today: figures(s.week.beneficiaries, i % 4) }));
  const total = states1.reduce((n, s) => n + s.closed.beneficiaries, 0);
  const spans = { day: day(), week: id === "2026-W46" ? week(1) : week(), month: month() };
  const isPast = id === "2026-W46";
  const open = (f) => (isPast ? f : null);
  return {
    now_ms: NOW, complete_until_ms: NOW - 2_000, period: spans[kind] ?? week(), cut: isPast ? "20261116T060000Z" : null, huella: "41d07b9f2c", closed: open(figures(total)), today: figures(total, 47),
    programmes: [{ programme: "credito-a-la-palabra", closed: open(figures(total)), today: figures(total, 47), states: states1.map((s) => ({ ...s, closed: open(s.closed) })) }],
  };
}

export const status = () => ({
  complete_until_ms: {}, not_ready: [], outage: null, ready: true, state_built_ms: NOW - 99 * DAY, uptime_seconds: 93_600, version: "0.1.0",
  partitions: Array.from({ length: 9 }, (_, i) => ({ stream: ["disbursement", "call", "milestone"][i % 3], topic: `pacemeter.${["disbursements", "calls", "milestones"][i % 3]}.v1`, partition: Math.floor(i / 3), position: 120_400 + i * 31, high_watermark: 120_400 + i * 31 + (i === 4 ? 12 : 0), lag: i === 4 ? 12 : 0, next_offset: 0, first_offset: 0, stalled: i === 4, watermark_ms: NOW - 2000, outcomes: {}, rejected: {} })),
});
