/** The examples of docs/cnitool.md, one after the other, as an operator would type them. */
import assert from "node:assert/strict";
import { readFileSync, realpathSync } from "node:fs";
import { flags } from "../../src/cnitool/flags.ts";
import { commands } from "../../src/cnitool/usage.ts";
import { pluginPath } from "../harness/hosts.ts";
import { onlyOurs } from "../harness/sandbox.ts";

const page = readFileSync("docs/cnitool.md", "utf8");
const examples = [...page.matchAll(/<!-- example.*? -->\n```sh\n(.*?)```/gs)].map(([, text = ""]) =>
  text.replaceAll("/etc/cni/net.d", "/run/net.d"),
);

onlyOurs("the examples of the page on cnitool", "it has no cnibox", ({ host }) => {
  assert.equal(examples.length, 3);
  const [web = "", left = "", gc = ""] = examples;
  const cnibox = realpathSync(pluginPath("bridge"));
  const done = host.sh(
    `export NETCONFPATH=/run/net.d; cnibox() { ${cnibox} "$@"; }\n${web}\necho ----\n${left}\necho ----\n${gc}`,
  );
  const [first = "", second = "", third = ""] = done.split("----\n");
  const result = JSON.parse(first.slice(0, first.indexOf("\n}") + 2));
  assert.equal(result.ips[0].address, "10.1.2.2/24");
  assert.match(first, /1 received/);
  assert.equal(JSON.parse(second).ips[0].address, "10.1.2.3/24");
  const [, told] = /```\n(would [^`]*)```/.exec(page) ?? [];
  assert.equal(third.slice(third.indexOf("\n}") + 2), told);
  assert.deepEqual(host.links(), ["cni0", "lo"]);
  assert.equal(host.sh("ls /var/lib/cni/results"), "");
});

onlyOurs("the page names every command and flag", "it has no cnibox", () => {
  for (const command of Object.keys(commands)) {
    if (command !== "help") assert.match(page, new RegExp(`^\\| \`${command} `, "m"));
  }
  for (const flag of Object.keys(flags)) {
    if (flag !== "help") assert.match(page, new RegExp(`--${flag}\\b`));
  }
});
