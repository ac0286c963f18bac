"""Answers what DHCP clients send with one of each thing that a reply can have wrong.

    python3 dhcp-garbage.py eth0
"""
import os
import socket
import struct
import sys

ETH_P_IP = 0x0800
COOKIE = bytes((99, 130, 83, 99))
SERVER = socket.inet_aton("10.9.0.66")
OFFERED = socket.inet_aton("10.9.0.67")


def internet_sum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def option(code, value):
    return bytes((code, len(value))) + value


def options(kind=2, server=SERVER):
    fields = [] if kind is None else [option(53, bytes((kind,)))]
    fields += [] if server is None else [option(54, server)]
    return b"".join(fields) + option(51, b"\0\0\x0e\x10") + option(1, b"\xff\xff\xff\0") + b"\xff"


def message(xid, mac, op=2, address=OFFERED, cookie=COOKIE, fields=None):
    head = struct.pack("!BBBBIHH", op, 1, 6, 0, xid, 0, 0) + bytes(4) + address + bytes(8)
    body = head + mac.ljust(16, b"\0") + bytes(192) + cookie
    return (body + (options() if fields is None else fields)).ljust(300, b"\0")


def packet(payload, ip_error=0, udp_error=0, udp_longer=0, fragment=0):
    target = b"\xff" * 4
    udp = struct.pack("!HHHH", 67, 68, len(payload) + 8 + udp_longer, 0) + payload
    pseudo = SERVER + target + struct.pack("!HH", 17, len(udp))
    udp = udp[:6] + struct.pack("!H", internet_sum(pseudo + udp) ^ udp_error) + udp[8:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 1, fragment, 64, 17, 0) + SERVER + target
    ip = ip[:10] + struct.pack("!H", internet_sum(ip) ^ ip_error) + ip[12:]
    return ip + udp


def replies(xid, mac):
    good = message(xid, mac)
    yield packet(good)[:60]  # truncated frame
    yield packet(good, ip_error=1)
    yield packet(good, udp_error=0x1234)
    yield packet(good, udp_longer=50)
    yield packet(good, fragment=0x2000)
    yield packet(good[:100])  # truncated message
    yield packet(message(xid, mac, cookie=b"nope"))
    yield packet(message(xid, mac, fields=b"\x35\x01\x02\x36\xf0"))  # malformed message
    yield packet(message(xid, mac, fields=options(server=b"\1\2\3")))  # malformed option
    yield packet(message(xid, mac, op=1))
    yield packet(message(xid, b"\2\0\0\0\0\1"))
    yield packet(message(xid ^ 1, mac))
    yield packet(message(xid, mac, fields=options(kind=None)))
    yield packet(message(xid, mac, fields=options(kind=7)))
    yield packet(message(xid, mac, fields=options(server=None)))
    yield packet(message(xid, mac, address=bytes(4)))
    for length in (0, 1, 7, 240, 300, 1400):
        yield packet(os.urandom(length))


def main(link):
    client_side = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IP))
    client_side.bind((link, ETH_P_IP))
    own = client_side.getsockname()[4]
    print("listening", flush=True)
    while True:
        frame = client_side.recv(2000)
        if frame[23] != 17 or struct.unpack("!H", frame[36:38])[0] != 67:
            continue
        bootp = frame[42:]
        xid, mac = struct.unpack("!I", bootp[4:8])[0], bootp[28:34]
        for reply in replies(xid, mac):
            client_side.send(b"\xff" * 6 + own + struct.pack("!H", ETH_P_IP) + reply)


main(sys.argv[1])
