/**
 * Captures what `ip`, `bridge` and `tc` say to the kernel and what it answers, as golden bytes for the
 * tests of the codecs: test/golden/{link,address,...}.txt.
 *
 *     npx tsx src/_tools/capture.ts NAME...      (root, strace and iproute2 needed)
 *
 * Each file is captured in throw-away network and mount namespaces. What is written is from the
 * kernel, but the JSON beside it is what our codec reads: look at it before it is committed. Run it
 * on a kernel with all kinds of links; the User Mode Linux guest of the tests is one.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { type AnyCodec, decode } from "../netlink/codec.ts";
import { controlTypes, eachMessage, type Header, readAck } from "../netlink/message.ts";
import { addressMessage } from "../netlink/route/address.ts";
import { bridgeLinkMessage, vlanDumpRequest, vlanMessage } from "../netlink/route/bridge-vlan.ts";
import { linkMessage } from "../netlink/route/link.ts";
import { neighbourMessage } from "../netlink/route/neighbour.ts";
import { routeMessage } from "../netlink/route/route.ts";
import { ruleMessage } from "../netlink/route/rule.ts";
import { filterMessage, qdiscMessage } from "../netlink/route/traffic.ts";
import { families, routeTypes } from "../netlink/route/types.ts";
import type { Reader } from "../netlink/wire.ts";

/** Commands by golden file. `-` marks what only prepares; of a `show`, the answers count too. */
const scenarios: Record<string, string[]> = {
  link: [
    "ip link add d0 address 02:00:00:00:00:01 type dummy",
    "ip link add br0 address 02:00:00:00:00:02 type bridge vlan_filtering 1 forward_delay 200",
    "ip -d link show dev br0",
    "ip link add v0 mtu 1400 txqueuelen 5 type veth peer name eth0 mtu 1400 address 02:00:00:00:00:03 netns golden",
    "ip link set v0 address 02:00:00:00:00:04",
    "ip link set v0 master br0",
    "ip link set v0 type bridge_slave hairpin on isolated on learning off",
    "ip link set v0 up",
    "ip -d link show dev v0",
    "ip link add link d0 name vl5 address 02:00:00:00:00:05 type vlan protocol 802.1ad id 5 gvrp on",
    "ip -d link show dev vl5",
    "ip link add vrf7 address 02:00:00:00:00:06 type vrf table 7",
    "ip link set vl5 master vrf7",
    "ip -d link show dev vl5",
    "ip -d link show dev vrf7",
    "- ip link del vl5",
    "ip link add link d0 name mv0 address 02:00:00:00:00:07 type macvlan mode private bcqueuelen 500",
    "ip -d link show dev mv0",
    "- ip link del mv0",
    "ip link add link d0 name iv0 type ipvlan mode l3s vepa",
    "ip -d link show dev iv0",
    "ip link add ifb7 address 02:00:00:00:00:08 type ifb",
    "ip -d link show dev ifb7",
    "ip link set d0 promisc on",
    "ip link set d0 allmulticast on",
    "ip link set d0 mtu 1300 txqueuelen 77",
    "ip link set d0 alias golden:alias",
    "ip link set d0 addrgenmode none",
    "ip link property add dev d0 altname a-name-of-more-than-fifteen-bytes altname short",
    "ip -d link show dev d0",
    "ip link show dev a-name-of-more-than-fifteen-bytes",
    "ip link show master br0 type veth",
    "ip link set d0 name d1",
    "ip link set v0 nomaster",
    "ip link set d1 netns golden",
    "ip link del v0",
  ],
  // For a newer kernel, which says more.
  "link-newer": [
    "- ip link add br0 address 02:00:00:00:00:02 type bridge",
    "ip -d link show dev br0",
    "- ip link add v0 address 02:00:00:00:00:03 type veth peer name eth0 netns golden",
    "- ip link set v0 master br0",
    "ip -d link show dev v0",
    "- ip tuntap add tap0 mode tap multi_queue vnet_hdr user 1000",
    "- ip link set tap0 address 02:00:00:00:00:09",
    "ip -d link show dev tap0",
    "ip -d link show dev lo",
  ],
  "link-refused": [
    "- ip link add br0 type bridge",
    "- ip link add v0 type veth peer name v1",
    "ip link add br0 type bridge",
    "ip link set v0 mtu 20",
    "ip link add x type nosuchkind",
    "ip link show dev nosuchlink",
    "ip link set br0 master br0",
    "ip addr add 10.0.0.1/24 broadcast 1.2.3.4 dev v0 scope 254 valid_lft 5 preferred_lft 5",
    "ip addr add 10.0.0.1/24 dev v0",
    "ip route add 9.0.0.0/8 via 8.8.8.8",
    "ip route del 9.0.0.0/8",
    "ip rule del from 1.2.3.4 lookup 99",
    "bridge vlan add dev v0 vid 7",
    "ip link set v0 addrgenmode stable_secret",
    "ip route add 10.0.0.0/8 dev v0 table 4000000000 proto 250 pref high",
    "ip rule add ipproto tcp sport 9-3 lookup 7",
  ],
  "bridge-vlan": [
    "- ip link add br0 address 02:00:00:00:00:02 type bridge vlan_filtering 1",
    "- ip link add v0 address 02:00:00:00:00:03 type veth peer name v1",
    "- ip link set v0 master br0",
    "bridge vlan add dev v0 vid 10 pvid untagged",
    "bridge vlan add dev v0 vid 20-30",
    "bridge vlan add dev br0 vid 40 self",
    "bridge vlan del dev v0 vid 25-27",
    "bridge vlan show",
    "bridge -d vlan show dev v0",
    "bridge link set dev v0 hairpin on",
  ],
  address: [
    "- ip link add d0 address 02:00:00:00:00:01 type veth peer name d1",
    "- ip link set d0 up",
    "- ip link set d1 up",
    "ip addr add 10.1.2.3/24 broadcast + dev d0",
    "ip addr add 10.9.0.1 peer 10.9.0.2/32 dev d0 label d0:p scope link",
    "ip addr add fd00::3/64 dev d0 nodad noprefixroute",
    "ip addr add fd00::4/64 dev d0 nodad valid_lft 3000 preferred_lft 1000",
    "ip addr show dev d0",
    "ip -6 addr show dev d0",
    "ip addr del 10.1.2.3/24 dev d0",
  ],
  route: [
    "- ip link add d0 address 02:00:00:00:00:01 type veth peer name d1",
    "- ip link set d0 up",
    "- ip link set d1 up",
    "- ip addr add 10.1.2.3/24 dev d0",
    "- ip addr add fd00::3/64 dev d0 nodad",
    "ip route add default via 10.1.2.1 dev d0",
    "ip route add 10.3.0.0/16 via 10.1.2.1 dev d0 src 10.1.2.3 metric 7 mtu 1300 advmss 1200",
    "ip route add 10.4.0.0/16 dev d0 scope link table 5000 proto static",
    "ip route append 10.3.0.0/16 via 10.1.2.2 dev d0 metric 7",
    "ip route replace 10.5.0.0/16 via 10.7.7.7 dev d0 onlink",
    "ip route add 10.6.0.0/16 nexthop via 10.1.2.1 weight 3 nexthop via 10.1.2.2",
    "ip route add 10.8.0.0/16 via inet6 fd00::1 dev d0",
    "ip route add blackhole 10.7.0.0/16",
    "ip -6 route add default via fd00::1 dev d0",
    "ip -6 route add fd02::/64 nexthop via fd00::1 nexthop via fd00::2",
    "ip route show table all",
    "ip route show table 5000",
    "ip -6 route show",
    "ip route get fibmatch 10.3.4.5",
    "ip route del 10.3.0.0/16 via 10.1.2.2",
  ],
  rule: [
    "- ip link set lo up",
    "ip rule add from 10.1.2.3 lookup 100",
    "ip rule add from 10.1.2.0/24 to 10.9.0.0/16 iif lo fwmark 0x10/0xff priority 90 lookup 5000",
    "ip -6 rule add from fd00::3 lookup 100 priority 80",
    "ip rule add not from 10.7.0.0/16 prohibit",
    "ip rule show",
    "ip -6 rule show",
    "ip rule del from 10.1.2.3 lookup 100",
  ],
  neighbour: [
    "- ip link add d0 address 02:00:00:00:00:01 type veth peer name d1",
    "- ip link set d0 up",
    "- ip link set d1 up",
    "ip neigh add 10.1.2.9 lladdr 02:00:00:00:00:09 dev d0",
    "ip neigh replace fd00::9 lladdr 02:00:00:00:00:09 dev d0 nud reachable router",
    "ip neigh show dev d0",
    "ip neigh del 10.1.2.9 dev d0",
    "- ip link add br0 type bridge",
    "- ip link set d0 master br0",
    "bridge fdb add 02:00:00:00:00:0a dev d0 master",
    "bridge fdb show br br0 dev d0",
  ],
  traffic: [
    "- ip link add d0 address 02:00:00:00:00:01 type veth peer name d1",
    "- ip link add ifb7 address 02:00:00:00:00:08 type ifb",
    "tc qdisc add dev d0 root handle 1: tbf rate 8mbit burst 20000 latency 25ms",
    "tc qdisc add dev ifb7 root handle 1: tbf rate 80gbit burst 9000000 limit 9500000",
    "tc qdisc add dev d0 root handle 1: tbf rate 8mbit burst 20000 latency 25ms",
    "tc qdisc add dev d0 handle ffff: ingress",
    "tc filter add dev d0 parent ffff: protocol all prio 1 u32 match u32 0 0 flowid 1:1 action mirred egress redirect dev ifb7",
    "tc qdisc show dev d0",
    "tc qdisc show dev ifb7",
    "tc filter show dev d0 parent ffff:",
    "tc qdisc del dev d0 root",
    "tc qdisc del dev d0 ingress",
    "tc qdisc add dev d0 clsact",
    "tc qdisc add dev d0 root nosuchqdisc",
  ],
};

