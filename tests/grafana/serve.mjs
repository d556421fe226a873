// Bundles the page, and serves it with the dashboards and Prometheus behind it at one origin of the loopback.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const HERE = dirname(fileURLToPath(import.meta.url));
const FONT = join(HERE, "node_modules/@fontsource-variable/inter/files/inter-latin-wght-normal.woff2");
const ICONS = join(HERE, "node_modules/@grafana/ui/dist/public/img");
const DOCUMENT = '<!doctype html><html lang="es"><meta charset="utf-8"><title>Dashboard</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/page.css"><body><div id="root"></div><script type="module" src="/page.js"></script></body></html>';

/** Leaves out the code editor of the components, which no panel uses and which is the greater part of them. */
const withoutEditor = {
  name: "without-editor",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(react-)?monaco-editor/ }, ({ path }) => ({ path, namespace: "left-out" }));
    onLoad({ filter: /.*/, namespace: "left-out" }, () => ({ contents: "module.exports = {};" }));
  },
};

/** The page and Grafana's components as one script and one style sheet. */
async function bundle() {
  const { outputFiles } = await build({
    entryPoints: [join(HERE, "page/main.jsx")], outdir: HERE, bundle: true, write: false, format: "esm", jsx: "automatic", minify: true, logLevel: "error",
    define: { "process.env.NODE_ENV": '"production"', global: "globalThis" }, loader: { ".svg": "dataurl" }, plugins: [withoutEditor],
  });
  const of = (end) => outputFiles.find(({ path }) => path.endsWith(end)).contents;
  return { script: of(".js"), style: of(".css") };
}

/** Serves at an origin; `dashboards` maps a path to the text of a dashboard. Returns the function that stops it. */
export async function serve(origin, prometheus, dashboards) {
  const { script, style } = await bundle();
  const font = await readFile(FONT);
  const answer = async (url) => {
    if (url.pathname === "/") return ["text/html", DOCUMENT];
    if (url.pathname === "/page.js") return ["text/javascript", script];
    if (url.pathname === "/page.css") return ["text/css", style];
    if (url.pathname.startsWith("/public/fonts/")) return ["font/woff2", font];
    const [, icon] = /^\/public\/(?:build\/)?img\/(.*)/.exec(url.pathname) ?? [];
    if (icon) return ["image/svg+xml", await readFile(join(ICONS, icon))];
    if (url.pathname.startsWith("/dashboards/")) return ["application/json", await dashboards(url.pathname.slice("/dashboards/".length))];
    if (url.pathname.startsWith("/prometheus/")) return ["application/json", await (await fetch(prometheus + url.pathname.slice("/prometheus".length) + url.search)).text()];
    return null;
  };
  const server = createServer(async (request, response) => {
    try {
      const found = await answer(new URL(request.url, origin));
      if (found === null) return response.writeHead(404).end();
      response.writeHead(200, { "content-type": found[0] }).end(found[1]);
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  });
  const { hostname, port } = new URL(origin);
  await new Promise((resolve) => server.listen(Number(port), hostname, resolve));
  return () => server.closeAllConnections?.() ?? server.close();
}
