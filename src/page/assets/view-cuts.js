// List of cuts, at `/cuts`, newest first; older ones come page by page.

import { h } from "./dom.js";
import { button, card, chip, table } from "./parts.js";

const PAGE = 50;

export const cutPath = (id) => `/cuts/${encodeURIComponent(id)}`;
export const periodPath = (kind, id) => `/periods/${encodeURIComponent(kind)}/${encodeURIComponent(id)}`;

export const cuts = {
  sources: () => {
    const before = new URLSearchParams(location.search).get("before_ms");
    const older = before !== null && /^\d{1,16}$/.test(before) ? `&before_ms=${before}` : "";
    return [{ key: "cuts", path: `/api/v1/cuts?limit=${PAGE}${older}`, every: older ? Infinity : 30_000 }];
  },
  title: ({ ctx }) => ctx.w("nav-cuts"),
  render: ({ ctx, data }) => {
    const { w } = ctx;
    const answer = data.cuts;
    const list = answer?.cuts ?? [];
    const rows = list.map((cut) => [
      h("a", { href: cutPath(cut.id) }, ctx.d.dated(cut.at_ms)),
      closes(ctx, cut),
      cut.targets.length ? String(cut.targets.length) : ctx.n.amount(),
      seal(ctx, cut),
      h("code", null, cut.id),
    ]);
    return [
      h("h1", { class: "page" }, w("nav-cuts"), h("small", null, w("cuts-remark"))),
      card("w12", w("cuts-stored"), null,
        !answer ? h("p", { class: "none" }, w("loading"))
          : rows.length ? table("cuts", w("cuts-stored"), [w("cut"), w("closes"), w("targets"), w("status"), w("id")], rows, [1, 3, 4])
            : h("p", { class: "none" }, w("no-cuts")),
        h("p", { class: "act" }, new URLSearchParams(location.search).has("before_ms") && button("/cuts", w("newest")),
          answer?.more && list.length > 0 && button(`/cuts?before_ms=${list.at(-1).at_ms}`, w("older")))),
    ];
  },
};

function closes(ctx, cut) {
  if (!cut.periods.length) return ctx.n.amount();
  return cut.periods.map((p, i) => [i > 0 && ", ", ["day", "week", "month"].includes(p.period) ? h("a", { href: periodPath(p.period, p.id) }, `${ctx.named("kind", p.period)} ${p.id}`) : p.id]);
}

/** Words on how a cut was stored: final or not, and anything unusual. */
export function seal(ctx, cut) {
  const chips = [chip(ctx, cut.provisional ? "within_chance" : "on_pace", ctx.w(cut.provisional ? "provisional" : "final"))];
  if (cut.late) chips.push(chip(ctx, "behind", ctx.w("late")));
  if (cut.seal && cut.seal !== "sealed") chips.push(chip(ctx, "behind", ctx.named("seal", cut.seal)));
  return h("span", { class: "chips" }, chips);
}
