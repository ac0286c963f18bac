import fc from "fast-check";
import t from "tap";
import { parseCidr } from "../../src/addr/cidr.ts";
import { requireIp } from "../../src/addr/ip.ts";
import { convertResult, formatResult, readPrevResult, toCurrent } from "../../src/cni/convert.ts";
import {
  type AnyResult,
  createResult,
  emptyResult,
  type Result,
  type Result020,
  type Result040,
} from "../../src/cni/result.ts";
import { all } from "../../src/cni/versions.ts";
import { parse } from "../../src/json/parse.ts";

/** Everything that a result can have. */
function full(): Result {
  return {
    cniVersion: "1.1.0",
    interfaces: [
      {
        name: "eth0",
        mac: "00:11:22:33:44:55",
        mtu: 1500,
        sandbox: "/proc/3553/ns/net",
        socketPath: "/path/to/vhost/fd",
        pciID: "8086:9a01",
      },
      { name: "br0" },
    ],
    ips: [
      { interface: 0, address: parseCidr("1.2.3.30/24"), gateway: requireIp("1.2.3.1") },
      { address: parseCidr("1.2.4.30/24") },
      {
        interface: 0,
        address: parseCidr("abcd:1234:ffff::cdde/64"),
        gateway: requireIp("abcd::1"),
      },
    ],
    routes: [
      {
        dst: parseCidr("15.5.6.0/24"),
        gw: requireIp("15.5.6.8"),
        mtu: 1450,
        advmss: 1300,
        priority: 7,
        table: 0,
        scope: 253,
      },
      { dst: parseCidr("1111:dddd::/80") },
    ],
    dns: { nameservers: ["1.2.3.4"], domain: "d", search: ["s"], options: ["o"] },
  };
}

t.test("printed at 1.x: sorted at every level, everything there", async (t) => {
  for (const version of ["1.0.0", "1.1.0"]) {
    t.equal(
      formatResult(full(), version),
      `{
    "cniVersion": "${version}",
    "dns": {
        "domain": "d",
        "nameservers": [
            "1.2.3.4"
        ],
        "options": [
            "o"
        ],
        "search": [
            "s"
        ]
    },
    "interfaces": [
        {
            "mac": "00:11:22:33:44:55",
            "mtu": 1500,
            "name": "eth0",
            "pciID": "8086:9a01",
            "sandbox": "/proc/3553/ns/net",
            "socketPath": "/path/to/vhost/fd"
        },
        {
            "name": "br0"
        }
    ],
    "ips": [
        {
            "address": "1.2.3.30/24",
            "gateway": "1.2.3.1",
            "interface": 0
        },
        {
            "address": "1.2.4.30/24"
        },
        {
            "address": "abcd:1234:ffff::cdde/64",
            "gateway": "abcd::1",
            "interface": 0
        }
    ],
    "routes": [
        {
            "advmss": 1300,
            "dst": "15.5.6.0/24",
            "gw": "15.5.6.8",
            "mtu": 1450,
            "priority": 7,
            "scope": 253,
            "table": 0
        },
        {
            "dst": "1111:dddd::/80"
        }
    ]
}`,
    );
  }
});

t.test("printed at 0.3.x and 0.4.0: the order of the records, families labelled", async (t) => {
  for (const version of ["0.3.0", "0.3.1", "0.4.0"]) {
    t.equal(
      formatResult(full(), version),
      `{
    "cniVersion": "${version}",
    "interfaces": [
        {
            "name": "eth0",
            "mac": "00:11:22:33:44:55",
            "sandbox": "/proc/3553/ns/net"
        },
        {
            "name": "br0"
        }
    ],
    "ips": [
        {
            "version": "4",
            "interface": 0,
            "address": "1.2.3.30/24",
            "gateway": "1.2.3.1"
        },
        {
            "version": "4",
            "address": "1.2.4.30/24"
        },
        {
            "version": "6",
            "interface": 0,
            "address": "abcd:1234:ffff::cdde/64",
            "gateway": "abcd::1"
        }
    ],
    "routes": [
        {
            "dst": "15.5.6.0/24",
            "gw": "15.5.6.8",
            "mtu": 1450,
            "advmss": 1300,
            "priority": 7,
            "table": 0,
            "scope": 253
        },
        {
            "dst": "1111:dddd::/80"
        }
    ],
    "dns": {
        "nameservers": [
            "1.2.3.4"
        ],
        "domain": "d",
        "search": [
            "s"
        ],
        "options": [
            "o"
        ]
    }
}`,
    );
  }
});

