/** Removing what other programs made with nf_tables, among them `iptables-nft`. */
import type { Netns } from "../kernel/netns.ts";
import { askChain, Nft } from "../kernel/nft.ts";
import * as nft from "../kernel/nft-changes.ts";
import { NftUnsupported } from "../kernel/nft-support.ts";
import { target } from "../netlink/nftables/build.ts";
import type { Rule } from "../netlink/nftables/rule.ts";

/**
 * Removes chains, and the rules in the chain `from` that jump to the first of them. The chains are
 * looked up by name first: nothing is listed if there are none.
 *
 * @param isOurs which of the jumps to remove; the chains stay while another jump is left
 */
export function removeChains(
  host: Netns,
  table: nft.TableName,
  chains: readonly string[],
  from: string,
  isOurs: (jump: Rule) => boolean = () => true,
): void {
  host.use(Nft).retry(() => {
    const questions = chains.map((chain) => askChain(table, chain));
    const generation = host.use(Nft).look(questions);
    const present = chains.filter((_, i) => questions[i]?.answer);
    if (present.length === 0) return;
    const rules = host.use(Nft).rules(table, from);
    const jumps = rules.filter(({ expressions }) => target(expressions) === chains[0]);
    const going = jumps.filter(isOurs);
    const changes = going.map(({ handle }) => nft.removeRule(table, from, handle as number));
    if (going.length === jumps.length) {
      changes.push(...present.map((chain) => nft.removeChain(table, chain)));
    }
    host.use(Nft).commit(changes, generation);
  });
}

/** The comment of a rule, also where `iptables-nft` made it an extension (struct xt_comment_info). */
export function commentOf({ userdata, expressions }: Rule): string {
  if (userdata?.comment !== undefined) return userdata.comment;
  for (const { kind, data } of expressions ?? []) {
    if (kind !== "match") continue;
    const { name, info } = data as { name?: string; info?: Uint8Array };
    if (name === "comment" && info) return untilNul(info);
  }
  return "";
}

function untilNul(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    if (byte === 0) break;
    text += String.fromCharCode(byte);
  }
  return text;
}

/** Does it, unless the kernel has no nf_tables: then nobody can have made anything with it. */
export function whereSupported(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof NftUnsupported)) throw error;
  }
}
