// States of the program that the mock can be in.

import { NOW } from "./answers.mjs";

const both = (es, en = es) => ({ es, en });
const reason = (kind, es, en, since = NOW - 627_000) => ({ kind, since_ms: since, say: both(es, en), text: en, runbook: "docs/operations.md#when-something-fails" });
const without = { targets: null, payments: null, states: null, calls: null, milestones: null };

export const HOSTILE = ["<img src=x onerror=alert(1)>", "\u{1F600}".repeat(64), "\u202eمرحبا\u202c שלום", "__proto__", "%00", "a".repeat(60)];

const MOODS = {
  stale: { now: (n) => old(n, reason("stale", "Kafka no contesta desde entonces (tema pacemeter.disbursements.v1).", "Kafka has not answered since (topic pacemeter.disbursements.v1).")) },
  outage: { now: (n) => ({ ...n, trust: { ...n.trust, reasons: [reason("outage", "Ningún broker contesta.", "No broker answers.", NOW - 9_000)] } }) },
  stalled: { now: (n) => old(n, reason("stalled", "La partición pacemeter.calls.v1/4 está detenida.", "Partition pacemeter.calls.v1/4 is stalled.")) },
  starting: { now: (n) => ({ ...n, ...without, trust: { ready: false, complete_until_ms: null, age_ms: null, streams: [], reasons: [reason("replaying", "Se vuelve a leer el registro: 41 % de 1,204,331.", "The log is read again: 41 % of 1,204,331.", NOW - 4_000)] } }) },
  empty: { now: (n) => ({ ...n, targets: [], states: [], milestones: [], calls: null, payments: null }), events: (e) => ({ ...e, events: [] }) },
  hostile: {
    now: (n) => ({ ...n, programme: both(HOSTILE[0]), targets: n.targets.map((t, i) => { const x = HOSTILE[i % 6]; return { ...t, name: i ? t.name : "weekly_beneficiaries", title: both(x), group: i < 2 ? x : i < 4 ? "__proto__" : HOSTILE[1], current: { ...t.current, say: both(`${x}. ${x}`) } }; }),
      states: n.states.map((s, i) => ({ ...s, name: both(HOSTILE[i % 6]), state: i ? s.state : "__proto__" })), milestones: n.milestones.map((m, i) => ({ ...m, name: both(HOSTILE[i]), milestone: "__proto__" })), calls: { ...n.calls, agents: n.calls.agents.map((a, i) => ({ ...a, status: HOSTILE[i], name: both(HOSTILE[3 - i]) })) } }),
    curve: (c) => ({ ...c, headline: both(HOSTILE[0]), title: both(HOSTILE[2]), days: c.days.map((d, i) => ({ ...d, name: both(HOSTILE[i % 6]) })) }),
    events: (e) => ({ ...e, events: e.events.map((v, i) => ({ ...v, say: both(HOSTILE[i]), level: "__proto__" })) }),
  },
  large: { now: (n) => scaled(n, 1e7), curve: (c) => scaledCurve(c, 1e7) },
  tiny: { now: (n) => scaled(n, 0), curve: (c) => scaledCurve(c, 0) },
};

function old(n, why) {
  const until = NOW - 627_000;
  return { ...n, trust: { ...n.trust, ready: why.kind !== "stalled", complete_until_ms: until, age_ms: 627_000, reasons: [why] } };
}

const times = (v, k) => (v == null ? v : typeof v === "string" ? `${BigInt(Math.round(Number(v))) * BigInt(k)}.00` : k === 0 ? Math.min(1, v) : Math.round(v * k));

function scaled(n, k) {
  const current = (c) => ({ ...c, goal: times(c.goal, Math.max(1, k)), actual: times(c.actual, k), plan: times(c.plan, k), shortfall: times(c.shortfall, k), shortfall_pesos: times(c.shortfall_pesos, k), pace_tolerance: times(c.pace_tolerance, k), projection: k ? times(c.projection, k) : null, projection_low: null, projection_high: null, required_per_open_hour: times(c.required_per_open_hour, k), achieved_per_open_hour: times(c.achieved_per_open_hour, k), status: k ? c.status : "starting" });
  const deep = (v) => (v && typeof v === "object" ? (Array.isArray(v) ? v.map(deep) : Object.fromEntries(Object.entries(v).map(([key, x]) => [key, /_ms$|_ratio$|_seconds$/.test(key) ? x : deep(x)]))) : typeof v === "number" || (typeof v === "string" && /^\d+\.\d\d$/.test(v)) ? times(v, k) : v);
  return { ...n, targets: n.targets.map((t) => (t.unit === "ratio" ? t : { ...t, current: current(t.current) })), payments: deep(n.payments), states: deep(n.states), calls: deep(n.calls), milestones: deep(n.milestones) };
}

const scaledCurve = (c, k) => ({ ...c, goal: times(c.goal, Math.max(1, k)), worst: null, projection: [], points: c.points.map((p) => ({ ...p, plan: k ? p.plan * k : p.plan * 1e-5, tolerance: p.tolerance * k, actual: times(p.actual, k), count: times(p.count, k) })), days: c.days.map((d) => ({ ...d, count: times(d.count, k), plan: d.plan * k })), cuts: [] });

/** Answer of a kind as the mood has it. */
export const applied = (mood, kind, answer) => (Object.hasOwn(MOODS, mood) && MOODS[mood][kind] ? MOODS[mood][kind](answer) : answer);
