/** cnitool as it is called: usage, mistakes, the order of its complaints, completion. */
import { spawnSync } from "node:child_process";
import { chmodSync } from "node:fs";
import t from "tap";
import { directory as temporary } from "../harness/directory.ts";
import { executable, named, run } from "../main/program.ts";

const cnitool = (args: readonly string[], env: Record<string, string> = {}) =>
  run(executable, ["cnitool", ...args], { env });

/** A directory with the network `net`, whose plugin is not there. */
const network = (t: Parameters<typeof temporary>[0]) =>
  temporary(t, {
    "net.conflist": JSON.stringify({
      name: "net",
      cniVersion: "1.1.0",
      plugins: [{ type: "none" }],
    }),
  });

t.test("by its own name, or as the first argument", async (t) => {
  const link = named(temporary(t), "cnitool");
  const shown = run(link);
  t.match(shown, { status: 0, stderr: "", stdout: /^cnitool attaches network namespaces/ });
  t.same(cnitool([]), shown);
  t.same(cnitool(["--help"]), shown);
  t.same(cnitool(["help"]), shown);
  t.same(cnitool(["-i", "eth1"]), shown, "flags alone ask for nothing");
});

t.test("the help of a command", async (t) => {
  const add = cnitool(["add", "--help"]);
  t.match(add, {
    status: 0,
    stderr: "",
    stdout: /^Attach .*\n.*\n\nUsage:\n {2}cnitool add <network-name> <netns> \[flags\]\n/,
  });
  t.same(cnitool(["help", "add"]), add);
  t.same(cnitool(["-h", "add", "too", "many"]), add);
  for (const command of ["check", "completion", "del", "gc", "help", "status"]) {
    const shown = cnitool(["help", command]);
    t.match(shown, { status: 0, stdout: `Usage:\n  cnitool ${command} ` });
    t.match(shown.stdout, /--ifname NAME/);
  }
  t.match(cnitool(["help", "gc"]).stdout, /--valid ID\/IFNAME/);
  t.notMatch(cnitool(["help", "del"]).stdout, /--valid/);
  t.match(cnitool(["help", "nosuch"]), {
    status: 0,
    stderr: /^Unknown help topic "nosuch"\nUsage:/,
  });
});

t.test("mistakes are told once, on stderr, with the usage", async (t) => {
  const cases: [string[], string, string][] = [
    [["add"], "requires at least 2 arg(s), only received 0", "add"],
    [["check", "net"], "requires at least 2 arg(s), only received 1", "check"],
    [["del", "net"], "requires at least 2 arg(s), only received 1", "del"],
    [["gc"], "requires at least 1 arg(s), only received 0", "gc"],
    [["status"], "requires at least 1 arg(s), only received 0", "status"],
    [["add", "--x=y", "net", "ns"], "unknown flag: --x", "add"],
    [["del", "--valid", "a/b"], "unknown flag: --valid", "del"],
    [["add", "net", "ns", "-zi"], "unknown shorthand flag: 'z' in -zi", "add"],
    [["add", "net", "ns", "--ifname"], "flag needs an argument: --ifname", "add"],
    [["add", "net", "ns", "-i"], "flag needs an argument: 'i' in -i", "add"],
    [["add", "net", "ns", "--json=x"], 'invalid argument "x" for "--json" flag', "add"],
    [["gc", "net", "--valid=c1"], 'invalid argument "c1" for "--valid" flag: not ID/IFNAME', "gc"],
    [["completion", "tcsh"], 'unknown shell "tcsh"', "completion"],
    [["-z"], "unknown shorthand flag: 'z' in -z", "[command]"],
  ];
  for (const [args, message, usage] of cases) {
    const done = cnitool(args);
    t.match(done, { status: 1, stdout: "" }, args.join(" "));
    t.ok(done.stderr.startsWith(`Error: ${message}\nUsage:\n  cnitool ${usage}`), done.stderr);
    t.equal(done.stderr.split(message).length, 2, "once");
  }
});

t.test("unknown commands", async (t) => {
  t.same(cnitool(["ad", "net", "ns"]), {
    status: 1,
    stdout: "",
    stderr: `Error: unknown command "ad" for "cnitool"

Did you mean this?
\tadd

Run 'cnitool --help' for usage.
`,
  });
  t.same(
    cnitool(["frobnicate", "--help"]).stderr,
    `Error: unknown command "frobnicate" for "cnitool"\nRun 'cnitool --help' for usage.\n`,
  );
});

t.test("flags may stand anywhere, in every spelling", async (t) => {
  const env = { NETCONFPATH: network(t), CNI_PATH: "/nowhere" };
  const long = "an-interface-name";
  for (const flags of [
    ["-i", long],
    [`-i${long}`],
    [`-i=${long}`],
    ["--ifname", long],
    [`--ifname=${long}`],
  ]) {
    for (const args of [
      [...flags, "add", "net", "ns"],
      ["add", ...flags, "net", "ns"],
      ["add", "net", "ns", ...flags],
    ]) {
      const path = temporary(t, { none: "" });
      const done = cnitool(args, { ...env, CNI_PATH: path });
      t.match(done.stderr, /interface name is too long/, args.join(" "));
    }
  }
  t.match(cnitool(["add", "--", "net", "--ifname"], env).stderr, /failed to find plugin "none"/);
  t.match(
    cnitool(["add", "net", "ns", "more", "and", "more"], env).stderr,
    /failed to find plugin/,
  );
});

