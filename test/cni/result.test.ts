import t from "tap";
import { noCidr, parseCidr } from "../../src/addr/cidr.ts";
import { requireIp } from "../../src/addr/ip.ts";
import { CniError } from "../../src/cni/errors.ts";
import * as result from "../../src/cni/result.ts";
import { parse } from "../../src/json/parse.ts";

const create = (version: string, text: string) => result.createResult(version, parse(text));

const route = { dst: parseCidr("1.2.3.4/24"), gw: requireIp("1.2.3.1") };
const routeText =
  '{"dst":"1.2.3.4/24","gw":"1.2.3.1","mtu":1450,"advmss":1300,"priority":50,"table":0,"scope":253}';

t.test("a result of 1.x", async (t) => {
  const read = create(
    "1.1.0",
    `{"cniVersion":"1.0.0","extra":1,
      "interfaces":[{"name":"a","mac":"aa:bb:cc:dd:ee:ff","mtu":1500,"sandbox":"/n","socketPath":"/s",
        "pciID":"8086:9a01"},{"name":"b","mtu":0,"mac":""},null],
      "ips":[{"version":"6","address":"1.2.3.4/24","gateway":"1.2.3.1","interface":0},
        {"address":"abcd::1/64","interface":-1,"gateway":""},null,{"interface":null}],
      "routes":[${routeText},{"dst":"::/0","mtu":0,"gw":null},null],
      "dns":{"nameservers":["1.1.1.1"],"domain":"d","search":["s"],"options":[]}}`,
  );
  t.same(read, {
    cniVersion: "1.0.0",
    interfaces: [
      {
        name: "a",
        mac: "aa:bb:cc:dd:ee:ff",
        mtu: 1500,
        sandbox: "/n",
        socketPath: "/s",
        pciID: "8086:9a01",
      },
      { name: "b" },
      { name: "" }, // keeps its place, because others name it by its index
    ],
    ips: [
      { address: parseCidr("1.2.3.4/24"), gateway: requireIp("1.2.3.1"), interface: 0 },
      { address: parseCidr("abcd::1/64"), interface: -1 },
      { address: noCidr },
    ],
    routes: [
      { ...route, mtu: 1450, advmss: 1300, priority: 50, table: 0, scope: 253 },
      { dst: parseCidr("::/0") },
    ],
    dns: { nameservers: ["1.1.1.1"], domain: "d", search: ["s"], options: [] },
  });
});

t.test("a result of 0.3.x and 0.4.0", async (t) => {
  const read = create(
    "0.3.0",
    `{"cniVersion":"0.4.0","interfaces":[{"name":"a","mtu":"of another shape","sandbox":"/n"}],
      "ips":[{"version":"4","address":"1.2.3.4/24","interface":0},{"version":"6","address":"::1/128"}],
      "routes":[${routeText}]}`,
  );
  t.same(read, {
    family: "0.4.0",
    cniVersion: "0.4.0",
    interfaces: [{ name: "a", sandbox: "/n" }],
    ips: [
      { version: "4", address: parseCidr("1.2.3.4/24"), interface: 0 },
      { version: "6", address: parseCidr("::1/128") },
    ],
    routes: [{ ...route, mtu: 1450, advmss: 1300, priority: 50, table: 0, scope: 253 }],
    dns: {},
  });
});

t.test("a result of 0.1.0 and 0.2.0", async (t) => {
  const read = create(
    "0.2.0",
    `{"cniVersion":"0.2.0","ip4":{"ip":"1.2.3.4/24","gateway":"1.2.3.1","routes":[${routeText}]},
      "ip6":null,"dns":{"domain":"d"}}`,
  );
  t.same(read, {
    family: "0.2.0",
    cniVersion: "0.2.0",
    ip4: {
      ip: parseCidr("1.2.3.4/24"),
      gateway: requireIp("1.2.3.1"),
      routes: [{ ...route, mtu: 1450, advmss: 1300, priority: 50, table: 0, scope: 253 }],
    },
    dns: { domain: "d" },
  });
  t.equal(create("0.2.0", '{"ip6":{"ip":"::1/128"}}').family, "0.2.0");
});

