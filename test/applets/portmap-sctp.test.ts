/**
 * portmap for SCTP. Not every kernel has sockets for it, but connection tracking knows it: the two sides
 * here write the first packet of an association, and its answer, themselves.
 */
import assert from "node:assert/strict";
import { type Namespace, onlyOurs, type Sandbox, sandbox } from "../harness/sandbox.ts";
import { attach, hostAddress, mapping, portmap } from "./portmap-support.ts";

/** RFC 9260: the common header (ports, tag, CRC-32C), and one chunk INIT (1) or INIT ACK (2). */
const sctp = `
import socket, struct, sys

def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8): crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff

def packet(source, port, tag, kind, own):
    head = struct.pack(">HHI", source, port, tag)
    chunk = struct.pack(">BBHIIHHI", kind, 0, 20, own, 65536, 1, 1, 1)
    return head + struct.pack("<I", crc32c(head + bytes(4) + chunk)) + chunk

def receive(wire):
    frame, (sender, *_) = wire.recvfrom(2048)
    if wire.family == socket.AF_INET: frame = frame[(frame[0] & 15) * 4:]
    source, port, tag, sum = struct.unpack(">HHII", frame[:12])
    intact = crc32c(frame[:8] + bytes(4) + frame[12:]) == socket.ntohl(sum)
    return sender, source, port, tag, frame[12], frame[16:20], intact

def wire(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_RAW, 132)
    made.settimeout(3)
    return made
`;

/** Answers each INIT, and says where it was sent to. */
const server = `${sctp}
import selectors
ears = selectors.DefaultSelector()
for address in ("0.0.0.0", "::"): ears.register(wire(address), selectors.EVENT_READ)
print("ready", flush=True)
while True:
    for key, _ in ears.select():
        sender, source, port, _, kind, own, intact = receive(key.fileobj)
        if kind != 1 or not intact: continue
        answer = packet(port, source, struct.unpack(">I", own)[0], 2, port)
        key.fileobj.sendto(answer, (sender, 0))
`;

/** Sends an INIT; prints who answers, from which port, and the port that was reached. */
const client = `${sctp}
address, port = sys.argv[1], int(sys.argv[2])
out = wire(address)
out.sendto(packet(40000, port, 0, 1, 7), (address, 0))
try:
    while True:
        sender, source, mine, tag, kind, own, intact = receive(out)
        if kind == 2 and (mine, tag, intact) == (40000, 7, True): break
    print(sender, source, struct.unpack(">I", own)[0])
except socket.timeout: print("silence")
`;

async function serve(container: Namespace): Promise<void> {
  const child = container.start(["python3", "-c", server]);
  await new Promise<void>((resolve, reject) => {
    child.stdout?.once("data", () => resolve());
    child.once("close", () => reject(new Error("Cannot serve SCTP")));
  });
}

function ask(from: Namespace, address: string, port: number): string {
  const { stdout, stderr } = from.run(["python3", "-c", client, address, String(port)]);
  return stdout.trim() || stderr;
}

const mapped = [mapping(9000, 90, "sctp"), mapping(9001, 91)];

async function judge({ container, addOutside }: Sandbox): Promise<void> {
  const outside = addOutside();
  await serve(container);
  for (const address of [hostAddress[4], hostAddress[6]]) {
    assert.equal(ask(outside, address, 9000), `${address} 9000 90`);
  }
  assert.equal(ask(outside, hostAddress[4], 9001), "silence", "that is a mapping of TCP");
}

sandbox("SCTP, IPv4 and IPv6", async (box) => {
  attach(box, portmap(mapped));
  await judge(box);
});

onlyOurs("SCTP by iptables", "its backend is iptables anyway", async (box) => {
  attach(box, portmap(mapped, { backend: "iptables" }));
  await judge(box);
});