t.test("printed at 0.1.0 and 0.2.0: the first address of each family", async (t) => {
  for (const version of ["0.1.0", "0.2.0"]) {
    t.equal(
      formatResult({ ...full(), dns: {} }, version),
      `{
    "cniVersion": "${version}",
    "ip4": {
        "ip": "1.2.3.30/24",
        "gateway": "1.2.3.1",
        "routes": [
            {
                "dst": "15.5.6.0/24",
                "gw": "15.5.6.8"
            }
        ]
    },
    "ip6": {
        "ip": "abcd:1234:ffff::cdde/64",
        "gateway": "abcd::1",
        "routes": [
            {
                "dst": "1111:dddd::/80"
            }
        ]
    },
    "dns": {}
}`,
    );
  }
});

t.test("what is empty", async (t) => {
  const zeros: Result = {
    interfaces: [{ name: "", mac: "", mtu: 0, sandbox: "", socketPath: "", pciID: "" }],
    ips: [],
    routes: [{ dst: parseCidr("0.0.0.0/0"), mtu: 0, advmss: 0, priority: 0, table: 0, scope: 0 }],
    dns: { domain: "", nameservers: [], search: [], options: [] },
  };
  t.same(JSON.parse(formatResult(zeros, "1.0.0")), {
    cniVersion: "1.0.0",
    interfaces: [{ name: "" }],
    routes: [{ dst: "0.0.0.0/0", table: 0, scope: 0 }],
  });
  t.same(JSON.parse(formatResult(emptyResult(), "1.1.0")), { cniVersion: "1.1.0" });
  t.same(JSON.parse(formatResult(emptyResult(), "0.4.0")), { cniVersion: "0.4.0", dns: {} });
});

t.test("an address that is absent is shown as Go shows it", async (t) => {
  const read = createResult("1.0.0", parse('{"cniVersion":"1.0.0","ips":[{}]}'));
  t.same(JSON.parse(formatResult(read, "1.0.0")).ips, [{ address: "<nil>" }]);
});

t.test("a result without addresses cannot be one of 0.1.0 or 0.2.0", async (t) => {
  for (const version of ["0.1.0", "0.2.0", ""]) {
    const expected = new Error("cannot convert: no valid IP addresses");
    t.throws(() => formatResult(emptyResult(), version), expected);
    t.throws(
      () => convertResult({ family: "0.4.0", ...emptyResult() } as Result040, version),
      expected,
    );
  }
});

t.test("every pair of versions has a converter", async (t) => {
  for (const from of all) {
    for (const to of all) {
      const result = convertResult(convertResult(full(), from), to);
      t.equal(result.cniVersion, to, `${from} ${to}`);
      t.equal(JSON.parse(formatResult(result, to)).cniVersion, to);
    }
  }
});

t.test("versions", async (t) => {
  const same = full();
  t.equal(convertResult(same, "1.1.0"), same, "the same version is the same object");
  t.equal(convertResult(full(), "").cniVersion, "0.1.0");
  t.throws(
    () => convertResult(full(), "1.2.0"),
    new Error("no converter for CNI result version 1.1.0 to 1.2.0"),
  );
  t.throws(
    () => convertResult({ ...full(), cniVersion: "x" }, "1.1.0"),
    new Error("no converter for CNI result version x to 1.1.0"),
  );
  // Without a version of its own it has that of its shape, and gets it.
  const shapes: [AnyResult, string][] = [
    [emptyResult(), "1.1.0"],
    [{ ...emptyResult(), family: "0.4.0" } as Result040, "0.4.0"],
    [{ dns: {}, family: "0.2.0" }, "0.2.0"],
  ];
  for (const [result, version] of shapes) {
    t.equal(convertResult(result, version), result);
    t.equal(result.cniVersion, version);
  }
});

t.test("1.1.0 to 1.0.0 and back loses nothing", async (t) => {
  t.same(convertResult(convertResult(full(), "1.0.0"), "1.1.0"), full());
});

t.test("1.1.0 to 0.4.0 and back loses what 0.4.0 does not have, and nothing else", async (t) => {
  const result = full();
  result.interfaces = [
    { name: "eth0", mac: "00:11:22:33:44:55", sandbox: "/proc/3553/ns/net" },
    { name: "br0" },
  ];
  t.same(convertResult(convertResult(full(), "0.4.0"), "1.1.0"), result);
});

