// Mock of the program's HTTP side, for looking at the page without it: `node tests/page/mock/server.mjs [PORT]`.
// The query `?mock=stale|starting|outage|stalled|empty|hostile|large|tiny` of a page chooses what the API answers.

import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as answers from "./answers.mjs";
import { applied as changed } from "./moods.mjs";

const ASSETS = fileURLToPath(new URL("../../../src/page/assets/", import.meta.url));
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";
const TYPES = { js: "text/javascript", css: "text/css", json: "application/json", svg: "image/svg+xml" };

function answer(path, mood, change) {
  const applied = (name, kind, body) => change(kind, changed(name, kind, body));
  const parts = path.split("/").slice(3).map(decodeURIComponent);
  const [first, second, third] = parts;
  if (first === "now") {
    // Answers that stand still may be older than those of a program.
    const now = answers.now();
    return applied(mood, "now", { ...now, trust: { ...now.trust, max_age_ms: 600_000 } });
  }
  if (first === "events") return applied(mood, "events", answers.events());
  if (first === "status") return answers.status();
  if (first === "cuts") return second ? applied(mood, "cut", answers.cut(second)) : answers.cuts();
  if (first === "periods") return answers.period(second, third);
  if (first === "targets" && third === "history") return applied(mood, "history", answers.history(second));
  if (first === "targets" && third === "curve") {
    const name = applied(mood, "now", answers.now()).targets?.find((t) => t.name === second);
    return name && applied(mood, "curve", { ...answers.curve({ unit: name.unit === "pesos" ? "pesos" : "people", goal: name.unit === "pesos" ? 2_500_000_000 : 100_000 }), name: second, title: name.title });
  }
  return null;
}

/** Serves on a port; `change` may alter an answer of a kind: now, curve, events, history or cut; `{ failed: true }` is an error. */
export function serve(port = 0, change = (kind, body) => body) {
  const server = createServer((request, response) => {
    const url = new URL(request.url, "http://mock");
    const mood = new URL(request.headers.referer ?? url, "http://mock").searchParams.get("mock") ?? server.mood ?? "";
    const send = (status, type, body, headers = {}) => { response.writeHead(status, { "Content-Type": type, ...headers }); response.end(body); };
    if (url.pathname.startsWith("/api/")) {
      const body = answer(url.pathname, mood, change);
      if (body?.failed) return send(500, "application/json", '{"error":"planted"}');
      if (!body) return send(404, "application/json", '{"error":"none"}');
      const tag = body.revision && `W/"1-${body.revision}-${mood}"`;
      if (tag && request.headers["if-none-match"] === tag) return send(304, "application/json", "");
      return send(200, "application/json", JSON.stringify(body), tag ? { ETag: tag } : {});
    }
    if (url.pathname.startsWith("/assets/")) {
      const name = url.pathname.split("/").pop();
      try { return send(200, TYPES[name.split(".").pop()], readFileSync(`${ASSETS}${name}`)); } catch { return send(404, "text/plain", ""); }
    }
    const html = readFileSync(`${ASSETS}document.html`, "utf8").replaceAll("{{assets}}", "/assets/0").replaceAll("{{language}}", "es").replaceAll("{{fallback}}", "");
    return send(200, "text/html; charset=utf-8", html, { "Content-Security-Policy": POLICY, "Referrer-Policy": "same-origin" });
  });
  // A script that fails ends without closing it.
  server.unref();
  return new Promise((done) => server.listen(port, "127.0.0.1", () => done(server)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const server = (await serve(Number(process.argv[2] ?? 8099))).ref();
  console.log(`http://127.0.0.1:${server.address().port}/`);
}