t.test("what is wrong is told in the order of the reference", async (t) => {
  const broken = { CAP_ARGS: "{", CNI_ARGS: "a", CNI_IFNAME: "a/b", CNI_PATH: "/nowhere" };
  const env: Record<string, string> = { NETCONFPATH: "/no/such/directory", ...broken };
  const error = () => cnitool(["add", "net", "ns"], env).stderr;
  t.equal(error(), "Error: no net configurations found in /no/such/directory\n");
  env.NETCONFPATH = network(t);
  t.equal(error(), "Error: unexpected end of JSON input\n");
  env.CAP_ARGS = "[]";
  t.equal(
    error(),
    "Error: json: cannot unmarshal array into Go value of type map[string]interface {}\n",
  );
  env.CAP_ARGS = "null";
  for (const pair of ["a", "a=", "=b", "a=b=c", "a=b;"]) {
    env.CNI_ARGS = pair;
    t.equal(error(), `Error: invalid CNI_ARGS pair "${pair === "a=b;" ? "" : pair}"\n`);
  }
  env.CNI_ARGS = "a=b;c=d";
  t.equal(
    error(),
    'Error: plugin type="none" failed (add): failed to find plugin "none" in path [/nowhere]\n',
  );
  env.CNI_PATH = temporary(t, { none: "" });
  t.match(error(), 'Error: plugin type="none" failed (add): interface name contains / or :');
});

t.test("--json gives the error as plugins give it", async (t) => {
  const env = { NETCONFPATH: network(t), CNI_PATH: temporary(t, { none: "" }) };
  const done = cnitool(["add", "net", "ns", "--json", "-i", "an-interface-name"], env);
  t.match(done, { status: 1, stderr: "" });
  t.same(JSON.parse(done.stdout), {
    code: 4,
    msg: 'plugin type="none" failed (add): interface name is too long',
    details: "interface name should be less than 16 characters",
  });
  t.same(JSON.parse(cnitool(["add", "--json"]).stdout), {
    code: 999,
    msg: "requires at least 2 arg(s), only received 0",
  });
});

t.test("what a plugin writes to stderr comes first, and ends its line", async (t) => {
  const path = temporary(t, { none: "#!/bin/sh\nprintf 'some words' >&2; exit 3\n" });
  chmodSync(`${path}/none`, 0o755);
  const done = cnitool(["add", "net", "/ns"], { NETCONFPATH: network(t), CNI_PATH: path });
  t.same(done, {
    status: 1,
    stdout: "",
    stderr: `some words
Error: plugin type="none" failed (add): netplugin failed: "some words": exit status 3
`,
  });
});

t.test("times", async (t) => {
  const env = { NETCONFPATH: network(t), CNI_PATH: "/nowhere" };
  for (const time of ["0", "-1s", "1h", "s", ""]) {
    const done = cnitool(["status", "net", `--timeout=${time}`], env);
    if (time === "") t.equal(done.status, 1, "as if it were not given");
    else
      t.match(done.stderr, `Error: invalid argument "${time}" for "--timeout" flag: not a time\n`);
  }
});

t.test("shells take their scripts", async (t) => {
  for (const shell of ["bash", "fish", "powershell", "zsh"]) {
    const { status, stdout } = cnitool(["completion", shell]);
    t.equal(status, 0);
    for (const word of ["add", "status", "cnitool"]) t.match(stdout, word, `${shell}: ${word}`);
  }
  t.match(cnitool(["completion"]), { status: 0, stdout: /^Print a script/ });
  const netconf = temporary(t, {
    "1.conflist": '{"cniVersion": "1.0.0",\n "name" : "blue", "plugins": [{"name": "x"}]}',
    "2.conf": '{"name":"blank","type":"a"}',
  });
  const complete = (...words: string[]) => {
    const script = `source <("$1" cnitool completion bash); COMP_WORDS=("\${@:2}"); COMP_CWORD=$(($# - 2)); _cnitool; echo "\${COMPREPLY[@]}"`;
    const env = { PATH: process.env.PATH, NETCONFPATH: netconf };
    const done = spawnSync("bash", ["--norc", "-c", script, "bash", executable, ...words], {
      encoding: "utf8",
      env,
      cwd: netconf,
    });
    t.equal(done.stderr, "");
    return done.stdout.trim();
  };
  t.equal(complete("cnitool", "c"), "check completion");
  t.equal(complete("cnitool", "add", "--con"), "--container-id");
  t.equal(complete("cnitool", "add", "bl"), "blue blank");
  t.equal(complete("cnitool", "add", "blue", "1.c"), "1.conflist");
});