t.test("0.2.0 to 0.4.0 and 1.1.0, and back", async (t) => {
  for (const gw of [{ gw: requireIp("15.5.6.8") }, {}]) {
    const old: Result020 = {
      family: "0.2.0",
      cniVersion: "0.2.0",
      ip4: {
        ip: parseCidr("1.2.3.30/24"),
        gateway: requireIp("1.2.3.1"),
        routes: [{ dst: parseCidr("15.5.6.0/24"), ...gw }],
      },
      ip6: { ip: parseCidr("abcd::cdde/64"), routes: [{ dst: parseCidr("1111::/80"), ...gw }] },
      dns: { nameservers: ["1.2.3.4"] },
    };
    for (const version of ["0.1.0", "0.3.0", "0.4.0", "1.0.0", "1.1.0"]) {
      t.same(convertResult(convertResult(old, version), "0.2.0"), old, version);
    }
  }
});

t.test("upwards from 0.2.0 routes keep all they have", async (t) => {
  const extras = { mtu: 1, advmss: 2, priority: 3, table: 4, scope: 5 };
  const old: Result020 = {
    family: "0.2.0",
    ip6: { ip: parseCidr("::1/128"), routes: [{ dst: parseCidr("::/0"), ...extras }] },
    dns: {},
  };
  t.same(toCurrent(old), {
    cniVersion: "1.1.0",
    interfaces: [],
    ips: [{ address: parseCidr("::1/128") }],
    routes: [{ dst: parseCidr("::/0"), ...extras }],
    dns: {},
  });
  t.same((convertResult(old, "0.3.1") as Result040).ips, [
    { version: "6", address: parseCidr("::1/128") },
  ]);
});

t.test(
  "downwards from 0.4.0 the label decides, and routes need an address of their family",
  async (t) => {
    const result: Result040 = {
      family: "0.4.0",
      cniVersion: "0.4.0",
      interfaces: [{ name: "eth0" }],
      ips: [
        { version: "x", address: parseCidr("9.9.9.9/32") },
        { version: "4", address: parseCidr("::1/128"), interface: 0 }, // labelled wrong
        { version: "4", address: parseCidr("1.2.3.4/24") },
      ],
      routes: [{ dst: parseCidr("0.0.0.0/0"), mtu: 9 }, { dst: parseCidr("::/0") }],
      dns: { search: ["s"] },
    };
    t.same(convertResult(result, "0.2.0"), {
      family: "0.2.0",
      cniVersion: "0.2.0",
      ip4: { ip: parseCidr("::1/128"), routes: [{ dst: parseCidr("0.0.0.0/0") }] },
      dns: { search: ["s"] },
    });
  },
);

t.test("an interface index of 0 is kept, a missing one stays missing", async (t) => {
  for (const version of ["0.3.0", "0.4.0", "1.0.0", "1.1.0"]) {
    const ips = JSON.parse(formatResult(full(), version)).ips;
    t.equal(ips[0].interface, 0);
    t.notOk("interface" in ips[1]);
  }
});

t.test("prevResult goes through without loss", async (t) => {
  const text = formatResult(full(), "1.0.0");
  const prev = readPrevResult(parse(text), "1.0.0");
  t.equal(prev?.interfaces[0]?.mtu, 1500);
  t.equal(formatResult(prev as Result, "1.0.0"), text);
  t.equal(readPrevResult(undefined, "1.0.0"), undefined);
  t.equal(readPrevResult(parse('{"ip4":{"ip":"1.2.3.4/24"}}'), "0.2.0")?.ips.length, 1);
});

t.test("what is printed reads as it was", async (t) => {
  const ip = fc.constantFrom("1.2.3.4", "10.0.0.1", "fd00::1", "::2").map(requireIp);
  const cidr = fc.constantFrom("1.2.3.4/24", "0.0.0.0/0", "fd00::1/64", "::/0").map(parseCidr);
  const result = fc.record({
    interfaces: fc.array(
      fc.record(
        { name: fc.string(), mac: fc.constant("aa:bb:cc:dd:ee:ff"), sandbox: fc.constant("/n") },
        { requiredKeys: ["name"] },
      ),
    ),
    ips: fc.array(
      fc.record(
        { address: cidr, gateway: ip, interface: fc.integer() },
        { requiredKeys: ["address"] },
      ),
    ),
    routes: fc.array(
      fc.record(
        { dst: cidr, gw: ip, mtu: fc.integer({ min: 1 }), table: fc.nat(), scope: fc.nat(255) },
        { requiredKeys: ["dst"] },
      ),
    ),
    dns: fc.record({ domain: fc.string({ minLength: 1 }) }, { requiredKeys: [] }),
  });
  fc.assert(
    fc.property(result, fc.constantFrom("0.3.0", "0.4.0", "1.0.0", "1.1.0"), (value, version) => {
      const read = createResult(version, parse(formatResult(value as Result, version)));
      t.same(toCurrent(read), { ...value, cniVersion: "1.1.0" });
    }),
    { numRuns: 100 },
  );
});
