import t from "tap";
import { parseResolvConf } from "../../src/pool/resolv-conf.ts";

const nothing = { nameservers: [], domain: "", search: [], options: [] };

t.test("parseResolvConf", (t) => {
  for (const [name, text, expected] of [
    ["empty", "", nothing],
    [
      "simple",
      "nameserver 192.0.2.0\nnameserver 192.0.2.1\n",
      { nameservers: ["192.0.2.0", "192.0.2.1"] },
    ],
    [
      "comments",
      "nameserver 192.0.2.0\n#nameserver 192.0.2.1\n; nameserver 192.0.2.2\n # x y\n",
      { nameservers: ["192.0.2.0"] },
    ],
    ["white space", " \tnameserver\t 2001:db8::1 \r\n", { nameservers: ["2001:db8::1"] }],
    ["the last domain wins", "domain a.test\ndomain b.test", { domain: "b.test" }],
    [
      "lists add up",
      "search a b\noptions x:1\nsearch c\noptions y z",
      { search: ["a", "b", "c"], options: ["x:1", "y", "z"] },
    ],
    [
      "only the first server of a line counts",
      "nameserver 192.0.2.0 192.0.2.1",
      { nameservers: ["192.0.2.0"] },
    ],
    ["no value", "nameserver\ndomain\nsearch\noptions\n", nothing],
    ["unknown words", "sortlist 1.2.3.4\nNameserver 192.0.2.0\nlookup file bind", nothing],
    ["comment at the end of a line is a word", "search a #b", { search: ["a", "#b"] }],
  ] as const) {
    t.same(parseResolvConf(text), { ...nothing, ...expected }, name);
  }
  t.end();
});
