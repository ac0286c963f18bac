/** Sockets of nf_tables are closed by the kernel, but closed they are. */
import { readFileSync, readlinkSync } from "node:fs";
import t from "tap";
import { closeInBackground } from "../../src/kernel/close.ts";
import { encode } from "../../src/netlink/codec.ts";
import { socketAddress } from "../../src/netlink/message.ts";
import { constants as c, sys } from "../../src/sys/sys.ts";

/** The kernel's own list of netlink sockets in this namespace, by inode. */
function isOpen(inode: string): boolean {
  const rows = readFileSync("/proc/net/netlink", "utf8").trim().split("\n").slice(1);
  return rows.some((row) => row.trim().split(/\s+/).pop() === inode);
}

function open(): { fd: number; inode: string } {
  const fd = sys.socket(c.AF_NETLINK, c.SOCK_RAW, c.NETLINK_NETFILTER);
  // Only sockets with a number of their own are listed, and waited for.
  sys.bind(fd, encode(socketAddress, { family: c.AF_NETLINK }));
  const [, inode = ""] = /\[(\d+)\]/.exec(readlinkSync(`/proc/self/fd/${fd}`)) ?? [];
  return { fd, inode };
}

t.test("a socket that the kernel closes is gone soon, and its descriptor at once", async (t) => {
  const { fd, inode } = open();
  t.ok(isOpen(inode));
  closeInBackground(fd);
  t.throws(() => sys.fstat(fd), { code: "EBADF" });
  const patience = Date.now() + 10_000;
  while (isOpen(inode) && Date.now() < patience) await new Promise((done) => setTimeout(done, 5));
  t.notOk(isOpen(inode));
});

t.test("no descriptor is left over, whatever fails", async (t) => {
  const before = sys.readdir("/proc/self/fd").length;
  closeInBackground(open().fd);
  closeInBackground(sys.open("/dev/null", c.O_RDONLY));
  t.doesNotThrow(() => closeInBackground(12345), "as one that is closed already");
  t.equal(sys.readdir("/proc/self/fd").length, before);
});
