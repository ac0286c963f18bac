/** The npm library as it is released, installed into an empty project: types, code, examples. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { transformSync } from "esbuild";
import t from "tap";
import { go } from "../harness/hosts.ts";
import { onlyOurs } from "../harness/sandbox.ts";
import { emptyProject, install, run, succeed } from "./npm.ts";

const project = emptyProject();
const skip = go || process.env.CNIBOX_ONLY ? { skip: "it is about Node: natively only" } : {};

t.test("the packages install without a network and without a compiler", skip, async (t) => {
  succeed(".", process.execPath, "node_modules/tsx/dist/cli.mjs", "src/_tools/library-packages.ts");
  const packages = readdirSync("build/npm").filter((name) => name.endsWith(".tgz"));
  t.match(packages, [/^cnibox-[\d.]+\.tgz$/, /^cnibox-linux-(x64|arm64)-(gnu|musl)-[\d.]+\.tgz$/]);
  const files = packages.map((name) => resolve("build/npm", name));
  const { status, output } = install(project, files, { env: { CXX: "false", MAKE: "false" } });
  t.equal(status, 0, output);
  const installed = join(project, "node_modules/cnibox");
  t.strictSame(readdirSync(join(installed, "build")).sort(), ["library", "schema"], "not compiled");
  const { optionalDependencies, devDependencies } = JSON.parse(
    readFileSync(join(installed, "package.json"), "utf8"),
  );
  t.match(Object.keys(optionalDependencies), [/^cnibox-linux-/]);
  t.equal(devDependencies, undefined);
});

t.test("import and require give the same objects", skip, async (t) => {
  write("same.mjs", [
    'import { createRequire } from "node:module";',
    'import * as esm from "cnibox";',
    'import * as netns from "cnibox/netns";',
    "const require = createRequire(import.meta.url);",
    'const same = (a, b) => Object.keys(b).filter((key) => a[key] !== b[key] || key === "default");',
    'console.log(same(esm, require("cnibox")), same(netns, require("cnibox/netns")));',
    'console.log(require("cnibox/schema/bridge.json").title);',
  ]);
  t.equal(succeed(project, "node", "same.mjs"), "[] []\nbridge\n");
  write("plain.cjs", [
    'const { convertResult } = require("cnibox");',
    'const { Netns } = require("cnibox/netns");',
    "const own = Netns.own();",
    'console.log(own.links.get("lo").index, convertResult({ cniVersion: "1.0.0" }, "0.4.0"));',
    "own.close();",
  ]);
  t.equal(succeed(project, "node", "plain.cjs"), "1 { cniVersion: '0.4.0', dns: {} }\n");
});

t.test("the package has the program too", skip, async (t) => {
  const program = join(project, "node_modules/.bin/cnibox");
  t.match(succeed(project, program, "--list"), /^bridge +/m);
  const { output } = run(project, [program, "loopback"], { CNI_COMMAND: "VERSION" });
  t.match(output, /"supportedVersions"/);
});

t.test("programs in TypeScript see the types", skip, async (t) => {
  const consumer = readFileSync("test/library/consumer.txt", "utf8");
  writeFileSync(join(project, "esm.mts"), consumer);
  writeFileSync(join(project, "cjs.cts"), consumer);
  const options = {
    module: "nodenext",
    target: "es2022",
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    noEmit: true,
    typeRoots: [resolve("node_modules/@types")],
    types: ["node"],
  };
  for (const module of ["nodenext", "node16"]) {
    const config = { compilerOptions: { ...options, module }, files: ["esm.mts", "cjs.cts"] };
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify(config));
    const { output, status } = run(project, [resolve("node_modules/.bin/tsc"), "-p", "."]);
    t.equal(output, "", module);
    t.equal(status, 0);
  }
});

/** What docs/library.md shows: programs, and what they print. */
const examples = [
  ...readFileSync("docs/library.md", "utf8").matchAll(
    /<!-- example.*? -->\n```js\n(.*?)```(?:\n\n<!-- output -->\n```text\n(.*?)```)?/gs,
  ),
].map(([, code = "", output = ""]) => ({ code, output }));

