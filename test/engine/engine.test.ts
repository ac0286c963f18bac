/**
 * The engine host from outside: the same questions put to Node and to our Node-API, and what a
 * program that ends badly says. With CNIBOX_SANITIZE=1 the executable is one that looks for memory
 * errors.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import t, { type Test } from "tap";
import { buildForEngine, buildForNode } from "./build.ts";

t.setTimeout(0); // the first build takes a minute
const sanitize = process.env.CNIBOX_SANITIZE === "1";
const executable = await buildForEngine(sanitize ? "sanitize" : undefined);
// With the sanitizers nothing is frozen.
const frozen = sanitize ? executable : await buildForEngine("frozen");
const onNode = await buildForNode();

interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

function run([program = "", ...args]: string[], env: NodeJS.ProcessEnv = {}): Ended {
  const { status, stdout, stderr } = spawnSync(program, args, {
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  return { status, stdout, stderr };
}

/** Runs the checks: a test for each. Returns their names. */
function testChecks(t: Test, command: string[], env?: NodeJS.ProcessEnv): string[] {
  const { status, stdout, stderr } = run(command, env);
  const lines = stdout.trimEnd().split("\n");
  for (const line of lines) {
    const [, result, name] = /^(ok|not ok) (.*)$/.exec(line) ?? [];
    t.equal(result, "ok", name ?? line);
  }
  t.equal(status, 0, "exit status");
  t.equal(stderr, "", "stderr");
  return lines.map((line) => line.replace(/^not |:.*$/g, ""));
}

let names: string[] = [];
t.test("Node-API on Node", async (t) => {
  names = testChecks(t, onNode);
});

t.test("Node-API on the engine", async (t) => {
  t.same(testChecks(t, [executable]), names, "the same checks have run");
});

t.test("Node-API on the engine, frozen", { skip: sanitize }, async (t) => {
  t.same(testChecks(t, [frozen]), names, "the same checks have run");
  t.equal(run([frozen, "load"]).stdout, "loaded 1 1 undefined\n");
});

t.test("what is frozen is the same each time", { skip: sanitize }, async (t) => {
  const [target] = readdirSync("build/obj").filter((name) => existsSync(unfrozen(name)));
  const program = unfrozen(target ?? "");
  const image = join(t.testdir(), "image");
  const modules = join(dirname(program), "modules");
  run([program, "--freeze", image, modules, "applet/loaded.js"], { UNLIKE: "the first time" });
  t.ok(readFileSync(image).equals(readFileSync(`${program}.image`)));
});

function unfrozen(target: string): string {
  return `build/obj/${target}/checks-frozen/unfrozen`;
}

/** What a bad end says: the JSON on stdout, checked to the byte, and the trace on stderr. */
function testEnd(end: string, msg: string | RegExp, trace: RegExp) {
  t.test(`ends badly: ${end}`, async (t) => {
    const { status, stdout, stderr } = run([executable, end]);
    t.same(run([frozen, end]), { status, stdout, stderr }, "the same where it is frozen");
    t.equal(status, 1, "exit status");
    const error = JSON.parse(stdout);
    t.equal(stdout, `{\n    "code": 999,\n    "msg": ${escaped(error.msg)}\n}`, "the form");
    if (typeof msg === "string") t.equal(error.msg, msg);
    else t.match(error.msg, msg);
    t.match(stderr, trace);
  });
}

/** As the plugins of the reference escape. */
function escaped(text: string): string {
  return JSON.stringify(text).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

testEnd(
  "error",
  'Error: Cannot <be> "quoted" & \\ \n\u0001 \u2028 é \ufffd',
  /\n {4}at error \(test\/engine\/checks\/ends\.ts:22\)\n/,
);
testEnd("typeError", /^TypeError: /, /at typeError \(test\/engine\/checks\/ends\.ts:\d+\)/);
testEnd("text", "only text", /^only text\n$/);
testEnd("number", "5", /^5\n$/);
testEnd("undefined", "undefined", /^undefined\n$/);
testEnd("object", "[object Object]", /^\[object Object\]\n$/);
testEnd("unprintable", "an exception that has no text", /^an exception that has no text\n$/);
testEnd("job", "InternalError: stack overflow", /at deeper \(test\/engine\/checks\/ends\.ts:7\)/);
testEnd("rejection", "RangeError: nobody listens", /at rejection \(test\//);
testEnd("overflow", "InternalError: stack overflow", /^([^\n]*\n){31} {4}\.\.\.\n$/);
testEnd("overflowThroughNative", /stack overflow/, /at deeperThroughNative \(test\//);
testEnd("native", "TypeError: from native code", /at native \(test\//);
testEnd("fatal", "somewhere: cannot go on", /^somewhere: cannot go on\n$/);
testEnd("trigonometry", /^Cannot compute an angle/, /^Cannot compute an angle[^\n]*\n$/);
testEnd("cppException", "a C++ exception", /^a C\+\+ exception\n$/);

t.test("a rejection that is handled later is none", async (t) => {
  t.same(run([executable, "handledLater"]), { status: 0, stdout: "handled\n", stderr: "" });
});

t.test("a stack overflow can be caught", async (t) => {
  const { status, stdout } = run([executable, "overflowCaught"]);
  t.same({ status, stdout }, { status: 0, stdout: "caught InternalError: stack overflow\n" });
});

t.test("a small stack is no reason to crash", async (t) => {
  const command = `ulimit -s 512 && exec ${executable} overflow`;
  const { status, stdout } = run(["/bin/sh", "-c", command]);
  t.same(
    { status, msg: JSON.parse(stdout).msg },
    { status: 1, msg: "InternalError: stack overflow" },
  );
});

for (const [end, msg] of [
  ["memory", /out of memory$/],
  ["memoryAtOnce", /out of memory$/],
  ["memoryInNative", /^std::bad_alloc$/],
] as const) {
  // AddressSanitizer needs terabytes of address space, and ends the process itself.
  t.test(`memory runs out: ${end}`, { skip: sanitize }, async (t) => {
    const { status, stdout } = run([
      "/bin/sh",
      "-c",
      `ulimit -v 60000 && exec ${executable} ${end}`,
    ]);
    t.equal(status, 1);
    t.match(JSON.parse(stdout).msg, msg);
  });
}

t.test("modules are loaded once, by name", async (t) => {
  t.equal(run([executable, "load"]).stdout, "loaded 1 1 undefined\n");
});

t.test("a module that throws while it loads harms no other", async (t) => {
  t.equal(
    run([executable, "loadFailing"]).stdout,
    "caught Error: while it loads\ncaught Error: while it loads\nloaded all the same\n",
  );
});

t.test("collecting at every allocation", { skip: !sanitize }, async (t) => {
  testChecks(t, [executable], { CNIBOX_GC_EVERY: "1" });
});
