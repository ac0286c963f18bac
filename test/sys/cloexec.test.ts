import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { constants as c, sys } from "../../src/sys/sys.ts";

t.test("every descriptor is close-on-exec", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "cnibox-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const family = new Uint8Array(Uint16Array.of(c.AF_UNIX).buffer);
  const address = Uint8Array.of(...family, ...sys.encodeUtf8(join(folder, "socket")), 0);

  const netns = sys.unshareNetns();
  const server = sys.socket(c.AF_UNIX, c.SOCK_STREAM, 0);
  sys.bind(server, address);
  sys.listen(server, 1);
  const client = sys.socket(c.AF_UNIX, c.SOCK_STREAM, 0, netns);
  sys.connect(client, address);
  const [read, write] = sys.pipe();
  const [left, right] = sys.socketpair(c.AF_UNIX, c.SOCK_DGRAM);
  const made = {
    unshareNetns: netns,
    open: sys.open("/dev/null", c.O_RDONLY),
    "open in a namespace": sys.open("/dev/null", c.O_RDONLY, 0, netns),
    socket: server,
    "socket in a namespace": client,
    accept: sys.accept(server),
    "pipe, read end": read,
    "pipe, write end": write,
    "socketpair, one end": left,
    "socketpair, other end": right,
  };
  const O_CLOEXEC = 0o2000000;
  for (const [name, fd] of Object.entries(made)) {
    const info = readFileSync(`/proc/self/fdinfo/${fd}`, "utf8");
    const flags = Number.parseInt(info.match(/flags:\s*(\d+)/)?.[1] ?? "", 8);
    t.equal(flags & O_CLOEXEC, O_CLOEXEC, name);
    sys.close(fd);
  }
});
