/** One ADD by Go and by us, in full: what is random made equal, what differs on purpose explained. */
import type { Json, Namespace } from "../harness/sandbox.ts";

/** What differs on purpose: a path in the picture, and why. */
export type Explained = readonly (readonly [RegExp, string])[];

/** What is random, counts, or depends on the moment. */
const noise =
  /\.(ifindex|link_index|valid_life_time|preferred_life_time|handle|link|ifid)$|timer|(hello|tcn|gc)_|bridge_id|root_id|designated|_port$|\.no$|\.id$|stable_secret|\.pref$|flags\.\d+$|operstate/;

/** A value with what one ADD makes at random replaced by the order of its appearance. */
export function withoutRandom(value: Json, seen: string[] = []): Json {
  if (Array.isArray(value)) return value.map((v) => withoutRandom(v, seen));
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(
      Object.entries(value)
        .sort()
        .map(([key, v]) => [withoutRandom(key, seen), withoutRandom(v, seen)]),
    );
  }
  if (typeof value !== "string") return value;
  const random = /veth[0-9a-f]{8}|(?:[0-9a-f]{2}:){5}[0-9a-f]{2}|fe80::[0-9a-f:]+/g;
  return value.replace(random, (text) => {
    if (!seen.includes(text)) seen.push(text);
    return `#${seen.indexOf(text)}`;
  });
}

/** All leaves of a value, by path. */
export function leaves(
  value: Json,
  path: string,
  into: Map<string, string> = new Map(),
): Map<string, string> {
  if (value !== null && typeof value === "object") {
    for (const [key, v] of Object.entries(value)) leaves(v, `${path}.${key}`, into);
    if (Object.keys(value).length === 0) into.set(path, JSON.stringify(value));
  } else into.set(path, JSON.stringify(value));
  return into;
}

/** Everything of a side that ADD may have touched. */
export function picture(side: Namespace, names: string[]) {
  const links = side.json("ip -j -d addr").filter((l: Json) => l.ifname !== "lo");
  const folders = names.flatMap((name) => [`ipv4/conf/${name}`, `ipv6/conf/${name}`]);
  const files = [...folders, "ipv4/ip_forward", "ipv6/conf/all/forwarding"].join(" ");
  // Some files refuse to be read.
  const sysctls = side.sh(`cd /proc/sys/net; grep -rs . ${files} || true`);
  // Rules of nf_tables are our own, in tables of our own; bridge-spoofcheck.test.ts looks at packets.
  const { routes, rules, iptables, qdiscs } = side.state();
  return {
    links,
    ...{ routes, rules, iptables, qdiscs },
    sysctls: Object.fromEntries(
      sysctls
        .trim()
        .split("\n")
        .sort()
        .map((line) => line.split(/:(.*)/s, 2) as [string, string]),
    ),
  };
}

/** The paths at which two pictures differ, unexplained. */
export function differences(
  theirs: Map<string, string>,
  ours: Map<string, string>,
  explained: Explained,
): string[] {
  return [...new Set([...theirs.keys(), ...ours.keys()])]
    .map((path) => path.slice(1))
    .filter((path) => theirs.get(`.${path}`) !== ours.get(`.${path}`))
    .filter((path) => !noise.test(path) && !explained.some(([at]) => at.test(path)))
    .map((path) => `${path}: go ${theirs.get(`.${path}`)}, ours ${ours.get(`.${path}`)}`);
}
