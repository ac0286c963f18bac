/**
 * Our libcni and the reference's (1.1.2, of Debian's packages): the same calls of plugins, the same
 * cached results, the same errors; each drives the other side's plugins, and takes over from the
 * other in the middle of an attachment's life.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import t from "tap";
import { cniBin, go } from "../harness/hosts.ts";
import type { Outcome } from "../harness/processes.ts";
import { onlyOurs, type Sandbox } from "../harness/sandbox.ts";
import { executable } from "../main/program.ts";
import { goRuntime } from "./go-runtime.ts";

const runtime = go ? undefined : goRuntime();
const netns = "/run/netns/c1";
type Side = "go" | "ours";

/** Both runtimes in a sandbox. */
function runtimes({ host }: Sandbox) {
  host.sh("mkdir -p /run/net.d /run/bin");
  return {
    network(name: string, value: object | string) {
      const text = typeof value === "string" ? value : JSON.stringify(value);
      writeFileSync(host.file(`/run/net.d/${name}`), text);
    },
    call(side: Side, verb: string, network: string, env: Record<string, string> = {}): Outcome {
      const argv =
        side === "go"
          ? [runtime ?? "", verb, network, netns, "c1", "eth0"]
          : [executable, "cnitool", verb, network, netns, "--container-id", "c1"];
      return host.run(argv, { env: { NETCONFPATH: "/run/net.d", CNI_PATH: "/run/bin", ...env } });
    },
    script(name: string, text: string) {
      writeFileSync(host.file(`/run/bin/${name}`), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    },
    /** What is cached; then it is gone. */
    takeCached() {
      const folder = host.file("/var/lib/cni/results");
      const names = readdirSync(folder);
      const files = names.map((name) => [name, readFileSync(`${folder}/${name}`, "utf8")]);
      host.sh("rm -rf /var/lib/cni/results");
      return files;
    },
  };
}

function both(name: string, body: (box: Sandbox) => void): void {
  if (!go && !runtime) {
    void t.test(name, { skip: "no Go, or no golang-github-appc-cni-dev" }, async () => {});
  } else onlyOurs(name, "it is the other side", body);
}

/**
 * A JSON text without what differs on purpose: newer releases than 1.1.2 leave an empty `dns` out of
 * results of 1.x and have `netns` in the cache; members of results come in any order.
 */
function plain(text: string): unknown {
  return JSON.parse(text, (_key, value) => {
    if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
    const members = Object.entries(value).filter(
      ([name, member]) => name !== "netns" && !(name === "dns" && JSON.stringify(member) === "{}"),
    );
    return Object.fromEntries(members.sort());
  });
}

/** Writes the variables and the config of each call to /run/log, and prints what OUT says. */
const recorder = `{ echo "== $0"; env | grep ^CNI_ | sort; cat; echo; } >> /run/log
[ "$CNI_COMMAND" != ADD ] || cat /run/out`;

const results = {
  "1.0.0": '{"cniVersion":"1.0.0","ips":[{"address":"10.1.2.3/24"}],"routes":[{"dst":"::/0"}]}',
  "0.4.0": '{"cniVersion":"0.4.0","ips":[{"version":"4","address":"10.1.2.3/24","interface":0}]}',
  "0.3.1": '{"ips":[{"version":"6","address":"fe80::5/64"}],"dns":{"search":["<a&b>"]}}',
  "0.2.0": '{"cniVersion":"0.2.0","ip4":{"ip":"10.1.2.3/24","routes":[{"dst":"0.0.0.0/0"}]}}',
};

for (const [version, result] of Object.entries(results)) {
  both(`plugins are called alike, results cached and printed alike [${version}]`, (box) => {
    const { network, call, script, takeCached } = runtimes(box);
    script("one", recorder);
    script("two", recorder);
    writeFileSync(box.host.file("/run/out"), result);
    network("a.conflist", {
      cniVersion: version,
      name: "net",
      z: { big: 2 ** 60, é: "<>&\u2028" },
      plugins: [
        { type: "one", capabilities: { mac: true, ips: false }, zeta: 1e21, alpha: [null, 0.1] },
        { type: "two", prevResult: { cniVersion: version }, ipam: { type: "x" } },
      ],
    });
    const env = { CAP_ARGS: '{"mac":"02:00:00:00:00:01","ips":["x"],"b":{"d":1,"c":2}}' };
    const run = (side: Side) => {
      const verbs = version === "1.0.0" || version === "0.4.0" ? ["add", "check"] : ["add"];
      const outcomes = verbs.map((verb) => {
        const { status, stdout } = call(side, verb, "net", env);
        assert.equal(status, 0, `${side} ${verb}`);
        return stdout === "" ? "" : plain(stdout);
      });
      box.host.sh("cp -r /var/lib/cni /run/kept");
      assert.equal(call(side, "del", "net", env).status, 0);
      box.host.sh("mv /run/kept/results /var/lib/cni/; rmdir /run/kept");
      const lines = box.host.sh("cat /run/log; rm /run/log").split("\n");
      const log = lines.map((line) => (line.startsWith("{") ? JSON.stringify(plain(line)) : line));
      const cached = takeCached().map(([name = "", text = ""]) => [
        name,
        JSON.stringify(plain(text)),
      ]);
      return { outcomes, cached, log };
    };
    const theirs = run("go");
    assert.match(theirs.log.join("\n"), /prevResult.*10\.1\.2\.3|prevResult.*fe80::5/);
    assert.deepEqual(run("ours"), theirs);
  });
}

both("plugins that fail, and configs that are none, are told of alike", (box) => {
  const { network, call, script } = runtimes(box);
  network("a.conflist", { cniVersion: "1.0.0", name: "net", plugins: [{ type: "prog" }] });
  const scripts = [
    "exit 3",
    "echo words >&2; exit 1",
    'echo \'{"code":7,"msg":"no","details":"more"}\'; exit 1',
    "echo '{}'; exit 1",
    "printf 'garbage\\t\\001'; exit 1",
    "printf '{\"code\":7,'; exit 2",
    'echo \'{"code":"7"}\'; exit 2',
    "kill -9 $$",
    "kill -ABRT $$",
    "exit 0",
    "echo nonsense",
    "echo '[]'",
    'echo \'{"cniVersion":"7.7.7"}\'',
    'echo \'{"cniVersion":"0.4.0","ips":1}\'',
    'echo \'{"ips":[{"address":"10.1.2.3"}]}\'',
  ];
  const failing = (side: Side, name: string) => {
    const done = call(side, "add", name);
    assert.equal(done.status, 1, side);
    const message =
      side === "go"
        ? done.stderr
        : done.stderr.replace(/^(?:[^E].*\n)*Error: /, "").replace(/\n$/, "");
    // Newer releases of the reference have what follows the plugin's own words.
    return message.replace(/^(.*netplugin failed: ".*")(: exit status \d+)?$/, "$1");
  };
  const pairs: [string, string, string][] = [];
  for (const text of scripts) {
    script("prog", text);
    pairs.push([text, failing("ours", "net"), failing("go", "net")]);
  }
  box.host.sh("chmod -x /run/bin/prog");
  pairs.push(["not executable", failing("ours", "net"), failing("go", "net")]);
  box.host.sh("printf '#!/no/such/shell\\n' > /run/bin/prog; chmod +x /run/bin/prog");
  pairs.push(["no interpreter", failing("ours", "net"), failing("go", "net")]);
  box.host.sh("rm /run/bin/prog");
  pairs.push(["missing", failing("ours", "net"), failing("go", "net")]);
  pairs.push(["unknown network", failing("ours", "other"), failing("go", "other")]);
  for (const [what, ours, theirs] of pairs) assert.equal(ours, theirs, what);

  const configs = [
    '{"name":"net","cniVersion":1,"plugins":[{"type":"x"}]}',
    '{"name":"net","plugins":{}}',
    '{"name":"net","plugins":[]}',
    '{"name":"net","plugins":[{"type":"x"},{"type":5}]}',
    '{"name":"net","plugins":[{"name":"y"}]}',
  ];
  for (const config of configs) {
    network("a.conflist", config);
    const [ours, theirs] = [failing("ours", "net"), failing("go", "net")];
    const renamed = theirs.replace("field NetConf.", "field PluginConf.");
    assert.equal(ours, `${renamed} (in /run/net.d/a.conflist)`, config);
  }
});

const plugins = [
  {
    type: "bridge",
    bridge: "br0",
    isGateway: true,
    ipam: { type: "host-local", subnet: "10.1.2.0/24" },
  },
  { type: "tuning", capabilities: { mac: true }, sysctl: { "net.core.somaxconn": "500" } },
];
const env = { CAP_ARGS: '{"mac":"02:00:00:00:00:09"}' };
const bins = { go: "/usr/lib/cni", ours: cniBin };

for (const version of ["0.4.0", "1.0.0"]) {
  for (const [whose, path] of Object.entries(bins)) {
    for (const first of ["go", "ours"] as const) {
      const second = first === "go" ? "ours" : "go";
      both(
        `${first} adds by plugins of ${whose}, ${second} checks and deletes [${version}]`,
        (box) => {
          const { network, call } = runtimes(box);
          const { host, container } = box;
          network("web.conflist", { cniVersion: version, name: "web", plugins });
          const calls = (side: Side, ...verbs: string[]) => {
            for (const verb of verbs) {
              const done = call(side, verb, "web", { ...env, CNI_PATH: path });
              assert.equal(done.status, 0, `${side} ${verb}: ${done.stderr}`);
            }
          };
          calls(first, "add", "del"); // the bridge stays
          const before = [host.state(), container.state()];
          calls(first, "add");
          assert.equal(container.addresses("eth0").length, 1);
          assert.equal(container.link("eth0").address, "02:00:00:00:00:09");
          calls(second, "check");
          container.sh("ip addr flush dev eth0");
          assert.equal(call(second, "check", "web", { ...env, CNI_PATH: path }).status, 1);
          calls(second, "del");
          assert.deepEqual([host.state(), container.state()], before);
        },
      );
    }
  }
}
