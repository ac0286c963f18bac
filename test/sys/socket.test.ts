import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import { constants as c, sys } from "../../src/sys/sys.ts";
import { fails } from "./support.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
/** Much faster than t.same on many bytes. */
const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

/** A short one: the kernel takes 107 bytes, and the folder of a test is named after its title. */
function socketPath(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), "cnibox-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return join(folder, "socket");
}

function unixAddress(path: string): Uint8Array {
  return Uint8Array.of(...host16(c.AF_UNIX), ...bytes(path), 0);
}

/** A socket address of 127.0.0.1 with a port that the kernel chooses. */
function loopback(): Uint8Array {
  return Uint8Array.of(...host16(c.AF_INET), 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0);
}

function host16(value: number): Uint8Array {
  return new Uint8Array(Uint16Array.of(value).buffer);
}

function udp(): { fd: number; address: Uint8Array } {
  const fd = sys.socket(c.AF_INET, c.SOCK_DGRAM, 0);
  sys.bind(fd, loopback());
  return { fd, address: sys.getsockname(fd) };
}

t.test("a stream: listen, connect, accept, send, recv, shutdown", async (t) => {
  const path = socketPath(t);
  const server = sys.socket(c.AF_UNIX, c.SOCK_STREAM, 0);
  sys.bind(server, unixAddress(path));
  sys.listen(server, 1);
  t.same(sys.getsockname(server), unixAddress(path));
  const client = sys.socket(c.AF_UNIX, c.SOCK_STREAM, 0);
  sys.connect(client, unixAddress(path));
  const peer = sys.accept(server);
  t.equal(sys.send(client, bytes("hello"), c.MSG_NOSIGNAL), 5);
  t.same(sys.recv(peer, c.MSG_PEEK).data, bytes("hello"), "peeking leaves it there");
  t.same(sys.recv(peer, 0), { data: bytes("hello"), address: bytes("") });
  fails(t, () => sys.recv(peer, c.MSG_DONTWAIT), { code: "EAGAIN", syscall: "recvfrom" });
  sys.shutdown(client, c.SHUT_WR);
  t.same(sys.recv(peer, 0).data, bytes(""), "the end");
  sys.close(client);
  fails(t, () => sys.send(peer, bytes("x"), c.MSG_NOSIGNAL), { code: "EPIPE", syscall: "sendto" });
  for (const fd of [server, peer]) sys.close(fd);
});

t.test("a stream gives at most 64 KiB at once and loses nothing", async (t) => {
  const path = socketPath(t);
  const server = sys.socket(c.AF_UNIX, c.SOCK_STREAM, 0);
  sys.bind(server, unixAddress(path));
  sys.listen(server, 1);
  const client = sys.socket(c.AF_UNIX, c.SOCK_STREAM, 0);
  sys.connect(client, unixAddress(path));
  const peer = sys.accept(server);
  const sent = new Uint8Array(100_000).map((_, i) => i);
  t.equal(sys.send(client, sent, 0), sent.length);
  const first = sys.recv(peer, 0).data;
  const second = sys.recv(peer, 0).data;
  t.equal(first.length, 65536);
  t.ok(same(Buffer.concat([first, second]), sent));
  for (const fd of [server, peer, client]) sys.close(fd);
});

t.test("a datagram has a sender, and may be empty", async (t) => {
  const one = udp();
  const two = udp();
  t.equal(sys.send(one.fd, bytes("to two"), 0, two.address), 6);
  t.same(sys.recv(two.fd, c.MSG_PEEK), { data: bytes("to two"), address: one.address });
  t.same(sys.recv(two.fd, 0), { data: bytes("to two"), address: one.address });
  sys.send(one.fd, bytes(""), 0, two.address);
  sys.send(one.fd, bytes("next"), 0, two.address);
  t.same(sys.recv(two.fd, 0), { data: bytes(""), address: one.address });
  t.same(sys.recv(two.fd, 0).data, bytes("next"), "one call takes one datagram");
  fails(t, () => sys.recv(two.fd, c.MSG_DONTWAIT), { code: "EAGAIN", syscall: "recvfrom" });
  for (const { fd } of [one, two]) sys.close(fd);
});

