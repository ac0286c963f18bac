/** Conversations of the reference's plugin with its daemon, as a relay between them saw them. */
import t from "tap";
import { concat, toHex, utf8 } from "../../src/addr/bytes.ts";
import { formatCidr, parseCidr } from "../../src/addr/cidr.ts";
import { formatIp, requireIp } from "../../src/addr/ip.ts";
import { GobEncoder, type RecordType } from "../../src/dhcp/gob-encoder.ts";
import {
  type CallArgs,
  type CallResult,
  type IncomingCall,
  RpcClient,
  RpcServer,
} from "../../src/dhcp/rpc.ts";
import {
  argsType,
  requestType,
  responseType,
  resultType,
  writeArgs,
  writeResult,
} from "../../src/dhcp/rpc-types.ts";
import { fromUtf8 } from "../../src/dhcp/text.ts";
import { readGolden } from "./show.ts";

const golden = (title: RegExp) => {
  const block = readGolden("rpc").find((block) => title.test(block.title));
  return block?.bytes ?? new Uint8Array(0);
};
const add = golden(/^ADD, .* plugin/);
const addReply = golden(/^ADD, .* daemon/);
const bad = golden(/^ADD for .* plugin/);
const badReply = golden(/^ADD for .* daemon/);
const del = golden(/^DEL: .* plugin/);
const delReply = golden(/^DEL: .* daemon/);

const greeting = "HTTP/1.0 200 Connected to Go RPC\n\n";

const args: CallArgs = {
  containerId: "c1",
  netns: "/run/netns/c",
  ifName: "eth0",
  args: "A=b",
  path: "/opt/cni/bin",
  netnsOverride: "",
  stdin: utf8('{"name":"ä"}'),
};

const result: CallResult = {
  ips: [{ address: parseCidr("192.0.2.16/24"), gateway: requireIp("192.0.2.1") }],
  routes: [
    { dst: parseCidr("0.0.0.0/0"), gw: requireIp("192.0.2.1"), priority: 7, mtu: 1400 },
    { dst: parseCidr("198.51.100.0/24"), gw: requireIp("0.0.0.0"), scope: 253 },
    { dst: parseCidr("2001:db8::/32"), gw: requireIp("2001:db8::1"), table: 5, advmss: 1360 },
  ],
  dns: { nameservers: ["192.0.2.53"], domain: "example.com", search: ["a", "b"], options: ["x"] },
};

t.test("the reference's plugin is understood", async (t) => {
  for (const [stream, method, containerId, netns] of [
    [add, "DHCP.Allocate", "c1", "/run/netns/c"],
    [bad, "DHCP.Allocate", "c2", "/run/netns/none"],
    [del, "DHCP.Release", "c1", "/run/netns/c"],
  ] as const) {
    const { calls, answer } = new RpcServer().push(stream);
    t.equal(fromUtf8(answer), greeting);
    t.equal(calls.length, 1);
    const [call] = calls as [IncomingCall];
    t.match(call, {
      method,
      seq: 0,
      args: {
        containerId,
        netns,
        ifName: "eth0",
        args: "K=V;CLASS=vendor-x",
        path: "/usr/lib/cni",
      },
    });
    t.match(JSON.parse(fromUtf8(call.args.stdin)), { name: "net1", ipam: { type: "dhcp" } });
  }
});

t.test("the reference's daemon is understood", async (t) => {
  const [{ seq, result }] = new RpcClient().push(addReply) as [{ seq: number; result: CallResult }];
  t.equal(seq, 0);
  t.strictSame(
    result.ips.map(({ address, gateway }) => [
      formatCidr(address),
      formatIp(gateway as Uint8Array),
    ]),
    [["192.0.2.16/24", "192.0.2.1"]],
  );
  t.strictSame(
    result.routes.map(({ dst, gw }) => [formatCidr(dst), formatIp(gw as Uint8Array)]),
    [
      ["198.51.100.0/24", "192.0.2.7"],
      ["0.0.0.0/0", "192.0.2.1"],
      ["203.0.113.128/25", "0.0.0.0"],
    ],
  );
  t.strictSame(result.dns, {});
  t.strictSame(new RpcClient().push(badReply), [
    { seq: 0, error: 'failed to Statfs "/run/netns/none": no such file or directory' },
  ]);
  t.strictSame(new RpcClient().push(delReply), [{ seq: 0 }]);
});

/** The types of CNI 1.0.0, which the reference's 1.1.1 speaks. */
const { NetnsOverride: _, ...olderArgs } = argsType.fields;
const ipNet: RecordType = { name: "IPNet", fields: { IP: "bytes", Mask: "bytes" } };
const link: RecordType = {
  name: "",
  fields: { Name: "string", Mac: "string", Sandbox: "string" },
};
const ipConfig: RecordType = {
  name: "",
  fields: { Interface: "int", Address: ipNet, Gateway: "bytes" },
};
const route: RecordType = { name: "", fields: { Dst: ipNet, GW: "bytes" } };
const olderResult: RecordType = {
  name: "Result",
  fields: {
    CNIVersion: "string",
    Interfaces: { name: "[]*types100.Interface", elements: link },
    IPs: { name: "[]*types100.IPConfig", elements: ipConfig },
    Routes: { name: "[]*types.Route", elements: route },
    DNS: resultType.fields.DNS as RecordType,
  },
};

