// Checks the queries of all dashboards. Arguments: a Prometheus with one instance, one with two that have the same figures, directory of dashboards,
// now (seconds).

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { assert, run } from "../page/browser.mjs";
import { languageFaults, queryFaults } from "./queries.mjs";

const [single, pair, directory, now] = process.argv.slice(2);

run(async () => {
  const paths = readdirSync(directory, { recursive: true }).filter((path) => path.endsWith(".json"));
  const dashboards = new Map(paths.map((path) => [path, JSON.parse(readFileSync(join(directory, path), "utf8"))]));
  assert(dashboards.size === 8, "dashboards", paths);
  const spanish = new Map([...dashboards].filter(([path]) => path.startsWith("es/")));
  const faults = [...languageFaults(dashboards), ...await queryFaults(spanish, { single, pair, nowS: Number(now) })];
  assert(faults.length === 0, "faults", faults);
});
