/** Patterns of the list of allowed sysctls: they mean what RE2 means by them, or are refused. */
import t from "tap";
import { compile } from "../../src/net/sysctl-allowlist.ts";

/** Pattern, what it matches, what it does not. */
const patterns: [string, string[], string[]][] = [
  ["net.core.somaxconn", ["net.core.somaxconn", "xnet/core_somaxconny"], ["net.core.somax"]],
  [
    "^net\\.core\\.somaxconn$",
    ["net.core.somaxconn"],
    ["net/core/somaxconn", "net.core.somaxconn2"],
  ],
  ["\\Anet\\.core\\z", ["net.core"], ["xnet.core", "net.cores"]],
  [
    "^net\\.ipv4\\.conf\\.[^.]+\\.arp_\\w+$",
    ["net.ipv4.conf.IFNAME.arp_notify"],
    ["net.ipv4.conf.a.b.arp_x"],
  ],
  ["^net\\.[[:alpha:]]+[[:digit:]_]$", ["net.ipv4", "net.core_"], ["net.ipv44", "net.:"]],
  ["^[]a-c\\-]+$", ["]ab-"], ["d"]],
  ["^net\\/a\\-b\\_c$", ["net/a-b_c"], ["net/a\\-b_c"]],
  ["^(?:net|vm)\\.(?P<rest>.*)$", ["net.x", "vm.y"], ["kernel.x"]],
  ["(?i)^NET\\.", ["net.x"], ["ipv4.net.x"]],
  ["a\\[b", ["a[b"], ["ab"]],
  ["(a|b){2,3}x", ["abx"], ["ax"]],
];

t.test("patterns that both know", (t) => {
  for (const [pattern, yes, no] of patterns) {
    for (const key of yes) t.ok(compile(pattern).test(key), `${pattern} matches ${key}`);
    for (const key of no) t.notOk(compile(pattern).test(key), `${pattern} does not match ${key}`);
  }
  t.end();
});

t.test("patterns that would be read otherwise, or are wrong", (t) => {
  const refused = [
    ...["(", "*a", "[a", "a**", "a\\", "a{2,1}"],
    ...[
      "(?=a)",
      "(?!a)",
      "(?<=a)b",
      "a\\1",
      "(?s)a",
      "\\Qa\\E",
      "\\pL",
      "[[:foo:]]",
      "[[:^alpha:]]",
    ],
  ];
  for (const pattern of refused) {
    t.throws(
      () => compile(pattern),
      { message: /Cannot use \/etc\/cni\/tuning\/allowlist.conf: / },
      pattern,
    );
  }
  t.end();
});
