/** What identifies one interface of one container in one network, on every verb of CNI. */
export interface Attachment {
  /** The network's name: the config's `name`. */
  network: string;
  /** CNI_CONTAINERID. */
  containerId: string;
  /** CNI_IFNAME. */
  ifName: string;
}

/** The attachment that a call is about, with the network that it is in. */
export function attachmentOf(call: {
  network: string;
  attachment: Omit<Attachment, "network">;
}): Attachment {
  const { containerId, ifName } = call.attachment;
  return { network: call.network, containerId, ifName };
}

/** An attachment that the runtime still has, as GC names it (`cni.dev/valid-attachments`). */
export type ValidAttachment = Omit<Attachment, "network">;