t.test("with the older types we say what the reference said, byte by byte", async (t) => {
  const [call] = new RpcServer().push(add).calls as [IncomingCall];
  const client = new GobEncoder();
  const header = { ServiceMethod: "DHCP.Allocate", Seq: 0 };
  const sent = concat(
    new RpcClient().connect(),
    client.encode(requestType, header),
    client.encode({ name: "CmdArgs", fields: olderArgs }, writeArgs(call.args)),
  );
  t.equal(toHex(sent), toHex(add));

  const [reply] = new RpcClient().push(addReply);
  const result = reply?.result as CallResult;
  const server = new GobEncoder();
  const answered = concat(
    new RpcServer().push(add).answer,
    server.encode(responseType, header),
    server.encode(olderResult, writeResult(result)),
  );
  t.equal(toHex(answered), toHex(addReply));
});

t.test("both sides of ours, byte by byte", async (t) => {
  const client = new RpcClient();
  const server = new RpcServer();
  const calls: IncomingCall[] = [];
  let answers = "";
  const say = (bytes: Uint8Array) => {
    for (const byte of bytes) {
      const { calls: more, answer } = server.push(Uint8Array.of(byte));
      calls.push(...more);
      answers += fromUtf8(answer);
    }
  };
  say(client.connect());
  t.equal(answers, greeting, "at once, once");
  say(client.call("DHCP.Allocate", args));
  say(client.call("DHCP.Release", { ...args, containerId: "c2", stdin: new Uint8Array(0) }));
  t.strictSame(calls, [
    { method: "DHCP.Allocate", seq: 0, args },
    {
      method: "DHCP.Release",
      seq: 1,
      args: { ...args, containerId: "c2", stdin: new Uint8Array(0) },
    },
  ]);
  t.equal(answers, greeting);

  const [first, second] = calls as [IncomingCall, IncomingCall];
  const stream = [
    utf8(greeting),
    server.reply(second),
    server.reply(first, result),
    server.fail(first, "no more tries"),
  ];
  const replies = stream.flatMap((bytes) =>
    [...bytes].flatMap((byte) => client.push(Uint8Array.of(byte))),
  );
  t.strictSame(replies, [{ seq: 1 }, { seq: 0, result }, { seq: 0, error: "no more tries" }]);
});

t.test("addresses as Go may hold them", async (t) => {
  const [call] = new RpcServer().push(add).calls as [IncomingCall];
  const mapped: CallResult = {
    ...result,
    ips: [
      {
        address: {
          ip: new Uint8Array(Buffer.from("00000000000000000000ffffc0000210", "hex")),
          prefixLength: 120,
        },
      },
    ],
    routes: [],
  };
  const client = new RpcClient();
  client.push(utf8(greeting));
  const fresh = new RpcServer();
  const [reply] = client.push(fresh.reply(call, mapped));
  t.equal(formatCidr(reply?.result?.ips[0]?.address as never), "192.0.2.16/24");
});

t.test("connections that are none", async (t) => {
  const refused = (text: string) => {
    try {
      new RpcServer().push(utf8(text));
    } catch (error) {
      const { name, message, answer } = error as {
        name: string;
        message: string;
        answer?: Uint8Array;
      };
      return [name, message, answer && fromUtf8(answer).split("\r\n")[0]];
    }
    return undefined;
  };
  t.strictSame(refused("GET /_goRPC_ HTTP/1.1\r\nHost: x\r\n\r\n"), [
    "RpcError",
    'Cannot serve connection: it begins with "GET /_goRPC_ HTTP/1.1"',
    "HTTP/1.0 405 Method Not Allowed",
  ]);
  t.match(refused("CONNECT / HTTP/1.0\n\n"), ["RpcError", /begins/, "HTTP/1.0 404 Not Found"]);
  t.match(refused(`${"x".repeat(9000)}`), ["RpcError", /no end/, undefined]);
  t.match(refused("CONNECT /_goRPC_ HTTP/1.0\n\n\x05hello"), ["RpcError", /gob/, undefined]);
  t.equal(
    refused("CONNECT /_goRPC_ HTTP/1.0\r\nHost: x\r\n\r\n"),
    undefined,
    "CRLF and fields are fine",
  );
  t.throws(() => new RpcClient().push(utf8("HTTP/1.0 404 Not Found\r\n\r\n")), {
    name: "RpcError",
    message: 'Cannot call daemon: it answers "HTTP/1.0 404 Not Found"',
  });
  t.throws(() => new RpcClient().push(utf8(`${greeting}\x02\x03\x04`)), { name: "RpcError" });
});

t.test("a body that is not what it must be", async (t) => {
  const stream = Buffer.from(add).toString("latin1");
  const changed = stream.replace("StdinData\x01\x0a", "StdinData\x01\x0c");
  t.not(changed, stream);
  t.throws(() => new RpcServer().push(new Uint8Array(Buffer.from(changed, "latin1"))), {
    name: "RpcError",
    message: "Cannot read gob: expected a bytes",
  });
});