interface Captured {
  command: string;
  /** Who it is sent to. */
  to: "kernel" | "us";
  bytes: Uint8Array;
}

/** Runs the commands in fresh namespaces, under strace, and reads what they sent and got. */
function commandsIn(commands: string[]): Captured[] {
  const folder = mkdtempSync(`${tmpdir()}/capture-`);
  const descriptors = "3,4,5,6,7,8,9";
  const script = commands.map((command, i) =>
    command.startsWith("- ")
      ? `${command.slice(2)} || exit 1`
      : `strace -o ${folder}/${i} -e trace=sendmsg,recvmsg -e write=${descriptors} -e read=${descriptors} ${command} || echo "refused: ${command}"`,
  );
  try {
    const prepare =
      "mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns && ip netns add golden || exit 1";
    execFileSync("unshare", ["-n", "-m", "sh", "-c", [prepare, ...script].join("\n")], {
      stdio: "inherit",
    });
    return commands.flatMap((command, i) =>
      command.startsWith("- ") ? [] : readTrace(command, readFileSync(`${folder}/${i}`, "utf8")),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The datagrams in strace's dumps: a line for the call, then lines ` | 00010  20 00 ...  text |`. */
function readTrace(command: string, trace: string): Captured[] {
  const datagrams: Captured[] = [];
  let to: Captured["to"] = "kernel";
  let hex = "";
  const flush = () => {
    if (hex) datagrams.push({ command, to, bytes: Uint8Array.from(Buffer.from(hex, "hex")) });
    hex = "";
  };
  for (const line of trace.split("\n")) {
    const dump = /^ \| [0-9a-f]+ {2}([0-9a-f ]{48})/.exec(line);
    if (dump) {
      hex += (dump[1] as string).replaceAll(" ", "");
      continue;
    }
    flush();
    if (line.startsWith("sendmsg(")) to = "kernel";
    if (line.startsWith("recvmsg(")) to = "us";
  }
  flush();
  return datagrams;
}

/** The messages of a datagram that are worth keeping, as blocks of a golden file. */
function blocksOf({ command, to, bytes }: Captured): string[] {
  const blocks: string[] = [];
  const shows = / (show|get) /.test(`${command} `);
  const [, object] = /^\S+ (?:-\S+ )?(\S+)/.exec(command) ?? [];
  let at = 0;
  eachMessage(bytes, (header, payload) => {
    const length = payload.left + 16;
    const message = bytes.slice(at, at + length);
    at += (length + 3) & ~3;
    const kind = kindOf(header, payload);
    const isQuestion = to === "kernel" && (header.type & 3) === 2; // RTM_GET*
    if (!kind || (!shows && (isQuestion || (to === "us" && kind !== "ack")))) return false;
    const value = kind === "ack" ? readAck(header, payload) : decode(codecs[kind], payload.bytes());
    // To print names, `ip` asks about links besides.
    if (to === "us" && kind !== "ack" && !answers[object as string]?.includes(kind)) return false;
    // `ip` begins by trying which options the kernel has, without a sequence number.
    if (kind === "ack" && header.sequence === 0) return false;
    if (kind === "ack" && (value as { errno: number }).errno === 0) return false;
    message.fill(0, 8, 16); // sequence and port differ at each run
    blocks.push(
      [
        `# ${command}`,
        `# ${to === "kernel" ? "to" : "from"} the kernel, Linux ${release().split("-")[0]}`,
        `${kind} ${Buffer.from(message).toString("hex")}`,
        JSON.stringify({ type: header.type, flags: header.flags, value }, hexBytes),
      ].join("\n"),
    );
    return false;
  });
  return blocks;
}

const codecs = {
  link: linkMessage,
  bridgeLink: bridgeLinkMessage,
  vlan: vlanMessage,
  vlanDump: vlanDumpRequest,
  address: addressMessage,
  route: routeMessage,
  rule: ruleMessage,
  neighbour: neighbourMessage,
  qdisc: qdiscMessage,
  filter: filterMessage,
} satisfies Record<string, AnyCodec> as Record<Exclude<Kind, "ack">, AnyCodec>;

/** What a `show` of an object is answered with. */
const answers: Record<string, string[]> = {
  link: ["link"],
  addr: ["address"],
  route: ["route"],
  rule: ["rule"],
  neigh: ["neighbour"],
  fdb: ["neighbour"],
  vlan: ["vlan", "bridgeLink"],
  qdisc: ["qdisc"],
  filter: ["filter"],
};

type Kind =
  | "link"
  | "bridgeLink"
  | "vlan"
  | "vlanDump"
  | "address"
  | "route"
  | "rule"
  | "neighbour"
  | "qdisc"
  | "filter"
  | "ack";

function kindOf({ type }: Header, payload: Reader): Kind | undefined {
  const family = payload.peek(0);
  if (type === controlTypes.error) return "ack";
  if (type === routeTypes.newLinkProperty) return "link";
  if (type === routeTypes.getVlan) return "vlanDump";
  if (type < 16 || payload.left < 8) return undefined;
  switch (type >> 2) {
    case routeTypes.newLink >> 2:
      return family === families.bridge ? "bridgeLink" : "link";
    case routeTypes.newAddress >> 2:
      return "address";
    case routeTypes.newRoute >> 2:
      return "route";
    case routeTypes.newNeighbour >> 2:
      return "neighbour";
    case routeTypes.newRule >> 2:
      return "rule";
    case routeTypes.newVlan >> 2:
      return "vlan";
    case routeTypes.newQdisc >> 2:
      return "qdisc";
    case routeTypes.newFilter >> 2:
      return "filter";
    default:
      return undefined;
  }
}

/** Bytes as hex digits after 0x. */
function hexBytes(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? `0x${Buffer.from(value).toString("hex")}` : value;
}

for (const name of process.argv.slice(2)) {
  const commands = scenarios[name];
  if (!commands) throw new Error(`Cannot capture "${name}": known are ${Object.keys(scenarios)}`);
  const blocks = new Set(commandsIn(commands).flatMap(blocksOf));
  writeFileSync(`test/golden/${name}.txt`, `${[...blocks].join("\n\n")}\n`);
}
