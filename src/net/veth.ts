import { CniError, explained } from "../cni/errors.ts";
import type { Undo } from "../cni/undo.ts";
import { isKernelError } from "../kernel/errors.ts";
import type { Link } from "../kernel/links.ts";
import type { Netns } from "../kernel/netns.ts";
import type { Attachment } from "./attachment.ts";
import { randomVethName } from "./names.ts";
import { hostVethName } from "./ownership.ts";

export interface VethRequest {
  attachment: Attachment;
  host: Netns;
  container: Netns;
  undo: Undo;
  /** Default: the kernel's. */
  mtu?: number | undefined;
  /** The container end's; default: a random one. */
  mac?: string | undefined;
  /** The bridge that the host end becomes a port of. */
  master?: Link | undefined;
}

/**
 * Makes the pair with one message: the host end with its master, the container end under its final
 * name in the container. Both are down afterwards.
 *
 * Reference: pkg/ip/link_linux.go (SetupVeth). Differs on purpose: the host end's name is derived
 * from the attachment, and a name that is taken on the host is retried.
 */
export function addVeth(request: VethRequest): Link {
  const { attachment, host, container, undo, mtu, mac, master } = request;
  let name = hostVethName(attachment);
  for (let tries = 10; ; tries--) {
    try {
      const link = host.links.add({
        name,
        mtu,
        master: master?.index,
        info: {
          kind: "veth",
          data: { peer: { name: attachment.ifName, netns: container, mtu, mac } },
        },
      });
      undo.push("delete the veth pair", () => host.links.remove(link.index));
      return link;
    } catch (error) {
      if (!isKernelError(error, "EEXIST")) giveUp(error);
      if (container.links.find(attachment.ifName)) {
        throw new CniError(
          "Internal",
          `container veth name ("${attachment.ifName}") peer provided ("${name}") already exists`,
        );
      }
      if (tries === 0) giveUp(error);
      name = randomVethName();
    }
  }
}

function giveUp(error: unknown): never {
  return explained("failed to make veth pair", () => {
    throw error;
  });
}