for (const [kind, type] of Object.entries({ datagram: c.SOCK_DGRAM, packet: c.SOCK_SEQPACKET })) {
  t.test(`a ${kind} larger than 64 KiB comes whole`, async (t) => {
    const path = socketPath(t);
    const listener = sys.socket(c.AF_UNIX, type, 0);
    sys.bind(listener, unixAddress(path));
    if (type === c.SOCK_SEQPACKET) sys.listen(listener, 1);
    const sender = sys.socket(c.AF_UNIX, type, 0);
    sys.connect(sender, unixAddress(path));
    const receiver = type === c.SOCK_SEQPACKET ? sys.accept(listener) : listener;
    sys.setsockopt(sender, c.SOL_SOCKET, c.SO_SNDBUF, 1 << 20);
    for (const size of [65535, 65536, 65537, 150_000]) {
      const sent = new Uint8Array(size).map((_, i) => i * 7);
      t.equal(sys.send(sender, sent, 0), size);
      t.ok(same(sys.recv(receiver, c.MSG_PEEK).data, sent), `peek at ${size} bytes`);
      t.ok(same(sys.recv(receiver, 0).data, sent), `${size} bytes`);
      fails(t, () => sys.recv(receiver, c.MSG_DONTWAIT), { code: "EAGAIN", syscall: "recvfrom" });
    }
    for (const fd of new Set([sender, receiver, listener])) sys.close(fd);
  });
}

t.test("netlink answers with the address of the kernel", async (t) => {
  const netns = sys.unshareNetns();
  const fd = sys.socket(c.AF_NETLINK, c.SOCK_RAW, c.NETLINK_ROUTE, netns);
  sys.setsockopt(fd, c.SOL_NETLINK, c.NETLINK_EXT_ACK, 1);
  sys.bind(fd, new Uint8Array(12).fill(c.AF_NETLINK, 0, 1));
  // RTM_GETLINK (18) of link 1, sequence 7: nlmsghdr and ifinfomsg
  const request = new DataView(new ArrayBuffer(32));
  const littleEndian = new Uint8Array(host16(1))[0] === 1;
  request.setUint32(0, 32, littleEndian);
  request.setUint16(4, 18, littleEndian);
  request.setUint16(6, 1, littleEndian);
  request.setUint32(8, 7, littleEndian);
  request.setInt32(20, 1, littleEndian);
  sys.send(fd, new Uint8Array(request.buffer), 0);
  const { data, address } = sys.recv(fd, 0);
  const answer = new DataView(data.buffer);
  t.equal(answer.getUint32(0, littleEndian), data.length);
  t.equal(answer.getUint16(4, littleEndian), 16, "RTM_NEWLINK");
  t.equal(answer.getUint32(8, littleEndian), 7);
  t.same(address, new Uint8Array(12).fill(c.AF_NETLINK, 0, 1));
  for (const open of [fd, netns]) sys.close(open);
});

t.test("options are numbers or bytes", async (t) => {
  const fd = sys.socket(c.AF_INET, c.SOCK_DGRAM | c.SOCK_NONBLOCK, 0);
  const get = (name: number) => new Int32Array(sys.getsockopt(fd, c.SOL_SOCKET, name, 4).buffer)[0];
  t.equal(get(c.SO_BROADCAST), 0);
  sys.setsockopt(fd, c.SOL_SOCKET, c.SO_BROADCAST, 1);
  t.equal(get(c.SO_BROADCAST), 1);
  sys.setsockopt(fd, c.SOL_SOCKET, c.SO_BROADCAST, new Uint8Array(4));
  t.equal(get(c.SO_BROADCAST), 0);
  sys.setsockopt(fd, c.SOL_SOCKET, c.SO_BINDTODEVICE, bytes("lo\0"));
  t.same(sys.getsockopt(fd, c.SOL_SOCKET, c.SO_BINDTODEVICE, 16), bytes("lo\0"), "as long as told");
  fails(t, () => sys.recv(fd, 0), { code: "EAGAIN", syscall: "recvfrom" }, "SOCK_NONBLOCK");
  sys.close(fd);
});

t.test("SO_RCVTIMEO ends the wait", async (t) => {
  const { fd } = udp();
  const time = BigInt64Array.of(0n, 30_000n); // struct timeval: seconds, microseconds
  sys.setsockopt(fd, c.SOL_SOCKET, c.SO_RCVTIMEO, new Uint8Array(time.buffer));
  fails(t, () => sys.recv(fd, 0), { code: "EAGAIN", syscall: "recvfrom" });
  sys.close(fd);
});

