/** What is opened for which verb, and the guard against the plugin's own namespace. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { emptyResult } from "../../src/cni/result.ts";
import { call, errorOf, fakeNamespaces, fakePlugin } from "./support.ts";

const own = "/proc/self/ns/net";
const sameError = {
  code: 8,
  msg: "plugin's netns and netns from CNI_NETNS should not be the same",
};

/** As kernel/netns.ts throws it. */
function netnsError(reason: string, message = `it is ${reason}`): Error {
  return Object.assign(new Error(message), { reason });
}

/** A plugin whose verbs write down what container they got. */
async function recorder(problem?: Error) {
  const { log, namespaces } = fakeNamespaces(problem);
  const record = (verb: string) => (given: object) => {
    const { container } = given as { container?: { name: string } };
    log.push(`${verb} in ${container?.name}`);
  };
  const fake = await fakePlugin(
    {
      add: (given) => {
        record("add")(given);
        return emptyResult();
      },
      check: record("check"),
      del: record("del"),
      gc: record("gc"),
      status: record("status"),
    },
    namespaces,
  );
  const ask = (environ: Record<string, string>, stdin?: object) =>
    call(fake, { environ, ...(stdin && { stdin }) });
  return { log, ask };
}

t.test("ADD, CHECK and DEL get the container's namespace, and it is closed again", async (t) => {
  for (const command of ["ADD", "CHECK", "DEL"]) {
    const { log, ask } = await recorder();
    t.equal(ask({ CNI_COMMAND: command, CNI_NETNS: "/x" }).status, 0);
    t.same(log, [
      "open host",
      "open /x",
      `${command.toLowerCase()} in /x`,
      "close /x",
      "close host",
    ]);
  }
});

t.test("GC and STATUS get the host's only", async (t) => {
  for (const command of ["GC", "STATUS"]) {
    const { log, ask } = await recorder();
    const stdin = { cniVersion: "1.1.0", name: "n", "cni.dev/attachments": [] };
    t.equal(ask({ CNI_COMMAND: command, CNI_NETNS: "/x" }, stdin).status, 0);
    t.same(log, ["open host", `${command.toLowerCase()} in undefined`, "close host"]);
  }
});

t.test("namespaces are closed after a failure too", async (t) => {
  const { log, namespaces } = fakeNamespaces();
  const fake = await fakePlugin(
    {
      add({ undo }) {
        undo.push("undo", () => log.push("undo"));
        throw new Error("no");
      },
    },
    namespaces,
  );
  t.equal(call(fake, { environ: { CNI_NETNS: "/x" } }).status, 1);
  t.same(log, ["open host", "open /x", "undo", "close /x", "close host"]);
});

t.test("ADD and CHECK fail where the namespace cannot be opened", async (t) => {
  const { log, ask } = await recorder(netnsError("missing", "it is gone"));
  for (const command of ["ADD", "CHECK"]) {
    const done = ask({ CNI_COMMAND: command, CNI_NETNS: "/x" });
    t.same(errorOf(done), { code: 8, msg: 'failed to open netns "/x": it is gone' });
  }
  t.same(log, ["open host", "close host", "open host", "close host"], "no verb was called");
});

t.test("DEL goes on without a namespace that is gone", async (t) => {
  const without = ["open host", "del in undefined", "close host"];
  const none = await recorder();
  t.match(none.ask({ CNI_COMMAND: "DEL", CNI_NETNS: "" }), { status: 0, stderr: "" });
  t.same(none.log, without);

  const gone = await recorder(netnsError("missing"));
  t.match(gone.ask({ CNI_COMMAND: "DEL" }), { status: 0, stderr: "" });
  t.same(gone.log, without);

  const file = await recorder(netnsError("not-a-namespace", "unknown FS magic"));
  t.match(file.ask({ CNI_COMMAND: "DEL" }), {
    status: 0,
    stderr: "fake: going on without the container: unknown FS magic\n",
  });
  t.same(file.log, without);
});

t.test("DEL does what it can before it reports another failure", async (t) => {
  const { log, ask } = await recorder(netnsError("other", "EACCES"));
  const done = ask({ CNI_COMMAND: "DEL", CNI_NETNS: "/x" });
  t.same(errorOf(done), { code: 8, msg: 'failed to open netns "/x": EACCES' });
  t.same(log, ["open host", "del in undefined", "close host"]);
});

t.test("ADD into the plugin's own namespace is refused before anything is done", async (t) => {
  const { log, ask } = await recorder();
  const done = ask({ CNI_NETNS: own });
  t.same(errorOf(done), sameError);
  t.same(log, ["open host", "close host"]);
  for (const value of ["0", "false", "yes"]) {
    t.same(errorOf(ask({ CNI_NETNS: own, CNI_NETNS_OVERRIDE: value })), sameError, value);
  }
});

t.test("CNI_NETNS_OVERRIDE allows it", async (t) => {
  for (const value of ["1", "TRUE", "true", "True"]) {
    const { log, ask } = await recorder();
    for (const command of ["ADD", "DEL"]) {
      const environ = { CNI_COMMAND: command, CNI_NETNS: own, CNI_NETNS_OVERRIDE: value };
      t.equal(ask(environ).status, 0, `${command} ${value}`);
    }
    t.ok(log.includes(`add in ${own}`) && log.includes(`del in ${own}`));
  }
});

t.test("DEL keeps away from the plugin's own namespace, and then says so", async (t) => {
  const { log, ask } = await recorder();
  const done = ask({ CNI_COMMAND: "DEL", CNI_NETNS: own });
  t.same(errorOf(done), sameError);
  t.same(log, ["open host", "del in undefined", "close host"]);
});

t.test("CHECK has no guard, as in the reference", async (t) => {
  const { ask } = await recorder();
  t.equal(ask({ CNI_COMMAND: "CHECK", CNI_NETNS: own }).status, 0);
});

t.test("a file that is no namespace passes the guard; opening it judges", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "cnibox-"));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const file = join(directory, "plain");
  writeFileSync(file, "");
  const { ask } = await recorder();
  t.equal(ask({ CNI_NETNS: file }).status, 0);
});

t.test("a plugin that needs no namespace is guarded all the same", async (t) => {
  const fake = await fakePlugin();
  t.same(errorOf(call(fake, { environ: { CNI_NETNS: own } })), sameError);
  t.equal(call(fake, { environ: { CNI_NETNS: "/no/such/path" } }).status, 0);
});
