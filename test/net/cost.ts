/** What a piece of work costs in netlink messages. */
import { sys } from "../../src/sys/sys.ts";

/** Datagrams and bytes, each way. */
type Traffic = Record<"sent" | "sentBytes" | "received" | "receivedBytes", number>;

/** What crosses all netlink sockets while `act` runs. */
export function count(act: () => void): Traffic {
  const traffic = { sent: 0, sentBytes: 0, received: 0, receivedBytes: 0 };
  const { send, recv } = sys;
  sys.send = (fd, data, ...rest) => {
    traffic.sent++;
    traffic.sentBytes += data.length;
    return send(fd, data, ...rest);
  };
  sys.recv = (...args) => {
    const datagram = recv(...args);
    traffic.received++;
    traffic.receivedBytes += datagram.data.length;
    return datagram;
  };
  try {
    act();
  } finally {
    Object.assign(sys, { send, recv });
  }
  return traffic;
}
