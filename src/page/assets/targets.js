// Table of targets by group; on a phone a list, those that need attention first.

import { bullet } from "./bullet.js";
import { h } from "./dom.js";
import { chip, figure, gap, isFine, targetPath } from "./parts.js";

const ORDER = ["at_risk", "behind", "slightly_behind", "within_chance", "unknown", "closed", "starting", "on_pace", "ahead", "reached"];

/** Groups in the order of their first target; targets without one come last. */
export function grouped(targets) {
  const groups = new Map();
  for (const target of targets) groups.set(target.group ?? null, [...(groups.get(target.group ?? null) ?? []), target]);
  const list = [...groups].map(([name, members]) => ({ name, targets: members }));
  return [...list.filter((group) => group.name !== null), ...list.filter((group) => group.name === null)];
}

/** Counts of statuses in words, worst first: "2 en riesgo, 1 atrás, 6 en ritmo o mejor". */
export function summary(ctx, targets, old) {
  const counts = new Map();
  for (const target of targets) {
    const status = old || !target.current ? "unknown" : target.current.status;
    const key = isFine(status) ? "fine" : status;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const rank = (key) => (key === "fine" ? 99 : (ORDER.indexOf(key) + 99) % 99);
  const word = (key, n) => (key === "fine" ? ctx.w("count-fine") : n > 1 && ctx.has(`count-${key}`) ? ctx.w(`count-${key}`) : ctx.named("status", key).toLowerCase());
  return [...counts].sort((a, b) => rank(a[0]) - rank(b[0])).map(([key, n]) => `${n} ${word(key, n)}`).join(" \u00b7 ");
}

/** True if a phone may leave the target out: it is fine, and was whenever this page has shown it. */
const isCalm = (target, old, noticed) => !old && isFine(target.current.status) && !noticed?.has(target.name);

/** Card of all targets. */
export function targetsCard(view, targets) {
  const { ctx, old } = view;
  if (!targets.length) return h("section", { class: "card w12" }, h("div", { class: "hd" }, h("h2", null, ctx.w("targets"))), h("p", { class: "none" }, ctx.w("no-targets")));
  const fine = targets.filter((t) => t.current && isCalm(t, old, view.noticed)).length;
  const groups = grouped(targets);
  return h("section", { class: "card w12" },
    h("div", { class: "hd" }, h("h2", null, ctx.w("targets")), h("p", { class: "sub sum" }, summary(ctx, targets, old))),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": ctx.w("targets") }, h("table", { class: view.allTargets || fine === targets.length ? "tg all" : "tg" },
      h("thead", null, h("tr", null, ["target", "bar-head", "so-far", "vs-plan", "needs-had", "chance", "status"].map((key, i) =>
        h("th", { scope: "col", class: i < 2 || i === 6 ? "l" : null }, key === "bar-head" ? barHead(ctx) : ctx.w(key))))),
      groups.map((group) => h("tbody", null,
        groups.length > 1 || group.name ? h("tr", { class: "grp" }, h("th", { colspan: 7, scope: "colgroup" }, group.name ?? ctx.w("other-targets"))) : null,
        group.targets.map((target) => row(view, target)))))),
    fine > 0 && fine < targets.length && !view.allTargets && h("p", { class: "more" },
      h("button", { class: "btn", type: "button", onclick: view.onAllTargets }, ctx.w(fine === 1 ? "show-fine-one" : "show-fine", { n: fine }))));
}

const barHead = (ctx) => [ctx.w("legend-actual"), " \u00b7 ", ctx.w("plan-low"), h("i", { class: "m-plan" }), " \u00b7 ", ctx.w("projection-low"), h("i", { class: "m-ring" })];

function row({ ctx, old, noticed }, target) {
  const c = target.current;
  const name = h("th", { scope: "row", class: "l" }, h("a", { href: targetPath(target.name) }, ctx.say(target.title, target.name)), " ",
    c && h("small", null, ctx.named("kind", c.period.period)));
  if (!c) return h("tr", { "data-target": target.name }, name, h("td"), h("td", null, ctx.n.amount()), h("td"), h("td"), h("td"), h("td", { class: "l" }, chip(ctx, "unknown")));
  const status = old ? "unknown" : c.status;
  const reached = c.status === "reached";
  const silent = old || reached || status === "unknown";
  const rates = silent || target.unit === "ratio" || c.required_per_open_hour == null ? null
    : [c.required_per_open_hour, c.achieved_per_open_hour].map((value) => (target.unit === "pesos" ? ctx.n.short : ctx.n.rate)(target.unit, value));
  return h("tr", { class: `${target.unit}${isCalm(target, old, noticed) ? " ok" : ""}`, "data-target": target.name },
    name,
    h("td", null, bullet(ctx, target, { old: old || status === "unknown" })),
    h("td", { line: true }, h("b", null, figure(ctx, target.unit, c.actual)), " ", h("small", null, ctx.w("of", { goal: ctx.n.amount(target.unit, c.goal) }))),
    h("td", { line: true }, silent || c.shortfall == null ? h("span", { class: "hide-m" }, ctx.n.amount()) : [gap(ctx, target.unit, -c.shortfall), h("small", { class: "show-m" }, ` ${ctx.w("vs-plan")}`)]),
    h("td", { line: true, class: target.unit === "ratio" ? "na" : null }, rates ? [rates[0], h("small", null, ` / ${rates[1]}`), h("small", { class: "show-m" }, ` ${ctx.w("needs-had")}`)] : h("span", { class: "hide-m" }, ctx.n.amount())),
    h("td", null, silent || target.unit === "ratio" ? "" : ctx.n.chance(c.attainment_probability_ratio)),
    h("td", { class: "l" }, chip(ctx, status)));
}
