/** The commands of docs/moving-from-the-go-plugins.md, there and back, with containers that stay. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { gatewayBridge } from "../harness/configs.ts";
import { pluginPath } from "../harness/hosts.ts";
import { onlyOurs } from "../harness/sandbox.ts";

const page = readFileSync("docs/moving-from-the-go-plugins.md", "utf8");
const examples = [...page.matchAll(/<!-- example.*? -->\n```sh\n(.*?)```/gs)].map(([, text = ""]) =>
  text.replaceAll("/etc/cni/net.d", "/run/net.d").replaceAll("/opt/cni/bin", "/run/cni/bin"),
);
const theirs = "/usr/lib/cni";
const bin = "/run/cni/bin";

const network = { ...gatewayBridge("10.1.2.0/24"), name: "web", cniVersion: "1.0.0", ipMasq: true };
const ports = {
  ...{ type: "portmap", name: "web", cniVersion: "1.0.0" },
  capabilities: { portMappings: true },
  runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }] },
};

onlyOurs("a node moves from the Go plugins and back", "it is about ours", (box) => {
  const { host, container, cni, addNamespace, reserved } = box;
  assert(existsSync(`${theirs}/bridge`), `the Go plugins are needed in ${theirs}`);
  assert.equal(examples.length, 4);
  const [before = "", move = "", back = "", clean = ""] = examples;
  const cnibox = realpathSync(pluginPath("bridge"));
  const run = (commands: string) => host.sh(`cnibox() { ${cnibox} "$@"; }\n${commands}`);
  const isGoThere = () => host.run(["grep", "-q", "Go buildinf:", `${bin}/bridge`]).status === 0;
  host.sh(`mkdir -p /run/cni /run/net.d; cp -a ${theirs} ${bin}; touch ${bin}/flannel`);
  const { name, cniVersion, ...plugin } = network;
  const list = { cniVersion, name, plugins: [plugin, { type: "portmap" }] };
  host.run(["tee", "/run/net.d/web.conflist"], { input: JSON.stringify(list) });

  const at = { bin, containerId: "blue" };
  const blue = cni.add(network, at);
  cni.add(ports, { ...at, prevResult: blue });
  assert(isGoThere());

  run(before);
  run(move);
  assert(!isGoThere());
  assert.equal(host.sh(`readlink ${bin}/bridge; ls ${bin}/flannel`), `cnibox\n${bin}/flannel\n`);
  const red = addNamespace("red");
  const second = { bin, containerId: "red", container: red };
  const prevResult = cni.add(network, second);
  cni.add({ ...ports, runtimeConfig: {} }, { ...second, prevResult });
  assert(container.reaches("10.1.2.3"));
  cni.check(network, { ...at, prevResult: blue });
  cni.check(ports, { ...at, prevResult: blue });
  cni.del(ports, { ...at, prevResult: blue });
  cni.del(network, { ...at, prevResult: blue });
  assert.deepEqual(
    host.state().iptables.filter((rule) => /10\.1\.2\.2|8080/.test(rule)),
    [],
  );
  assert.deepEqual(reserved("web"), ["10.1.2.3"]);

  run(back);
  assert(isGoThere());
  assert.equal(host.sh(`find ${bin} -type l`), "");
  assert.deepEqual(
    host.sh(`ls ${bin}`),
    host.sh(`{ ls ${theirs}; echo cnibox; echo flannel; } | sort`),
  );
  cni.check(network, { ...second, prevResult });
  assert.throws(() => cni.del(network, { ...second, prevResult }), /Chain '.*' does not exist/);
  cni.del(network, { ...second, prevResult });
  assert.deepEqual(reserved("web"), []);
  assert.deepEqual(host.links(), ["br0", "lo"]);
  assert.match(host.sh("nft list ruleset"), /10\.1\.2\.3/, "the page says that they stay");
  run(clean);
  assert.doesNotMatch(host.sh("nft list ruleset"), /cnibox/);
  assert.equal(host.sh(`ls ${bin}`), host.sh(`{ ls ${theirs}; echo flannel; } | sort`));
});
