/**
 * Pages about plugins, whose examples are run as an operator would: what they say must be so.
 *
 * - `<!-- needs: CONFIG_IPVLAN -->`: what the kernel must have; lacking it, the page runs in the guest.
 * - `<!-- given … -->`: commands that make what the reader has already, such as an `eth1`.
 * - `<!-- capabilities -->`: what the runtime passes to the networks that follow.
 * - `<!-- network: NAME, NAME -->`: a network config list; the containers are attached to it and
 *   checked. `<!-- network: NAME net1 -->` names the interface; else it is `eth0`.
 * - `<!-- run -->`: commands on the host, where the containers are namespaces by their names.
 * - `<!-- output -->`: what the commands before it print; `…` stands for anything.
 * - `<!-- detach: NAME -->`: here the container is detached; in the end all others are.
 */
import assert from "node:assert/strict";
import { readFileSync, realpathSync } from "node:fs";
import { pluginPath } from "../harness/hosts.ts";
import type { Need } from "../harness/kernel.ts";
import type { Json, Namespace, Sandbox } from "../harness/sandbox.ts";
import { onlyOurs } from "../harness/sandbox.ts";

interface Block {
  kind: string;
  /** One for each container that is named; of others only the first counts. */
  targets: string[][];
  text: string;
}

const kinds =
  /<!-- (network|run|output|capabilities)(?:: ([\w ,]+))? -->\n```\w*\n(.*?)```|<!-- (needs|detach): ([\w ,]+) -->|<!-- (given)\n(.*?)-->/gs;

function blocksOf(path: string): Block[] {
  return [...readFileSync(path, "utf8").matchAll(kinds)].map((found) => {
    const [, fenced, fencedWords, fencedText, short, shortWords, hidden, hiddenText] = found;
    return {
      kind: fenced ?? short ?? hidden ?? "",
      targets: (fencedWords ?? shortWords ?? "").split(", ").map((words) => words.split(" ")),
      text: fencedText ?? hiddenText ?? "",
    };
  });
}

/** Registers the case of a page, such as `docs/plugins/NAME.md`. Networks of cnitool are in /run/net.d. */
export function page(path: string): void {
  const blocks = blocksOf(path);
  const needs = blocks
    .filter(({ kind }) => kind === "needs")
    .flatMap(({ targets }) => targets.flat());
  onlyOurs(
    `the examples of ${path}`,
    "the pages are about ours",
    { needs: needs as Need[] },
    (box) => {
      for (const wanted of path.startsWith("docs/plugins/") ? ["network", "output"] : ["output"]) {
        assert(
          blocks.some(({ kind }) => kind === wanted),
          `it has no ${wanted}`,
        );
      }
      new Reader(box).readAll(blocks);
    },
  );
}

/** Somebody who reads the page and does what it says. */
class Reader {
  readonly #box: Sandbox;
  readonly #containers = new Map<string, Namespace>();
  readonly #attached: { at: string; detach: () => void }[] = [];
  readonly #prelude = `export NETCONFPATH=/run/net.d
    cnibox() { ${realpathSync(pluginPath("bridge"))} "$@"; }\n`;
  #capabilities: Json = {};
  #said = "";

  constructor(box: Sandbox) {
    this.#box = box;
  }

  readAll(blocks: Block[]): void {
    for (const block of blocks) this.#read(block);
    this.#detach(() => true);
  }

  #read({ kind, targets, text }: Block): void {
    for (const words of targets) {
      if (kind === "network") this.#attach(words, JSON.parse(text));
      else if (kind === "detach") this.#detach((at) => at === nameOf(words));
    }
    if (kind === "given") this.#box.host.sh(this.#prelude + text);
    else if (kind === "run") this.#said = this.#box.host.sh(this.#prelude + text);
    else if (kind === "output") assert.match(this.#said.trim(), pattern(text.trim()));
    else if (kind === "capabilities") this.#capabilities = JSON.parse(text);
  }

  /** ADDs and CHECKs all plugins of the list. */
  #attach(words: string[], list: List): void {
    const { cni } = this.#box;
    const at = this.#target(words);
    const configs = this.#configsOf(list);
    let prevResult: unknown;
    for (const config of configs) prevResult = cni.add(config, { ...at, prevResult });
    for (const config of configs) cni.check(config, { ...at, prevResult });
    const detach = () => {
      for (const config of configs.reverse()) cni.del(config, { ...at, prevResult });
    };
    this.#attached.push({ at: nameOf(words), detach });
  }

  #detach(which: (at: string) => boolean): void {
    for (const { at, detach } of this.#attached.splice(0).reverse()) {
      if (which(at)) detach();
      else this.#attached.unshift({ at, detach });
    }
  }

  #target([containerId = "", ifName = "eth0"]: string[]) {
    const container = this.#containers.get(containerId) ?? this.#box.addNamespace(containerId);
    this.#containers.set(containerId, container);
    return { container, containerId, ifName };
  }

  /** The configs as libcni hands them out: with the capabilities that they ask for. */
  #configsOf({ cniVersion, name, plugins }: List) {
    return plugins.map(({ capabilities, ...plugin }) => {
      const wanted = Object.keys(this.#capabilities).filter((key) => capabilities?.[key]);
      const values = wanted.map((key) => [key, this.#capabilities[key]]);
      const runtimeConfig = wanted.length > 0 && { runtimeConfig: Object.fromEntries(values) };
      return { ...plugin, ...runtimeConfig, cniVersion, name };
    });
  }
}

interface List {
  cniVersion: string;
  name: string;
  plugins: { type: string; capabilities?: Record<string, boolean> }[];
}

function nameOf([containerId, ifName = "eth0"]: string[]): string {
  return `${containerId}/${ifName}`;
}

function pattern(text: string): RegExp {
  const quoted = text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  const loose = quoted.replace(/ *\n/g, "[ \\r]*\n").replace(/…/g, "[^\\n]*");
  return new RegExp(`^${loose}$`);
}
