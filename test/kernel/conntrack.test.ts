/** Connections of one namespace, made by packets and by `conntrack`, removed by us. */
import assert from "node:assert/strict";
import { requireIp } from "../../src/addr/ip.ts";
import { Conntrack } from "../../src/kernel/conntrack.ts";
import { Netns } from "../../src/kernel/netns.ts";
import { sys } from "../../src/sys/sys.ts";
import { type Namespace, sandbox } from "../harness/sandbox.ts";

const udp = 17;
const tcp = 6;

function open(host: Namespace): Netns {
  return Netns.open(host.file("").replace(/root$/, "ns/net"));
}

/** Puts connections into the table, as `source > destination:port`. */
function insert(host: Namespace, protocol: "udp" | "tcp", ...connections: string[]) {
  const commands = connections.map((text, i) => {
    const [, source, destination, port] = /^(\S+) > (\S+?)[:#](\d+)$/.exec(text) ?? [];
    const state = protocol === "tcp" ? "--state ESTABLISHED -u SEEN_REPLY,ASSURED" : "";
    return `conntrack -I -p ${protocol} -s ${source} -d ${destination} --sport ${1000 + i} --dport ${port} --timeout 60 ${state} 2>&1`;
  });
  host.sh(commands.join("\n"));
}

function left(host: Namespace): string[] {
  const text = host.sh("conntrack -L 2>/dev/null; conntrack -L -f ipv6 2>/dev/null");
  const rows = text.matchAll(/^(\w+) .*? src=(\S+) dst=(\S+) sport=\d+ dport=(\d+)/gm);
  return [...new Set([...rows].map(([, ...parts]) => parts.join(" ")))].sort();
}

sandbox("only what matches is removed", ({ host }) => {
  insert(
    host,
    "udp",
    "10.0.0.1 > 10.0.0.9:53",
    "10.0.0.2 > 10.0.0.9:53",
    "10.0.0.1 > 10.0.0.8:53",
    "10.0.0.1 > 10.0.0.9:54",
    "fd00::1 > fd00::9#53",
  );
  insert(host, "tcp", "10.0.0.1 > 10.0.0.9:53");
  const netns = open(host);
  const conntrack = netns.use(Conntrack);
  const all = left(host);
  assert.equal(all.length, 6);

  const address = requireIp("10.0.0.9");
  assert.equal(conntrack.remove([{ family: 4, protocol: udp, port: 55 }]), 0);
  assert.equal(conntrack.remove([]), 0);
  assert.equal(
    conntrack.remove([{ family: 4, protocol: udp, port: 53 }], () => false),
    0,
  );
  assert.deepEqual(left(host), all);

  assert.equal(conntrack.remove([{ family: 4, protocol: udp, port: 53, address }]), 2);
  assert.deepEqual(left(host), [
    "tcp 10.0.0.1 10.0.0.9 53",
    "udp 10.0.0.1 10.0.0.8 53",
    "udp 10.0.0.1 10.0.0.9 54",
    "udp fd00::1 fd00::9 53",
  ]);
  assert.equal(conntrack.remove([{ family: 4, protocol: udp, port: 53 }]), 1);
  assert.equal(conntrack.remove([{ family: 6, protocol: udp, port: 53 }]), 1);
  assert.deepEqual(left(host), ["tcp 10.0.0.1 10.0.0.9 53", "udp 10.0.0.1 10.0.0.9 54"]);
  assert.equal(conntrack.remove([{ family: 4, protocol: tcp, port: 53 }]), 1);
  netns.close();
});

sandbox("many ports are looked for in one reading", ({ host }) => {
  const ports = [53, 54, 55, 56, 57, 58];
  insert(
    host,
    "udp",
    ...ports.map((port) => `10.0.0.1 > 10.0.0.9:${port}`),
    "10.0.0.1 > 10.0.0.9:9",
  );
  const netns = open(host);
  const wanted = ports.map((port) => ({ family: 4 as const, protocol: udp, port }));
  let sent = 0;
  const { send } = sys;
  sys.send = (...args) => {
    sent++;
    return send(...args);
  };
  const removed = netns.use(Conntrack).remove(wanted);
  sys.send = send;
  assert.equal(removed, 6);
  assert.equal(sent, 1 + 6);
  assert.deepEqual(left(host), ["udp 10.0.0.1 10.0.0.9 9"]);
  netns.close();
});

sandbox("the kernel sends only the rows of the port", ({ host }) => {
  insert(host, "udp", ...Array.from({ length: 60 }, (_, i) => `10.0.0.1 > 10.0.0.9:${100 + i}`));
  const netns = open(host);
  let received = 0;
  const { recv } = sys;
  sys.recv = (...args) => {
    const datagram = recv(...args);
    received += datagram.data.length;
    return datagram;
  };
  const count = netns.use(Conntrack).remove([{ family: 4, protocol: udp, port: 130 }]);
  sys.recv = recv;
  assert.equal(count, 1);
  // CTA_FILTER came with Linux 5.8; before, all sixty come and we choose.
  const [major = 0, minor = 0] = host.sh("uname -r").split(".").map(Number);
  if (major > 5 || (major === 5 && minor >= 8)) assert.ok(received < 600, `${received} bytes`);
  netns.close();
});
