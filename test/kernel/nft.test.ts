/** nf_tables through our own socket, judged by `nft`. */
import assert from "node:assert/strict";
import t from "tap";
import { isKernelError, KernelError } from "../../src/kernel/errors.ts";
import { Netns } from "../../src/kernel/netns.ts";
import { askChain, askElement, askSet, askTable, Nft } from "../../src/kernel/nft.ts";
import * as nft from "../../src/kernel/nft-changes.ts";
import { explainRefusal, NftUnsupported } from "../../src/kernel/nft-support.ts";
import * as say from "../../src/netlink/nftables/build.ts";
import { type Namespace, sandbox } from "../harness/sandbox.ts";
import { count } from "../net/cost.ts";

const needs = ["CONFIG_NF_TABLES_IPV4" as const];
const table = { family: "ip", table: "t" } as const;

function open(host: Namespace): Netns {
  return Netns.open(host.file("").replace(/root$/, "ns/net"));
}

function listed(host: Namespace): string {
  return host.sh("nft list ruleset").replace(/\s+/g, " ").trim();
}

sandbox("questions by name", { needs }, ({ host }) => {
  const netns = open(host);
  const asked = askTable(table);
  const chain = askChain(table, "c");
  const none = askChain(table, "none");
  const element = askElement(table, "m", Uint8Array.of(10, 0, 0, 1));
  const other = askElement(table, "m", Uint8Array.of(10, 0, 0, 2));
  const all = [asked, chain, none, element, other];
  netns.use(Nft).look(all);
  assert.deepEqual(
    all.map(({ answer }) => answer),
    all.map(() => undefined),
  );
  host.sh(`nft -f - <<'END'
    add table ip t { comment "ours"; }
    add chain ip t c
    add rule ip t c accept
    add map ip t m { type ipv4_addr : verdict; }
    add element ip t m { 10.0.0.1 : jump c }
    add table ip other
    add chain ip other none
END`);
  const generation = netns.use(Nft).look(all);
  assert.deepEqual(asked.answer?.userdata, { comment: "ours" });
  assert.equal(asked.answer?.use, 2);
  assert.equal(chain.answer?.use, 2, "a rule and a jump");
  assert.equal(none.answer, undefined);
  assert.deepEqual(element.answer?.data, { verdict: { code: "jump", chain: "c" } });
  assert.equal(other.answer, undefined);
  host.sh("nft delete table ip t");
  assert.equal(netns.use(Nft).look(all), generation + 1);
  assert.equal(asked.answer, undefined, "an answer does not outlive its question");
});

sandbox("rules of one chain, chains of one table, elements", { needs }, ({ host }) => {
  const netns = open(host);
  assert.deepEqual(netns.use(Nft).rules(table, "c"), []);
  assert.deepEqual(netns.use(Nft).elements(table, "m"), []);
  const elements = Array.from({ length: 2000 }, (_, i) => `10.0.${i >> 8}.${i & 255} : drop`);
  host.sh(`nft -f - <<'END'
    add table ip t
    add chain ip t c
    add chain ip t d
    add rule ip t c ip saddr 10.0.0.1 drop comment "first"
    add rule ip t c ip saddr 10.0.0.2 drop comment "second"
    add rule ip t d accept
    add table ip u
    add chain ip u c
    add rule ip u c accept
    add map ip t m { type ipv4_addr : verdict; elements = { ${elements.join(", ")} } }
END`);
  const rules = netns.use(Nft).rules(table, "c");
  assert.deepEqual(
    rules.map((rule) => rule.userdata?.comment),
    ["first", "second"],
  );
  assert.deepEqual(
    say.expected(rules[1]?.expressions, say.load("ip saddr")),
    Uint8Array.of(10, 0, 0, 2),
  );
  assert.deepEqual(
    netns
      .use(Nft)
      .chains(table)
      .map(({ name }) => name),
    ["c", "d"],
  );
  const keys = netns
    .use(Nft)
    .elements(table, "m")
    .map(({ key }) => String(key?.value));
  assert.equal(new Set(keys).size, 2000);
});

