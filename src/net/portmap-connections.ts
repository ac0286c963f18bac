/**
 * Connections that the kernel already keeps track of go on as they began, whatever the rules say now.
 * A UDP client that never stops would thus never reach a new container, or always the one before:
 * its connections are forgotten when a mapping comes or goes.
 */
import { equal, toHex } from "../addr/bytes.ts";
import type { Ip } from "../addr/ip.ts";
import { type Addressed, type Connection, Conntrack } from "../kernel/conntrack.ts";
import type { Netns } from "../kernel/netns.ts";
import type { IpFamily } from "./conditions.ts";

const udp = 17;

/** Where packets to a port of the host are to go from now on. */
export interface Service extends Omit<Addressed, "family"> {
  /** The container's address and port; absent: the mapping is gone. */
  server?: { ip: Ip; port: number };
}

/** One that was mapped, and is not any more. */
export interface LostService extends Service {
  family: IpFamily;
}

/**
 * Forgets the UDP connections to these ports of the host, but for those that lead where they should.
 * A connection through the host to the same port of another machine stays.
 * @returns how many they were
 */
function forgetStale(host: Netns, family: 4 | 6, services: readonly Service[]): number {
  const wanted = services.filter(({ protocol }) => protocol === udp);
  if (wanted.length === 0) return 0;
  const isHosts = memoized((ip) => host.routes.lookUp(ip)?.type === "local");
  const isStale = (connection: Connection) =>
    isHosts(connection.address) && !wanted.some((service) => leadsTo(service, connection));
  const addressed = wanted.map(({ server: _, ...rest }) => ({ ...rest, family }));
  return host.use(Conntrack).remove(addressed, isStale);
}

/**
 * Does so, and warns of what it did. A failure costs a client its old connection, at the worst: no reason
 * to fail.
 */
export function forget(
  host: Netns,
  family: IpFamily,
  services: readonly Service[],
  warn: (message: string) => void,
): void {
  const version = family === "ip" ? 4 : 6;
  try {
    const count = forgetStale(host, version, services);
    if (count > 0) warn(`forgot ${count} stale UDP connections over IPv${version}`);
  } catch (error) {
    const why = error instanceof Error ? error.message : error;
    warn(`stale UDP connections over IPv${version} may linger: ${why}`);
  }
}

function leadsTo({ port, address, server }: Service, connection: Connection): boolean {
  if (!server || port !== connection.port) return false;
  if (address && !equal(address, connection.address)) return false;
  const { server: ip, serverPort } = connection;
  return ip !== undefined && equal(ip, server.ip) && serverPort === server.port;
}

function memoized(ask: (ip: Ip) => boolean): (ip: Ip) => boolean {
  const known = new Map<string, boolean>();
  return (ip) => {
    const key = toHex(ip);
    const answer = known.get(key) ?? ask(ip);
    known.set(key, answer);
    return answer;
  };
}