const patient = { timeout: 120_000 };
onlyOurs("the examples do what the page says", "no library", patient, ({ host }) => {
  assert.equal(examples.length, 8);
  host.sh(`ip netns add blue; mkdir -p /run/cni/net.d /run/cni/bin
    ip -n blue link set lo up
    cp ${resolve("build/cnibox")} /run/cni/bin/bridge; cp /run/cni/bin/bridge /run/cni/bin/host-local
    printf '#!/bin/sh\\n[ $CNI_COMMAND = DEL ] || exec sleep 100\\n' > /run/cni/bin/slow-one
    chmod +x /run/cni/bin/slow-one`);
  const network = {
    cniVersion: "1.1.0",
    name: "web",
    plugins: [
      {
        type: "bridge",
        isGateway: true,
        ipam: { type: "host-local", subnet: "10.1.2.0/24" },
      },
    ],
  };
  host.sh(`echo '${JSON.stringify(network)}' > /run/cni/net.d/web.conflist`);
  for (const { code, output } of examples) {
    const placed = code
      .replaceAll("/opt/cni/bin", "/run/cni/bin")
      .replaceAll("/etc/cni/net.d", "/run/cni/net.d");
    write("example.mjs", [placed]);
    const ran = host.sh(`cd ${project}; CNI_PATH=/run/cni/bin node example.mjs`);
    assert.equal(ran, output, code);
  }

  // The kernel's own tools see what the last but one has made, and nothing of the others.
  assert.deepEqual(host.links(), ["cni0", "lo", "to-blue"]);
  const [eth0] = host.json("ip -j -n blue address show dev eth0");
  assert.equal(eth0.mtu, 1400);
  assert.equal(eth0.addr_info[0].local, "10.9.0.2");
  const [route] = host.json("ip -j -n blue route show default");
  assert.equal(route.gateway, "10.9.0.1");
  const rules = host.sh("ip netns exec blue nft list table ip demo");
  assert.match(rules, /ip daddr 192\.0\.2\.1 drop/);
  assert.equal(host.sh("cd /var/lib/cni/networks/web; ls 10.* 2>/dev/null || true"), "");
});

/** What the descriptions of exports show; editors have them where the name is written. */
const shown = readdirSync("src/library")
  .filter((name) => name.endsWith(".ts"))
  .flatMap((name) => [
    ...readFileSync(join("src/library", name), "utf8").matchAll(
      /^ *\* @example\n((?: *\*(?! @)(?!\/).*\n)+)/gm,
    ),
  ])
  .map(([, lines = ""]) => lines.replaceAll(/^ *\* ?/gm, ""));

onlyOurs("the examples of the exports' descriptions run", "no library", patient, ({ host }) => {
  assert.equal(shown.length, 8);
  host.sh(`mkdir -p /run/cni/net.d /run/cni/bin
    cp ${resolve("build/cnibox")} /run/cni/bin/bridge; cp /run/cni/bin/bridge /run/cni/bin/host-local`);
  const ipam = { type: "host-local", subnet: "10.1.2.0/24" };
  const network = { cniVersion: "1.1.0", name: "web", type: "bridge", ipam };
  host.sh(`echo '${JSON.stringify(network)}' > /run/cni/net.d/web.conf`);
  const said = shown.map((code) => {
    host.sh("ip netns del blue 2>/dev/null || true; ip netns add blue");
    if (code.includes('get("eth0")')) {
      host.sh("ip link add out0 type veth peer name eth0 netns blue; ip link set out0 up");
    }
    const placed = code
      .replaceAll("/opt/cni/bin", "/run/cni/bin")
      .replaceAll("/etc/cni/net.d", "/run/cni/net.d");
    write("shown.mjs", [
      'import * as cnibox from "cnibox";',
      'import * as netnsEntry from "cnibox/netns";',
      "Object.assign(globalThis, cnibox, netnsEntry, { netns: netnsEntry.Netns.own() });",
      transformSync(`{ ${placed} }`, { loader: "ts" }).code,
    ]);
    return host.sh(`cd ${project}; node shown.mjs; ip -n blue route show default`);
  });
  assert.match(said.join("\n"), /^10\.1\.2\.2\/24$/m, "ADD");
  assert.match(said.join("\n"), /^default via 10\.1\.2\.1 dev eth0/m, "the route in blue");
  assert.match(said.join("\n"), /^\d+$/m, "packets of lo");
  assert.match(host.sh("nft list table ip demo"), /ip saddr 192\.0\.2\.1 drop/);
});

function write(name: string, lines: readonly string[]): void {
  writeFileSync(join(project, name), lines.join("\n"));
}