sandbox("sets of one table, and whether one has more elements than that", { needs }, ({ host }) => {
  const netns = open(host);
  assert.deepEqual(netns.use(Nft).sets(table), []);
  assert.equal(netns.use(Nft).hasMore(table, "s", 0), false, "there is none");
  const elements = Array.from({ length: 3000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
  host.sh(`nft -f - <<'END'
    add table ip t
    add set ip t s { type ipv4_addr; elements = { ${elements.join(", ")} } }
    add set ip t empty { type ipv4_addr; }
    add map ip t one { type ipv4_addr : mark; elements = { 10.0.0.1 : 1 } }
    add table ip u
    add set ip u s { type ipv4_addr; }
END`);
  const names = netns
    .use(Nft)
    .sets(table)
    .map(({ name }) => name);
  assert.deepEqual(names.sort(), ["empty", "one", "s"]);
  const asked = askSet(table, "one");
  const none = askSet(table, "none");
  netns.use(Nft).look([asked, none]);
  assert.equal(asked.answer?.dataLength, 4);
  assert.equal(none.answer, undefined);

  const counts = [0, 1, 2999, 3000];
  const more = (set: string) => counts.map((count) => netns.use(Nft).hasMore(table, set, count));
  assert.deepEqual(more("s"), [true, true, true, false]);
  assert.deepEqual(more("one"), [true, false, false, false]);
  assert.deepEqual(more("empty"), [false, false, false, false]);
  assert.ok(count(() => netns.use(Nft).hasMore(table, "s", 1)).receivedBytes < 10_000);
  netns.close();
});

sandbox("all of a transaction or nothing", { needs }, ({ host }) => {
  const netns = open(host);
  const drop = [...say.is("ip saddr", Uint8Array.of(10, 0, 0, 1)), say.verdict("drop")];
  netns.use(Nft).commit([
    nft.addTable(table, "ours"),
    nft.addChain(table, "c", { comment: "a chain" }),
    nft.addRule(table, "c", drop, "last"),
    nft.insertRule(table, "c", [say.verdict("accept")]),
    nft.addVerdictMap(table, "m", ["protocol", "port"], "by port"),
    nft.addElements(table, "m", [
      {
        key: { value: Uint8Array.of(6, 0, 0, 0, 0, 80, 0, 0) },
        data: { verdict: { code: "drop" } },
      },
    ]),
  ]);
  const made =
    'table ip t { comment "ours" map m { type inet_proto . inet_service : verdict ' +
    'comment "by port" elements = { tcp . 80 : drop } } ' +
    'chain c { comment "a chain" accept ip saddr 10.0.0.1 drop comment "last" } }';
  assert.equal(listed(host), made);

  const refused = (changes: nft.Change[], code: string, message: RegExp) =>
    assert.throws(
      () => netns.use(Nft).commit(changes),
      (error) => isKernelError(error, code) && message.test(error.message),
    );
  refused(
    [nft.removeChain(table, "c"), nft.removeChain(table, "none"), nft.removeTable(table)],
    "ENOENT",
    /^Cannot delete chain none of nft table ip t: No such file or directory/,
  );
  refused([nft.addChain(table, "c", { exclusive: true })], "EEXIST", /^Cannot add chain c to /);
  refused([nft.removeTable(table, true)], "EBUSY", /^Cannot delete nft table ip t: /);
  refused([nft.addRule(table, "c", [say.jump("none")])], "ENOENT", /^Cannot add a rule to chain c/);
  assert.equal(listed(host), made, "nothing was done");

  const [first] = netns.use(Nft).rules(table, "c");
  netns
    .use(Nft)
    .commit([
      nft.removeRule(table, "c", first?.handle as number),
      nft.removeElements(table, "m", [Uint8Array.of(6, 0, 0, 0, 0, 80, 0, 0)]),
      nft.removeSet(table, "m"),
    ]);
  assert.match(
    listed(host),
    /chain c { comment "a chain" ip saddr 10\.0\.0\.1 drop comment "last" }/,
  );
  netns
    .use(Nft)
    .commit([
      nft.flushChain(table, "c"),
      nft.removeChain(table, "c"),
      nft.removeTable(table, true),
    ]);
  assert.equal(listed(host), "");
});

sandbox("a stale generation is refused, and the attempt made again", { needs }, ({ host }) => {
  const netns = open(host);
  const generation = netns.use(Nft).look([]);
  host.sh("nft add table ip between");
  const late = () => netns.use(Nft).commit([nft.addTable(table)], generation);
  assert.throws(late, (error) => isKernelError(error, "ERESTART"));
  assert.doesNotMatch(listed(host), /table ip t /);

  let attempts = 0;
  netns.use(Nft).retry(() => {
    const seen = netns.use(Nft).look([]);
    if (++attempts === 1) host.sh("nft add table ip again");
    netns.use(Nft).commit([nft.addTable(table)], seen);
  });
  assert.equal(attempts, 2);
  assert.match(listed(host), /table ip t /);

  attempts = 0;
  const hopeless = () =>
    netns.use(Nft).retry(() => {
      attempts++;
      netns.use(Nft).look([]);
      netns.use(Nft).commit([nft.removeChain(table, "none")]);
    });
  assert.throws(hopeless, (error) => isKernelError(error, "ENOENT"));
  assert.equal(attempts, 1, "nobody else did anything: it would fail again");
});

sandbox("a transaction larger than the socket's buffer", { needs }, ({ host }) => {
  const netns = open(host);
  const rule = [...say.is("ip saddr", Uint8Array.of(10, 0, 0, 1)), say.verdict("drop")];
  const rules = Array.from({ length: 4000 }, () => nft.addRule(table, "c", rule, "x".repeat(100)));
  netns.use(Nft).commit([nft.addTable(table), nft.addChain(table, "c"), ...rules]);
  assert.equal(netns.use(Nft).rules(table, "c").length, 4000);
});

sandbox("comments are cut to what nft accepts, between characters", { needs }, ({ host }) => {
  const netns = open(host);
  const comment = `${"x".repeat(126)}äy`; // 126, 2 and 1 bytes
  netns.use(Nft).commit([nft.addTable(table), nft.addChain(table, "c")]);
  for (const text of [comment, `x${comment}`, '"'.repeat(128), "ä€😀"]) {
    netns.use(Nft).commit([nft.addRule(table, "c", [say.verdict("accept")], text)]);
  }
  const comments = host
    .nft()
    .filter((entry) => entry.rule)
    .map(({ rule }) => rule.comment);
  assert.deepEqual(comments, [`${"x".repeat(126)}ä`, "x".repeat(127), '"'.repeat(128), "ä€😀"]);
});

t.test("a refusal for want of a kernel option names it", async (t) => {
  const refusal = (code: string, change: nft.Change, attribute?: string) =>
    explainRefusal(new KernelError(`Cannot ${change.what}: words`, code, undefined, attribute), [
      nft.addTable(table),
      change,
    ]);
  const bridge = refusal("EOPNOTSUPP", nft.addTable({ family: "bridge", table: "t" }));
  t.ok(bridge instanceof NftUnsupported);
  t.equal(
    bridge.message,
    "Cannot add nft table bridge t: the kernel lacks CONFIG_NF_TABLES_BRIDGE",
  );
  const base = {
    type: "nat",
    hook: { number: "postrouting", priority: 100 },
    policy: "accept",
  } as const;
  const chain = nft.addChain(table, "c", { base });
  t.match(refusal("ENOENT", chain, "NFTA_CHAIN_TYPE").message, /CONFIG_NFT_NAT/);
  t.equal(refusal("ENOENT", chain, "NFTA_CHAIN_TABLE").name, "KernelError");
  const rule = nft.addRule(table, "c", [say.load("ip saddr"), say.masquerade]);
  t.match(
    refusal("ENOENT", rule, "NFTA_RULE_EXPRESSIONS: NFTA_LIST_ELEM").message,
    /lacks CONFIG_NFT_MASQ$/,
  );
  t.equal(refusal("ENOENT", rule, "NFTA_RULE_TABLE").name, "KernelError");
  t.equal(refusal("EEXIST", chain, "NFTA_CHAIN_NAME").name, "KernelError");
});
