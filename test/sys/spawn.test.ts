import { chmodSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { constants as c, sys } from "../../src/sys/sys.ts";
import { fails, inNode } from "./support.ts";

const PATH = "/usr/bin:/bin";

/** What `script` writes, run by a shell with this environment and input. */
function shell(script: string, environ: Record<string, string> = { PATH }, input = ""): string {
  const [stdin, feed] = sys.pipe();
  const [result, stdout] = sys.pipe();
  const pid = sys.spawn("/bin/sh", ["sh", "-c", script, "sh"], environ, [stdin, stdout, 2]);
  sys.close(stdin);
  sys.close(stdout);
  sys.write(feed, sys.encodeUtf8(input));
  sys.close(feed);
  let text = "";
  for (;;) {
    const part = sys.read(result, 65536);
    if (part.length === 0) break;
    text += sys.decodeUtf8(part);
  }
  sys.close(result);
  sys.waitpid(pid);
  return text;
}

t.test("arguments, environment, input and output arrive", async (t) => {
  t.equal(shell("cat; echo $A; echo $0", { PATH, A: "größe b" }, "input,"), "input,größe b\nsh\n");
  const variables = shell("/usr/bin/env", { B: "1", A: "=" }).match(/^[AB]=.*/gm);
  t.same(variables?.sort(), ["A==", "B=1"]);
});

t.test("the end of the child is told", async (t) => {
  const end = (script: string) =>
    sys.waitpid(sys.spawn("/bin/sh", ["sh", "-c", script], { PATH }, [0, 1, 2]));
  t.same(end("exit 0"), { status: 0, signal: null });
  t.same(end("exit 7"), { status: 7, signal: null });
  t.same(end("kill -9 $$"), { status: null, signal: c.SIGKILL });
});

t.test("only the three descriptors are passed on", async (t) => {
  t.equal(shell("ls /proc/self/fd"), "0\n1\n2\n3\n", "3 is the folder that ls reads");
  // Nor one that is not close-on-exec, as a careless parent may have left us.
  const careless =
    "import os, sys; os.dup2(1, 77, inheritable=True); os.execv(sys.argv[1], sys.argv[1:])";
  const { stdout, stderr } = inNode(
    `const fs = require("node:fs"); fs.writeSync(1, fs.existsSync("/proc/self/fd/77") + "\\n");
     sys.waitpid(sys.spawn("/bin/ls", ["ls", "/proc/self/fd"], {}, [0, 1, 2]));`,
    ["python3", "-c", careless],
  );
  t.equal(stdout, "true\n0\n1\n2\n3\n", stderr);
});

t.test("standard descriptors may change places", async (t) => {
  const end = inNode(
    `sys.waitpid(sys.spawn("/bin/sh", ["sh", "-c", "echo out; echo error >&2"], {}, [0, 2, 1]));`,
  );
  t.match(end, { stdout: "error\n", stderr: "out\n" });
});

t.test("what execve says is thrown, and nothing stays open", async (t) => {
  const folder = t.testdir({ text: "hello", script: "#!/nope/interpreter\n" });
  const at = (name: string) => join(folder, name);
  chmodSync(at("script"), 0o755);
  writeFileSync(at("busy"), "");
  chmodSync(at("busy"), 0o755);
  const writer = openSync(at("busy"), "w");
  const children = () => readFileSync(`/proc/self/task/${process.pid}/children`, "utf8");
  const before = children();
  const open = readdirSync("/proc/self/fd").length;
  const run = (path: string) => () => sys.spawn(path, [path], {}, [0, 1, 2]);
  fails(t, run("/nope/x"), { code: "ENOENT", syscall: "execve", path: "/nope/x" });
  fails(t, run(at("text")), { code: "EACCES", syscall: "execve", path: at("text") });
  fails(t, run(folder), { code: "EACCES", syscall: "execve", path: folder });
  fails(t, run(at("script")), { code: "ENOENT", syscall: "execve", path: at("script") });
  fails(t, run(at("busy")), { code: "ETXTBSY", syscall: "execve", path: at("busy") });
  fails(t, () => sys.spawn("/bin/true", [], {}, [0, 1, 999]), { code: "EBADF", syscall: "fcntl" });
  sys.close(writer);
  chmodSync(at("text"), 0o755);
  fails(t, run(at("text")), { code: "ENOEXEC", syscall: "execve", path: at("text") });
  const huge = ["x".repeat(200_000)];
  fails(t, () => sys.spawn("/bin/true", huge, {}, [0, 1, 2]), {
    code: "E2BIG",
    syscall: "execve",
    path: "/bin/true",
  });
  t.equal(readdirSync("/proc/self/fd").length, open - 1);
  t.equal(children(), before, "no zombie is left");
});

t.test("a NUL is refused", async (t) => {
  const bad = "a\0b";
  fails(t, () => sys.spawn(bad, [], {}, [0, 1, 2]), {
    code: "EINVAL",
    syscall: "spawn",
    path: bad,
  });
  for (const [argv, environ] of [
    [[bad], {}],
    [[], { [bad]: "" }],
    [[], { A: bad }],
  ] as const) {
    fails(
      t,
      () => sys.spawn("/bin/true", [...argv], environ as Record<string, string>, [0, 1, 2]),
      {
        code: "EINVAL",
        syscall: "execve",
        path: bad,
      },
    );
  }
});

t.test("signals in the child are as a shell leaves them", async (t) => {
  const status = shell("grep -E '^Sig(Blk|Ign)' /proc/self/status");
  const [blocked, ignored] = [...status.matchAll(/[0-9a-f]{16}/g)].map(([mask]) =>
    BigInt(`0x${mask}`),
  );
  t.equal(blocked, 0n);
  t.equal(
    (ignored ?? 0n) & (1n << BigInt(c.SIGPIPE - 1)),
    0n,
    "Node ignores SIGPIPE, the child not",
  );
});

t.test("the child starts in another network namespace, and we stay in ours", async (t) => {
  const netns = sys.unshareNetns();
  const own = sys.readlink("/proc/thread-self/ns/net");
  const [result, stdout] = sys.pipe();
  const argv = ["readlink", "/proc/self/ns/net"];
  const pid = sys.spawn("/bin/readlink", argv, { PATH }, [0, stdout, 2], netns);
  sys.close(stdout);
  t.equal(sys.waitpid(pid).status, 0);
  t.equal(sys.decodeUtf8(sys.read(result, 100)), `net:[${sys.fstat(netns).ino}]\n`);
  t.equal(sys.readlink("/proc/thread-self/ns/net"), own);
  const spawnNothing = () => sys.spawn("/nonesuch", ["x"], {}, [0, 1, 2], netns);
  t.throws(spawnNothing, { code: "ENOENT" });
  t.equal(sys.readlink("/proc/thread-self/ns/net"), own, "also when nothing was started");
  sys.close(result);
  sys.close(netns);
});