t.test("what is refused names call and reason", async (t) => {
  const path = socketPath(t);
  writeFileSync(path, "");
  const file = sys.open(path, c.O_RDONLY);
  const stream = sys.socket(c.AF_UNIX, c.SOCK_STREAM, 0);
  fails(t, () => sys.socket(c.AF_INET, 99, 0), { code: "EINVAL", syscall: "socket" });
  fails(t, () => sys.bind(stream, unixAddress(path)), { code: "EADDRINUSE", syscall: "bind" });
  fails(t, () => sys.bind(stream, bytes("")), { code: "EINVAL", syscall: "bind" });
  fails(t, () => sys.connect(stream, unixAddress("/nope/x")), {
    code: "ENOENT",
    syscall: "connect",
  });
  fails(t, () => sys.connect(stream, unixAddress(path)), {
    code: "ECONNREFUSED",
    syscall: "connect",
  });
  fails(t, () => sys.accept(stream), { code: "EINVAL", syscall: "accept4" });
  const tcp = sys.socket(c.AF_INET, c.SOCK_STREAM, 0);
  fails(t, () => sys.shutdown(tcp, c.SHUT_RD), { code: "ENOTCONN", syscall: "shutdown" });
  fails(t, () => sys.setsockopt(stream, c.SOL_SOCKET, 9999, 1), {
    code: "ENOPROTOOPT",
    syscall: "setsockopt",
  });
  fails(t, () => sys.getsockopt(stream, c.SOL_SOCKET, 9999, 4), {
    code: "ENOPROTOOPT",
    syscall: "getsockopt",
  });
  for (const [syscall, call] of Object.entries({
    listen: () => sys.listen(file, 1),
    getsockname: () => sys.getsockname(file),
    sendto: () => sys.send(file, bytes(""), 0),
    getsockopt: () => sys.recv(file, 0),
  })) {
    fails(t, call, { code: "ENOTSOCK", syscall });
  }
  for (const fd of [file, stream, tcp]) sys.close(fd);
});

t.test("ioctl reads and writes a copy of the buffer", async (t) => {
  const netns = sys.unshareNetns();
  const fd = sys.socket(c.AF_INET, c.SOCK_DGRAM, 0, netns);
  const SIOCGIFINDEX = 0x8933;
  const request = new Uint8Array(40); // struct ifreq
  request.set(bytes("lo"));
  const answer = sys.ioctl(fd, SIOCGIFINDEX, request);
  t.equal(new DataView(answer.buffer).getInt32(16, host16(1)[0] === 1), 1);
  t.same(request.slice(16), new Uint8Array(24), "the argument stays as it was");
  request.set(bytes("nope"));
  fails(t, () => sys.ioctl(fd, SIOCGIFINDEX, request), { code: "ENODEV", syscall: "ioctl" });
  fails(t, () => sys.ioctl(fd, 0x8000dead | 0, request), { code: "ENOTTY", syscall: "ioctl" });
  for (const open of [fd, netns]) sys.close(open);
});

function tunIsThere(): boolean {
  try {
    sys.close(sys.open("/dev/net/tun", c.O_RDWR));
    return true;
  } catch {
    return false;
  }
}

const skip = tunIsThere() ? false : "the kernel has no CONFIG_TUN";

t.test("ioctl takes a number where the kernel does", { skip }, async (t) => {
  const [TUNSETIFF, TUNSETPERSIST, TUNGETIFF] = [0x400454ca, 0x400454cb, 0x800454d2];
  const [IFF_TAP, IFF_NO_PI, IFF_PERSIST] = [0x0002, 0x1000, 0x0800];
  const netns = sys.unshareNetns();
  const fd = sys.open("/dev/net/tun", c.O_RDWR, 0, netns);
  const request = new Uint8Array(40); // struct ifreq: name, then flags
  request.set(bytes("tap0"));
  request.set(host16(IFF_TAP | IFF_NO_PI), 16);
  t.same(sys.ioctl(fd, TUNSETIFF, request).subarray(0, 5), bytes("tap0\0"));
  const persists = () => {
    const answer = sys.ioctl(fd, TUNGETIFF | 0, new Uint8Array(40));
    return (new Uint16Array(answer.buffer)[8] ?? 0) & IFF_PERSIST;
  };
  t.equal(persists(), 0);
  t.same(sys.ioctl(fd, TUNSETPERSIST, 1), bytes(""));
  t.equal(persists(), IFF_PERSIST);
  sys.ioctl(fd, TUNSETPERSIST, 0);
  t.equal(persists(), 0, "0 is no pointer either");
  fails(t, () => sys.ioctl(fd, 0xdead, 1), { code: "EINVAL", syscall: "ioctl" });
  for (const open of [fd, netns]) sys.close(open);
});

t.test("descriptors in flight stay open until their socket is gone", async (t) => {
  const [read, write] = sys.pipe();
  const [left, right] = sys.socketpair(c.AF_UNIX, c.SOCK_DGRAM);
  sys.sendDescriptors(left, [write]);
  sys.close(write);
  const ended = () => sys.poll([read, c.POLLIN], 0)[0] === c.POLLHUP;
  t.notOk(ended(), "someone may still write");
  for (const fd of [left, right]) sys.close(fd);
  t.ok(ended());
  sys.close(read);
  fails(t, () => sys.socketpair(c.AF_INET, c.SOCK_DGRAM), {
    code: "EOPNOTSUPP",
    syscall: "socketpair",
  });
  fails(t, () => sys.sendDescriptors(read, [0]), { code: "EBADF", syscall: "sendmsg" });
});
