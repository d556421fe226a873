// Table of the figures of a curve, for whoever cannot see the picture; it loads when it is opened.

import { spans } from "./curve.js";
import { h } from "./dom.js";

/** Rows are the spans of the curve in which something was planned or reached. */
export function curveTable(ctx, curve) {
  const value = (v) => ctx.n.amount(curve.unit, v);
  const rows = spans(curve).filter((s) => s.planned > 0 || (s.count != null && Number(s.count) !== 0));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": ctx.w("same-figures") }, h("table", null,
    h("thead", null, h("tr", null, ["span-head", "reached", "plan", "vs-plan", "so-far", "plan-so-far"].map((key, i) => h("th", { scope: "col", class: i ? null : "l" }, ctx.w(key))))),
    h("tbody", null, rows.map((s) => h("tr", null,
      h("th", { scope: "row", class: "l" }, curve.step === "day" ? ctx.d.day(s.start_ms) : `${ctx.d.day(s.start_ms)}, ${ctx.d.time(s.start_ms)}\u2013${ctx.d.time(s.end_ms)}`),
      [value(s.count), value(s.planned), ctx.n.signed(curve.unit, s.gap), value(s.actual), value(s.plan)].map((cell) => h("td", null, cell)))))));
}
