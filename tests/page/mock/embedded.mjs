// Contents of assets as the program serves them: build.rs leaves out comment lines, blank lines and indentation of modules.

import { readFileSync } from "node:fs";

const FOLDER = new URL("../../../src/page/assets/", import.meta.url);

/** Text of an asset as it is served; the rule is that of `without_comments` in build.rs. */
export function embedded(name) {
  const source = readFileSync(new URL(name, FOLDER), "utf8");
  if (!name.endsWith(".js")) return source;
  const kept = [];
  let [inComment, inTemplate] = [false, false];
  for (const line of source.split("\n")) {
    const text = line.trim();
    if (!inTemplate && (inComment || text === "" || text.startsWith("//") || text.startsWith("/*"))) {
      inComment = (inComment || text.startsWith("/*")) && !text.endsWith("*/");
      continue;
    }
    kept.push(inTemplate ? line : text);
    inTemplate = inTemplate !== (line.split("`").length % 2 === 0);
  }
  return `${kept.join("\n")}\n`;
}
