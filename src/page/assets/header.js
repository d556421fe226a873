// Head, banner and foot of every page.

import { h } from "./dom.js";
import { safeLink } from "./parts.js";
import { banner, trustLine } from "./trust.js";

const VIEWS = [["/", "now"], ["/cuts", "cuts"], ["/periods/week/current", "periods"], ["/health", "health"]];

/** Bar with name, views, trust, language and theme. */
export function header(view) {
  const { ctx, trust, path } = view;
  const { w } = ctx;
  const isAt = (href) => (href === "/" ? path === "/" : path.startsWith(`/${href.split("/")[1]}`));
  return [h("div", { class: "bar" },
    h("a", { class: "mark", href: "/" },
      h("svg", { width: 26, height: 26, viewBox: "0 0 26 26", "aria-hidden": "true" },
        h("rect", { class: "m1", width: 26, height: 26, rx: 6 }), h("rect", { class: "m2", x: 5, y: 11, width: 12, height: 4, rx: 1 }), h("rect", { class: "m2", x: 18.5, y: 6, width: 2.5, height: 14, rx: 1 })),
      h("span", null, ctx.say(view.programme, "Pacemeter"))),
    h("nav", { "aria-label": w("views") }, VIEWS.map(([href, key]) => h("a", { href, "aria-current": isAt(href) ? "page" : null }, w(`nav-${key}`))), h("a", { href: "#data" }, w("nav-data"))),
    h("p", { line: true, class: "trust" }, h("span", { class: trust.kind === "loading" ? "dot wait" : ["exact", "warned", "late"].includes(trust.kind) ? "dot" : "dot bad", "aria-hidden": "true" }), h("b", null, trustLine(ctx, trust))),
    h("div", { class: "ctl", role: "group", "aria-label": "Idioma / Language" }, ["es", "en"].map((code) =>
      h("button", { type: "button", lang: code, "aria-pressed": String(ctx.language === code), "aria-label": code === "es" ? "ES, español" : "EN, English", onclick: () => view.onLanguage(code) }, code.toUpperCase()))),
    h("div", { class: "ctl" }, h("button", { type: "button", "aria-pressed": String(view.isDark), "aria-label": w("dark"), onclick: view.onTheme },
      h("svg", { width: 14, height: 14, viewBox: "0 0 14 14", "aria-hidden": "true" }, h("circle", { cx: 7, cy: 7, r: 6, class: "o" }), h("path", { d: "M7 1a6 6 0 0 1 0 12z", class: "f" })))))];
}

/** Banner over everything: what is the matter, since when, why, and what to do. */
export function bannerTree(view) {
  const { ctx, trust } = view;
  const told = banner(ctx, trust);
  return [told && alert(view, told, trust.kind), view.stuck?.length > 0 && alert(view, {
    title: ctx.w("stuck-title"), calm: true,
    lines: [{ text: view.stuck.map(({ key, sinceMs }) => `${ctx.w(`part-${key}`)} (${ctx.w("since", { since: ctx.d.brief(sinceMs, trust.nowMs) })})`).join(", ") + "." }],
  }, "stuck")].filter(Boolean);
}

function alert({ ctx }, told, kind) {
  const todo = (href) => (/^https?:/.test(href) && safeLink(href) ? h("a", { href: safeLink(href) }, ctx.w("what-to-do")) : h("small", null, `${ctx.w("what-to-do")}: `, h("code", null, href)));
  return h("section", { key: kind, class: told.calm ? "alert calm" : "alert", "data-kind": kind, "aria-label": told.title },
    h("p", null, h("b", null, told.title)),
    told.lines.map((line) => h("p", null, line.text, line.since && h("small", null, ` ${line.since}.`), line.todo && ` ${line.todo}`, line.link && [" ", todo(line.link)])));
}

/** Foot: what kind of figures these are, where their time and their data come from. */
export function footer({ ctx, data }) {
  const { w } = ctx;
  const now = data.now;
  return [
    h("p", null, w("preliminary")),
    h("p", null, now ? w("time-of", { zone: now.zone }) : ""),
    h("p", { id: "data", tabindex: "-1" }, now ? `Pacemeter ${now.version}` : "Pacemeter", [["/metrics", "/metrics"], ["/api/v1/now", "API"], ["/openapi.json", "OpenAPI"]].map(([href, text]) => [" \u00b7 ", h("a", { href }, text)])),
  ];
}
