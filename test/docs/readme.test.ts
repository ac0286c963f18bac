/** The README's examples, one after the other, as an operator would type them. */
import assert from "node:assert/strict";
import { readFileSync, realpathSync } from "node:fs";
import { plugins } from "../../src/applets/mod.ts";
import { pluginPath } from "../harness/hosts.ts";
import { onlyOurs } from "../harness/sandbox.ts";

const examples = [
  ...readFileSync("README.md", "utf8").matchAll(/<!-- example.*? -->\n```sh\n(.*?)```/gs),
].map(([, commands = ""]) => commands.replaceAll("/opt/cni/bin", "/run/cni/bin"));

onlyOurs("the README's examples", "Go has no cnibox", ({ host }) => {
  assert.equal(examples.length, 3);
  const [install = "", add = "", use = ""] = examples;
  const path = `cnibox() { ${realpathSync(pluginPath("bridge"))} "$@"; }; mkdir -p /run/cni/bin`;
  const done = host.sh(`${path}\n${install}\n${add}\necho ----\n${use}`);
  const [added = "", used = ""] = done.split("----");

  const result = JSON.parse(added.slice(added.indexOf("{")));
  assert.deepEqual(result.ips, [{ address: "10.1.2.2/24", gateway: "10.1.2.1", interface: 2 }]);
  assert.match(used, /1 received/);
  assert.match(used, /10\.1\.2\.2 \. 10\.1\.2\.0 comment ".*net: web, if: eth0, id: blue"/);
  assert.deepEqual(host.links(), ["cni0", "lo"]);
  assert.deepEqual(host.nft(), []);
});

onlyOurs("the README names every plugin that there is", "Go has no cnibox", () => {
  const readme = readFileSync("README.md", "utf8");
  const [, there = ""] = /It is ([^.]*)\./.exec(readme) ?? [];
  const named = there.split(/,\s+|\s+and\s+/).sort();
  assert.deepEqual(named, [...plugins].sort());
});
