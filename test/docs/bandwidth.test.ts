/** The example of docs/bandwidth.md, as a runtime would run it, and what the page says of it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { limitedByUs } from "../applets/bandwidth-support.ts";
import { pluginPath } from "../harness/hosts.ts";

const page = readFileSync("docs/bandwidth.md", "utf8");
const blocks = [...page.matchAll(/<!-- (file|run|output).*? -->\n```\w*\n(.*?)```/gs)].map(
  ([, kind = "", text = ""]) => ({ kind, text }),
);

const trimmed = (text: string) => text.replace(/ +$/gm, "").trim();

limitedByUs("the page about bandwidth is true", "it has no aliases", ({ host, container, cni }) => {
  assert.deepEqual(
    blocks.map(({ kind }) => kind),
    ["file", "run", "output", "run", "output"],
  );
  const { plugins, ...list } = JSON.parse(blocks[0]?.text ?? "");
  const at = { containerId: "blue" };
  let prevResult: ReturnType<typeof cni.add> | undefined;
  for (const plugin of plugins) {
    prevResult = cni.add({ ...list, ...plugin }, { ...at, ...(prevResult && { prevResult }) });
  }
  let said = "";
  for (const { kind, text } of blocks.slice(1)) {
    if (kind === "run") said = host.sh(text);
    // The page leaves out links that have no queue.
    else assert.equal(trimmed(said.replace(/^qdisc noqueue.*\n/gm, "")), trimmed(text));
  }
  assert(container.reaches("10.1.2.1"));
  const help = host.sh(`${pluginPath("bandwidth")} --help`);
  for (const key of ["ingressRate", "ingressBurst", "egressRate", "egressBurst", "latency"]) {
    assert.match(help, new RegExp(key));
    assert.match(page, new RegExp(`\`${key}\``));
  }
});
