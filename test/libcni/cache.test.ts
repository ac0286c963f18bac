/** The cached results: the same files as the reference's, damaged ones, and those of others. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { toJson } from "../../src/cni/convert.ts";
import { createResultFromItself } from "../../src/cni/result-read.ts";
import { Cache } from "../../src/libcni/cache.ts";
import { directory as temporary } from "../harness/directory.ts";
import { bytes } from "./support.ts";

const about = { containerId: "c1", ifName: "eth0", netns: "/run/netns/a" };
const result = createResultFromItself({ cniVersion: "1.0.0", ips: [{ address: "10.1.2.3/24" }] });

function cacheIn(t: Parameters<typeof temporary>[0]) {
  const directory = temporary(t);
  const file = (name: string) => join(directory, "results", name);
  const put = (name: string, content: object | string) => {
    mkdirSync(join(directory, "results"), { recursive: true });
    writeFileSync(file(name), typeof content === "string" ? content : JSON.stringify(content));
  };
  return { directory, cache: new Cache(directory), file, put };
}

t.test("the file", async (t) => {
  const { directory, cache, file } = cacheIn(t);
  const args: [string, string][] = [["A", "b"]];
  const capabilityArgs = { mac: "02:00:00:00:00:01", a: { z: 1, b: null } };
  cache.write("n1", { ...about, args, capabilityArgs }, bytes("{}"), result);
  t.equal(
    readFileSync(file("n1-c1-eth0"), "utf8"),
    '{"kind":"cniCacheV1","containerId":"c1","config":"e30=","ifName":"eth0","networkName":"n1","netns":"/run/netns/a","cniArgs":[["A","b"]],"capabilityArgs":{"a":{"b":null,"z":1},"mac":"02:00:00:00:00:01"},"result":{"cniVersion":"1.0.0","ips":[{"address":"10.1.2.3/24"}]}}',
  );
  t.equal(statSync(file("n1-c1-eth0")).mode & 0o777, 0o600);
  t.equal(statSync(join(directory, "results")).mode & 0o777, 0o700);
  t.same(readdirSync(join(directory, "results")), ["n1-c1-eth0"]);

  const entry = cache.entry("n1", about);
  t.match(entry, { network: "n1", ...about, args, config: bytes("{}") });
  t.same({ ...entry?.capabilityArgs }, { mac: capabilityArgs.mac, a: { z: 1, b: null } });
  const read = cache.result("n1", about, "0.4.0");
  t.match(read && toJson(read), { cniVersion: "0.4.0", ips: [{ version: "4" }] });

  cache.write("n1", { ...about, ifName: "eth1", netns: "" }, bytes(""), undefined);
  t.equal(
    readFileSync(file("n1-c1-eth1"), "utf8"),
    '{"kind":"cniCacheV1","containerId":"c1","config":"","ifName":"eth1","networkName":"n1"}',
  );
  cache.remove("n1", about);
  t.same(readdirSync(join(directory, "results")), ["n1-c1-eth1"]);
  t.doesNotThrow(() => cache.remove("n1", about), "twice");
});

t.test("where nothing is cached", async (t) => {
  const { cache } = cacheIn(t);
  t.equal(cache.result("n1", about, "1.0.0"), undefined);
  t.equal(cache.entry("n1", about), undefined);
  t.same(cache.attachments(), []);
});

t.test("a bare result, as runtimes before 0.7 wrote it", async (t) => {
  const { cache, put } = cacheIn(t);
  put("n1-c1-eth0", { cniVersion: "0.3.1", ips: [{ version: "4", address: "10.1.2.3/24" }] });
  const read = cache.result("n1", about, "1.1.0");
  t.match(read && toJson(read), { cniVersion: "1.1.0", ips: [{ address: "10.1.2.3/24" }] });
  t.throws(() => cache.entry("n1", about), {
    message: 'read cached network "n1" config has wrong kind: ',
  });
  t.same(cache.attachments(), []);
});

t.test("damaged files", async (t) => {
  const { cache, put, file } = cacheIn(t);
  const cases: [string, string, string][] = [
    ["", "decoding version from network config: unexpected end of JSON input", "unexpected end"],
    [
      '{"kind":"cniCacheV1","conta',
      "decoding version from network config: unexpected",
      "unexpected",
    ],
    ['{"cniVersion":"0.4567.0"}', 'unsupported CNI result version "0.4567.0"', "wrong kind: "],
    ['{"kind":"x"}', "", "wrong kind: x"],
  ];
  for (const [content, inResult, inConfig] of cases) {
    put("n1-c1-eth0", content);
    if (inResult) t.throws(() => cache.result("n1", about, "1.0.0"), { message: inResult });
    t.throws(() => cache.entry("n1", about), { message: inConfig });
    t.same(cache.attachments(), []);
    cache.forget("n1", about);
    t.throws(() => readFileSync(file("n1-c1-eth0")), { code: "ENOENT" });
  }
  put("n1-c1-eth0", { kind: "cniCacheV1", containerId: "c1", networkName: "n1", ifName: "eth0" });
  t.throws(() => cache.result("n1", about, "9.9.9"), {
    message:
      'failed to convert cached result to config version "9.9.9": no converter for CNI result version 0.1.0 to 9.9.9',
  });
});

t.test("names that make the same file name", async (t) => {
  const { cache, file } = cacheIn(t);
  cache.write("a-b", { ...about, containerId: "c" }, bytes("{}"), result);
  const other = { ...about, containerId: "b-c" };
  t.throws(() => cache.result("a", other, "1.0.0"), {
    message: "the file is about container c in network a-b",
  });
  cache.forget("a", other);
  t.ok(readFileSync(file("a-b-c-eth0")), "it is not ours to remove");
});

t.test("names that are no names never become paths", async (t) => {
  const { cache, directory } = cacheIn(t);
  writeFileSync(join(directory, "x-c1-eth0"), "{}");
  for (const containerId of ["../x", "x/../../y"]) {
    t.throws(() => cache.remove("n", { ...about, containerId }), { code: 4 });
    t.throws(() => cache.result("n", { ...about, containerId }, ""), { code: 4 });
  }
  t.throws(() => cache.remove("../x", about), { code: 7 });
  t.throws(() => cache.write("n", { ...about, ifName: "../x" }, bytes(""), result), { code: 4 });
  t.throws(() => cache.entry("", { containerId: "", ifName: "" }), {
    message:
      'cache file path requires network name (""), container ID (""), and interface name ("")',
  });
});

t.test("attachments", async (t) => {
  const { cache, put, directory } = cacheIn(t);
  cache.write("n2", about, bytes("{}"), result);
  cache.write("n1", about, bytes("{}"), result);
  cache.write("n1", { ...about, containerId: "c1-x" }, bytes("{}"), result);
  put("n1-c9-eth0", { kind: "cniCacheV1", containerId: "c9", networkName: "n1" });
  put("c1-c1", { kind: "cniCacheV1", containerId: "c1", networkName: "n1", ifName: "e" });
  put("broken", "{");
  const found = (id?: string) =>
    cache.attachments(id).map(({ network, containerId }) => `${network} ${containerId}`);
  t.same(found(), ["n1 c1", "n1 c1", "n1 c1-x", "n2 c1"], "in the order of the file names");
  t.same(found("c1"), ["n1 c1", "n2 c1"]);
  t.same(found("c2"), []);
  const broken = join(directory, "sub");
  mkdirSync(broken);
  writeFileSync(join(broken, "results"), "");
  t.throws(() => new Cache(broken).attachments(), { code: "ENOTDIR" });
  t.throws(() => new Cache(broken).write("n", about, bytes(""), result), { code: /./ });
});
