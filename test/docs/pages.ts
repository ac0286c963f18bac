/**
 * Pages about plugins, whose examples are run as an operator would: what they say must be so.
 *
 * - `<!-- network: NAME -->`: a network config list; container `NAME` is attached to it, checked, and
 *   in the end detached. `<!-- network: NAME net1 -->` names the interface; else it is `eth0`.
 * - `<!-- run -->`: commands on the host, where the containers are namespaces by their names.
 * - `<!-- output -->`: what the commands before it print; `…` stands for anything.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { Need } from "../harness/kernel.ts";
import type { Namespace, Sandbox } from "../harness/sandbox.ts";
import { onlyOurs } from "../harness/sandbox.ts";

interface Block {
  kind: string;
  words: string[];
  text: string;
}

function blocksOf(path: string): Block[] {
  const found = readFileSync(path, "utf8").matchAll(
    /<!-- (network|run|output)(?:: ([\w ]+))? -->\n```\w*\n(.*?)```/gs,
  );
  return [...found].map(([, kind = "", words = "", text = ""]) => ({
    ...{ kind, text },
    words: words.split(" "),
  }));
}

/** Registers the case of `docs/NAME.md`. */
export function page(name: string, needs: Need[] = []): void {
  onlyOurs(`the examples of docs/${name}.md`, "the pages are about ours", { needs }, (box) => {
    const blocks = blocksOf(`docs/${name}.md`);
    assert(blocks.some(({ kind }) => kind === "network"));
    assert(blocks.some(({ kind }) => kind === "output"));
    const containers = new Map<string, Namespace>();
    const detach: (() => void)[] = [];
    let said = "";
    for (const { kind, words, text } of blocks) {
      const [id = "", ifName = "eth0"] = words;
      if (kind === "run") said = box.host.sh(text);
      else if (kind === "output") assert.match(said.trim(), pattern(text.trim()));
      else {
        const container = containers.get(id) ?? box.addNamespace(id);
        containers.set(id, container);
        detach.push(attach(box, JSON.parse(text), { container, containerId: id, ifName }));
      }
    }
    for (const each of detach.reverse()) each();
  });
}

interface List {
  cniVersion: string;
  name: string;
  plugins: { type: string }[];
}

/** ADDs and CHECKs all plugins of the list; returns what DELs them. */
function attach(
  { cni }: Sandbox,
  { cniVersion, name, plugins }: List,
  at: { container: Namespace; containerId: string; ifName: string },
): () => void {
  const configs = plugins.map((plugin) => ({ ...plugin, cniVersion, name }));
  let prevResult: unknown;
  for (const config of configs) prevResult = cni.add(config, { ...at, prevResult });
  for (const config of configs) cni.check(config, { ...at, prevResult });
  return () => {
    for (const config of configs.reverse()) cni.del(config, { ...at, prevResult });
  };
}

function pattern(text: string): RegExp {
  const quoted = text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  const loose = quoted.replace(/ *\n/g, " *\n").replace(/…/g, "[^\\n]*");
  return new RegExp(`^${loose}$`);
}
