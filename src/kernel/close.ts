import { constants, isSystemError, sys } from "../sys/sys.ts";

/**
 * close(2) where the work is done. Whatever it says, the descriptor is gone (as Linux has it), and
 * what was made is not taken back for it.
 */
export function closeQuietly(fd: number): void {
  quietly(() => sys.close(fd));
}

/** For a system call whose failure changes nothing for the caller. */
export function quietly(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!isSystemError(error)) throw error;
  }
}

/**
 * Closes a socket of NETLINK_NETFILTER, and lets the kernel alone wait for it.
 *
 * Whoever closes one waits until whatever was deleted from the nf_tables of the namespace is freed, by
 * whomever: a grace period of RCU or two, 5 to 30 ms (`nft_rcv_nl_event` of
 * net/netfilter/nf_tables_api.c flushes that work). What was deleted is out of sight, so nothing is
 * gained by it, and a node that stops many containers waits for each of them again and again.
 *
 * Hence the socket is sent to a socket that is in flight to itself, so that nobody can reach either.
 * The kernel's collector of those closes them (net/unix/garbage.c), on newer kernels in a thread of
 * its own; on others it is as close(2).
 */
export function closeInBackground(fd: number): void {
  let pair: number[] = [];
  quietly(() => {
    pair = sys.socketpair(constants.AF_UNIX, constants.SOCK_DGRAM);
    const [receiving, sending] = pair as [number, number];
    sys.sendDescriptors(sending, [fd, receiving]);
  });
  // The collector looks when the one that sent is closed: last.
  for (const each of [fd, ...pair]) closeQuietly(each);
}
