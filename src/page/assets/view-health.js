// View of the program's health, at `/health`: for the operator who comes from an alert.

import { h } from "./dom.js";
import { card, chip, facts, figure, table } from "./parts.js";
import { eventsCard, healthFacts } from "./view-now.js";
import { duration } from "./words.js";

export const health = {
  sources: () => [{ key: "status", path: "/api/v1/status", every: 5_000 }, { key: "events", path: "/api/v1/events?limit=50", every: 5_000 }],
  title: ({ ctx }) => ctx.w("nav-health"),
  render: (view) => {
    const { ctx, data } = view;
    const { w } = ctx;
    return [
      h("h1", { class: "page" }, w(view.trust.old ? "trusted-no" : "trusted-yes")),
      card("w5", w("figures"), null, healthFacts(view, data.now)),
      card("w7", w("streams"), null, streams(view)),
      card("w5", w("process"), null, facts([
        [w("version"), data.now.version],
        [w("uptime"), data.status?.uptime_seconds == null ? ctx.n.amount() : duration(data.status.uptime_seconds * 1000)],
        [w("state-built"), data.now.state_built_ms == null ? ctx.n.amount() : ctx.d.dated(data.now.state_built_ms)],
        [w("outage"), !data.status ? ctx.n.amount() : data.status.outage ? `${w("since", { since: ctx.d.dated(data.status.outage.since_ms) })}: ${data.status.outage.reason}` : w("none")],
        [w("revision"), ctx.n.whole(data.now.revision)],
      ])),
      rejectedCard(view),
      card("w12", w("partitions"), null, partitions(view)),
      eventsCard(view, data.events, data.now.now_ms, "w12"),
    ];
  },
};

function streams({ ctx, data }) {
  const list = data.now.trust.streams ?? [];
  return table("mini", ctx.w("streams"), [ctx.w("stream"), ctx.w("complete-until"), ctx.w("age")], list.map((s) => [
    ctx.named("stream", s.stream),
    s.complete_until_ms == null ? ctx.n.amount() : ctx.d.brief(s.complete_until_ms, data.now.now_ms).replace(/\d\d:\d\d$/, ctx.d.seconds(s.complete_until_ms)),
    s.complete_until_ms == null ? ctx.n.amount() : duration(data.now.now_ms - s.complete_until_ms)]));
}

function rejectedCard({ ctx, data }) {
  const today = data.now.health?.rejected_today;
  const title = ctx.w(today ? "rejected-today" : "rejected");
  const list = (today ?? data.now.health?.rejected ?? []).filter((r) => r.count > 0);
  return card("w7", title, null, list.length
    ? table("mini", title, [ctx.w("stream"), ctx.w("reason"), ctx.w("records")], list.map((r) => [ctx.named("stream", r.stream), r.reason, figure(ctx, "count", r.count)]), [1])
    : h("p", { class: "none" }, ctx.w("none-rejected")));
}

function partitions({ ctx, data, errors }) {
  const { w } = ctx;
  const list = data.status?.partitions;
  if (!list) return h("p", { class: "none" }, errors.status == null ? w("loading") : w("no-answer", { status: errors.status || "–" }));
  const rows = [...list].sort((a, b) => Number(b.stalled) - Number(a.stalled) || (b.lag ?? 0) - (a.lag ?? 0) || String(a.topic).localeCompare(b.topic) || a.partition - b.partition);
  return table("parts", w("partitions"), [w("partition"), w("position"), w("end-offset"), w("unread-col"), w("newest-event"), w("status")], rows.map((p) => [
    `${p.topic}/${p.partition}`, ctx.n.whole(p.position), p.high_watermark == null ? ctx.n.amount() : ctx.n.whole(p.high_watermark), p.lag == null ? ctx.n.amount() : ctx.n.whole(p.lag),
    p.watermark_ms == null ? ctx.n.amount() : ctx.d.dated(p.watermark_ms),
    chip(ctx, p.stalled ? "at_risk" : "on_pace", w(p.stalled ? "stalled" : "reading"))]), [5]);
}
