/** Where the daemon's files are: the socket, and beside it the leases. */
import { utf8Length } from "../../addr/bytes.ts";
import { sha512Hex } from "../../kernel/digest.ts";
import { type Attachment, attachmentName } from "../client-id.ts";

export const defaultSocketPath = "/run/cni/dhcp.sock";

/** The directory of the leases: `/run/cni/dhcp` for `/run/cni/dhcp.sock`. */
export function leaseDirectory(socketPath: string): string {
  return socketPath.endsWith(".sock") ? socketPath.slice(0, -5) : `${socketPath}.leases`;
}

/** A name of this many bytes has room for the endings within NAME_MAX. */
const longestName = 200;

/** What a lease is called on disk, without its ending: `CID,NETWORK,IF`, or a digest of it. */
export function leaseName(attachment: Attachment): string {
  // Neither a container id nor a network's name can hold a comma.
  const name = attachmentName(attachment).replace(/\//g, ",");
  return utf8Length(name) <= longestName ? name : sha512Hex(name, 64);
}

/** What a lease file ends with. */
export const endings = {
  /** It is kept. */
  held: ".json",
  /** DEL came while no daemon ran: it is to be released. */
  unwanted: ".released",
} as const;

/** The command that starts a daemon for a socket. */
export function startCommand(program: string, socketPath: string): string {
  const flag = socketPath === defaultSocketPath ? "" : ` -socketpath ${socketPath}`;
  return `${program} daemon${flag}`;
}
