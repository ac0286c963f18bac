import t from "tap";
import { parseCidr } from "../../src/addr/cidr.ts";
import { requireIp } from "../../src/addr/ip.ts";
import { readCniArgs } from "../../src/cni/cni-args.ts";
import { CniError } from "../../src/cni/errors.ts";

const known = {
  NAME: "string",
  FLAG: "bool",
  GATEWAY: "ip",
  IP: "address",
  IPS: "addresses",
} as const;

function failure(text: string): string {
  try {
    readCniArgs(text, known);
  } catch (error) {
    if (error instanceof CniError && error.code === 4) return error.msg;
    throw error;
  }
  throw new Error(`${text} was accepted`);
}

t.test("values of each kind", async (t) => {
  t.same(readCniArgs("", known), {});
  t.same(readCniArgs("NAME=a b/c:d", known), { NAME: "a b/c:d" });
  t.same(readCniArgs("NAME=", known), { NAME: "" });
  t.same(readCniArgs("GATEWAY=10.0.0.1;IP=10.0.0.2/24", known), {
    GATEWAY: requireIp("10.0.0.1"),
    IP: parseCidr("10.0.0.2/24"),
  });
  t.same(readCniArgs("IP=fd00::1", known).IP, { ip: requireIp("fd00::1") });
  t.equal(readCniArgs("GATEWAY=;IP=", known).GATEWAY, undefined);
  t.equal(readCniArgs("GATEWAY=;IP=", known).IP, undefined);
  t.same(readCniArgs("IPS=10.0.0.2/24,fd00::1", known).IPS, [
    parseCidr("10.0.0.2/24"),
    { ip: requireIp("fd00::1") },
  ]);
  t.same(readCniArgs("IPS=", known).IPS, []);
  t.equal(readCniArgs("NAME=a;NAME=b", known).NAME, "b");
});

t.test("booleans", async (t) => {
  for (const text of ["True", "true", "1", "TRUE"])
    t.equal(readCniArgs(`FLAG=${text}`, known).FLAG, true);
  for (const text of ["False", "false", "0"])
    t.equal(readCniArgs(`FLAG=${text}`, known).FLAG, false);
  for (const text of ["Invalid", "", "2", "yes"]) {
    t.equal(
      failure(`FLAG=${text}`),
      `ARGS: error parsing value of pair "FLAG=${text}": ` +
        `boolean unmarshal error: invalid input ${text.toLowerCase()}`,
    );
  }
});

t.test("pairs that are none", async (t) => {
  t.equal(failure("NAME"), 'ARGS: invalid pair "NAME"');
  t.equal(failure("NAME=a;"), 'ARGS: invalid pair ""');
  t.equal(failure(";NAME=a"), 'ARGS: invalid pair ""');
  t.equal(failure("NAME=a=b"), 'ARGS: invalid pair "NAME=a=b"');
  t.equal(failure("IgnoreUnknown=1;a\tb"), 'ARGS: invalid pair "a\\tb"');
});

t.test("values that are wrong", async (t) => {
  t.equal(
    failure("GATEWAY=10.0.0.x"),
    'ARGS: error parsing value of pair "GATEWAY=10.0.0.x": invalid IP address: 10.0.0.x',
  );
  t.equal(
    failure("IP=10.0.0.1/33"),
    'ARGS: error parsing value of pair "IP=10.0.0.1/33": invalid IP address 10.0.0.1/33',
  );
});

t.test("each address of a list must be one", async (t) => {
  for (const list of ["10.0.0.1,", "10.0.0.1,x"]) {
    const last = list.slice(list.indexOf(",") + 1);
    t.equal(
      failure(`IPS=${list}`),
      `ARGS: error parsing value of pair "IPS=${list}": invalid IP address ${last}`,
    );
  }
});

t.test("unknown keys", async (t) => {
  t.equal(failure("A=b;NAME=x;C=d"), 'ARGS: unknown args ["A=b" "C=d"]');
  t.equal(failure("name=x"), 'ARGS: unknown args ["name=x"]');
  t.equal(failure("toString=x;__proto__=y"), 'ARGS: unknown args ["toString=x" "__proto__=y"]');
  t.equal(failure("IgnoreUnknown=0;Unk=nown"), 'ARGS: unknown args ["Unk=nown"]');
  t.equal(failure("IgnoreUnknown=1;IgnoreUnknown=0;Unk=nown"), 'ARGS: unknown args ["Unk=nown"]');
  t.equal(failure("ignoreunknown=1"), 'ARGS: unknown args ["ignoreunknown=1"]');
  t.equal(
    failure("IgnoreUnknown=maybe"),
    'ARGS: error parsing value of pair "IgnoreUnknown=maybe": boolean unmarshal error: invalid input maybe',
  );
  for (const args of [
    "IgnoreUnknown=True;K8S_POD_NAME=p;NAME=x",
    "K8S_POD_NAME=p;NAME=x;IgnoreUnknown=1",
  ]) {
    t.same(readCniArgs(args, known), { NAME: "x" });
  }
});
