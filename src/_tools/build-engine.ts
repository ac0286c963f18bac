/**
 * Builds `build/cnibox`, the executable that is shipped.
 *
 *     tsx src/_tools/build-engine.ts [--sanitize] [--out=FILE]
 *
 * The applets are what `schemas.ts` has made in `build/gen/applets/`.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { buildEngine, root } from "./engine.ts";

const sanitize = process.argv.includes("--sanitize");
const out = process.argv.find((argument) => argument.startsWith("--out="))?.slice("--out=".length);
const executable = out ?? (sanitize ? "build/sanitize/cnibox" : "build/cnibox");

const applets = readdirSync(join(root, "build/gen/applets")).map((file) => [
  `applet/${file.replace(/\.ts$/, "")}`,
  `build/gen/applets/${file}`,
]);
await buildEngine({
  entries: { main: "src/main.ts", "warm-up": "src/warm-up.ts", ...Object.fromEntries(applets) },
  // What is frozen is twice as long as its bytecode, so of the rarer plugins nothing is.
  frozen: [
    ...["bridge", "host-local", "loopback", "ptp", "macvlan", "ipvlan", "vlan"],
    ...["portmap", "firewall", "bandwidth", "tuning"],
  ]
    .map((name) => `applet/${name}.js`)
    .concat(
      ["masquerade", "attachment-set-founding", "nft-rules"].map((name) => `lazy/${name}.js`),
      ["masquerade", "portmap", "firewall"].map((name) => `lazy/${name}-removal.js`),
      "warm-up.js",
    ),
  // nf_tables is the larger half of what the bridge can do, and the rarer; most of that half is for DEL,
  // for the first container of a node, or for what other programs left.
  lazy: [
    "src/net/masquerade.ts",
    "src/net/masquerade-removal.ts",
    "src/net/masquerade-iptables.ts",
    "src/net/masquerade-remains.ts",
    "src/net/spoof-check.ts",
    "src/net/spoof-check-removal.ts",
    "src/net/spoof-check-remains.ts",
    "src/net/attachment-set-founding.ts",
    "src/net/attachment-set-removal.ts",
    "src/kernel/nft-rules.ts",
    // Of port mappings, what an ADD without conditions, and without UDP, has no use for.
    "src/net/conditions-iptables.ts",
    "src/net/conditions-nft.ts",
    "src/net/portmap-check.ts",
    "src/net/portmap-connections.ts",
    "src/net/portmap-guarded.ts",
    "src/net/portmap-iptables.ts",
    "src/net/portmap-removal.ts",
    // Of the firewall, what an ADD that nf_tables can do has no use for.
    "src/net/firewalld.ts",
    "src/net/firewall-iptables.ts",
    "src/net/firewall-check.ts",
    "src/net/firewall-removal.ts",
    "src/net/isolation.ts",
    // A call of the DHCP plugin has no use for its daemon.
    "src/dhcp/daemon/daemon.ts",
  ],
  executable,
  sanitize,
});
console.log(`${executable}: ${statSync(join(root, executable)).size} bytes`);