t.test("the version that stands in a result", async (t) => {
  for (const version of ["", "0.1.0", "0.2.0"]) t.equal(create(version, "{}").cniVersion, "0.1.0");
  t.equal(create("0.1.0", '{"cniVersion":"0.2.0"}').cniVersion, "0.2.0");
  t.equal(create("1.0.0", '{"CNIVersion":"1.1.0"}').cniVersion, "1.1.0");

  const mismatch = (list: string, own: string) =>
    `result type supports ${list} but unmarshalled CNIVersion is "${own}"`;
  const cases: [string, string, string][] = [
    ["5678.456", "{}", 'unsupported CNI result version "5678.456"'],
    ["1.0", '{"cniVersion":"1.0"}', 'unsupported CNI result version "1.0"'],
    ["0.2.0", '{"cniVersion":"0.3.0"}', mismatch("[ 0.1.0 0.2.0]", "0.3.0")],
    ["0.4.0", '{"cniVersion":"1.0.0"}', mismatch("[0.3.0 0.3.1 0.4.0]", "1.0.0")],
    ["0.4.0", "{}", mismatch("[0.3.0 0.3.1 0.4.0]", "")],
    ["1.0.0", '{"cniVersion":""}', mismatch("[1.0.0 1.1.0]", "")],
    ["1.0.0", '{"cniVersion":"0.2.0"}', mismatch("[1.0.0 1.1.0]", "0.2.0")],
  ];
  for (const [version, text, message] of cases) {
    t.throws(() => create(version, text), new Error(message), `${version} ${text}`);
  }
});

t.test("a result read by its own version", async (t) => {
  const read = (text: string) => result.createResultFromItself(parse(text));
  t.equal(read("{}").cniVersion, "0.1.0");
  t.equal(read('{"cniVersion":"1.0.0"}').family, undefined);
  t.equal(read('{"cniVersion":"0.3.1"}').family, "0.4.0");
  t.throws(() => read('{"cniVersion":"9.9"}'), new Error('unsupported CNI result version "9.9"'));
});

/** Confirmed with a plugin of the reference; the longer paths are those of newer Go. */
const wrong: [version: string, text: string, message: string][] = [
  ["1.0.0", "5", "number into Go value of type types100.Result"],
  ["1.0.0", '{"cniVersion":4}', "number into Go struct field Result.cniVersion of type string"],
  [
    "1.0.0",
    '{"interfaces":5}',
    "number into Go struct field Result.interfaces of type []*types100.Interface",
  ],
  [
    "1.0.0",
    '{"interfaces":[5]}',
    "number into Go struct field Result.interfaces of type types100.Interface",
  ],
  [
    "1.0.0",
    '{"interfaces":[{"name":5}]}',
    "number into Go struct field Interface.interfaces.name of type string",
  ],
  [
    "1.0.0",
    '{"interfaces":[{"mtu":"x"}]}',
    "string into Go struct field Interface.interfaces.mtu of type int",
  ],
  [
    "1.0.0",
    '{"interfaces":[{"pciID":[]}]}',
    "array into Go struct field Interface.interfaces.pciID of type string",
  ],
  ["1.0.0", '{"ips":{}}', "object into Go struct field Result.ips of type []*types100.IPConfig"],
  ["1.0.0", '{"ips":[5]}', "number into Go struct field Result.ips of type types100.ipConfig"],
  [
    "1.0.0",
    '{"ips":[{"interface":"x"}]}',
    "string into Go struct field Result.ips.interface of type int",
  ],
  [
    "1.0.0",
    '{"ips":[{"interface":0.5}]}',
    "number 0.5 into Go struct field Result.ips.interface of type int",
  ],
  [
    "1.0.0",
    '{"ips":[{"address":5}]}',
    "number into Go struct field Result.ips.address of type string",
  ],
  [
    "1.0.0",
    '{"ips":[{"gateway":5}]}',
    "number into Go struct field Result.ips.gateway of type net.IP",
  ],
  ["1.0.0", '{"routes":7}', "number into Go struct field Result.routes of type []*types.Route"],
  ["1.0.0", '{"routes":[7]}', "number into Go struct field Result.routes of type types.route"],
  [
    "1.0.0",
    '{"routes":[{"dst":5}]}',
    "number into Go struct field Result.routes.dst of type string",
  ],
  [
    "1.0.0",
    '{"routes":[{"mtu":1.5}]}',
    "number 1.5 into Go struct field Result.routes.mtu of type int",
  ],
  [
    "1.0.0",
    '{"routes":[{"table":"a"}]}',
    "string into Go struct field Result.routes.table of type int",
  ],
  ["1.0.0", '{"dns":7}', "number into Go struct field Result.dns of type types.DNS"],
  [
    "1.0.0",
    '{"dns":{"nameservers":7}}',
    "number into Go struct field DNS.dns.nameservers of type []string",
  ],
  ["1.0.0", '{"dns":{"search":[7]}}', "number into Go struct field DNS.dns.search of type string"],
  ["1.0.0", '{"dns":{"domain":[7]}}', "array into Go struct field DNS.dns.domain of type string"],
  [
    "0.4.0",
    '{"interfaces":[{"mac":true}]}',
    "bool into Go struct field Interface.interfaces.mac of type string",
  ],
  ["0.4.0", '{"ips":[4]}', "number into Go struct field Result.ips of type types040.ipConfig"],
  [
    "0.4.0",
    '{"ips":[{"version":4}]}',
    "number into Go struct field Result.ips.version of type string",
  ],
  ["0.2.0", '{"ip4":4}', "number into Go struct field Result.ip4 of type types020.ipConfig"],
  ["0.2.0", '{"ip4":{"ip":4}}', "number into Go struct field Result.ip4.ip of type string"],
  [
    "0.2.0",
    '{"ip6":{"gateway":false}}',
    "bool into Go struct field Result.ip6.gateway of type net.IP",
  ],
  [
    "0.2.0",
    '{"ip4":{"routes":4}}',
    "number into Go struct field Result.ip4.routes of type []types.Route",
  ],
  [
    "0.2.0",
    '{"ip4":{"routes":[4]}}',
    "number into Go struct field Result.ip4.routes of type types.route",
  ],
  [
    "0.2.0",
    '{"ip4":{"routes":[{"gw":false}]}}',
    "bool into Go struct field Result.ip4.routes.gw of type net.IP",
  ],
];

