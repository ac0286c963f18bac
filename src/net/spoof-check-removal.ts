/** Removing the MAC spoof check, whoever set it up: we, or the Go bridge. */
import type { Netns } from "../kernel/netns.ts";
import type { Attachment, ValidAttachment } from "./attachment.ts";
import { collect, remove } from "./attachment-set-removal.ts";
import { whereSupported } from "./nft-remains.ts";
import { feature } from "./spoof-check-nft.ts";
import * as remains from "./spoof-check-remains.ts";

/** Removes what `setup` made, and what the Go bridge made for the same attachment. */
export function teardown(host: Netns, attachment: Attachment): void {
  whereSupported(() => {
    remove(host, [feature], attachment);
    remains.remove(host, attachment);
  });
}

/** Removes what belongs to attachments of `network` that are not among `valid`. */
export function gc(host: Netns, network: string, valid: readonly ValidAttachment[]): void {
  whereSupported(() => {
    collect(host, [feature], network, valid);
  });
}