t.test("wrong types", async (t) => {
  for (const [version, text, message] of wrong) {
    const expected = new Error(`json: cannot unmarshal ${message}`);
    t.throws(() => create(version, text), expected, `${version} ${text}`);
  }
});

t.test("text that is no address", async (t) => {
  const cases: [string, string, string][] = [
    ["1.0.0", '{"ips":[{"address":"5"}]}', "invalid CIDR address: 5"],
    ["1.0.0", '{"ips":[{"address":"1.2.3.4/99"}]}', "invalid CIDR address: 1.2.3.4/99"],
    ["1.0.0", '{"ips":[{"address":null}]}', "invalid CIDR address: "],
    ["1.0.0", '{"ips":[{"address":""}]}', "invalid CIDR address: "],
    ["1.0.0", '{"ips":[{"gateway":"x"}]}', "invalid IP address: x"],
    ["1.0.0", '{"routes":[{"dst":"1.2.3/45"}]}', "invalid CIDR address: 1.2.3/45"],
    ["1.0.0", '{"routes":[{"gw":"1.2.3.x"}]}', "invalid IP address: 1.2.3.x"],
    ["0.2.0", '{"ip4":{"ip":null}}', "invalid CIDR address: "],
  ];
  for (const [version, text, message] of cases) {
    t.throws(() => create(version, text), new Error(message), text);
  }
});

t.test("prevResult", async (t) => {
  const read = (text: string, version: string) => result.parsePrevResult(parse(text), version);
  t.equal(result.parsePrevResult(undefined, "1.0.0"), undefined);
  t.equal(result.parsePrevResult(null, "1.0.0"), undefined);
  t.same(read("{}", "1.0.0"), { cniVersion: "1.0.0", ...result.emptyResult() });
  t.equal(read('{"cniVersion":null}', "0.4.0")?.cniVersion, "0.4.0");
  t.equal(read('{"cniVersion":"1.1.0"}', "1.0.0")?.cniVersion, "1.1.0");
  t.equal(read('{"CNIVERSION":"1.1.0"}', "1.0.0")?.cniVersion, "1.1.0");
  t.equal(read('{"cniVersion":""}', "0.1.0")?.cniVersion, "0.1.0");

  const raw = parse("{}");
  result.parsePrevResult(raw, "1.0.0");
  t.same(raw, {}, "is left alone");

  const prefix = "could not parse prevResult: ";
  const cases: [string, string, string][] = [
    ["{}", "5678.456", `${prefix}unsupported CNI result version "5678.456"`],
    [
      '{"cniVersion":"0.2.0"}',
      "1.0.0",
      `${prefix}result type supports [1.0.0 1.1.0] but unmarshalled CNIVersion is "0.2.0"`,
    ],
    [
      '{"cniVersion":""}',
      "0.3.0",
      `${prefix}result type supports [0.3.0 0.3.1 0.4.0] but unmarshalled CNIVersion is ""`,
    ],
    [
      '{"ips":[{"interface":"x"}]}',
      "1.0.0",
      `${prefix}json: cannot unmarshal string into Go struct field Result.ips.interface of type int`,
    ],
    [
      "5",
      "1.0.0",
      "json: cannot unmarshal number into Go struct field NetConf.prevResult of type map[string]interface {}",
    ],
  ];
  for (const [text, version, message] of cases) {
    t.throws(() => read(text, version), new CniError("DecodingFailure", message), text);
  }
});

t.test("isEmptyDns", async (t) => {
  const { isEmptyDns } = result;
  for (const dns of [{}, { domain: "" }, { nameservers: [], search: [], options: [] }])
    t.ok(isEmptyDns(dns));
  for (const dns of [
    { domain: "d" },
    { nameservers: ["n"] },
    { search: ["s"] },
    { options: ["o"] },
  ]) {
    t.notOk(isEmptyDns(dns));
  }
});
