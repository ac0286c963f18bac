/** What there is in the kernel of a feature, and of one attachment's part in it. */
import type { Netns } from "../kernel/netns.ts";
import { askChain, askElement, askTable, Nft, type Question } from "../kernel/nft.ts";
import type { Chain } from "../netlink/nftables/chain.ts";
import type { Element } from "../netlink/nftables/element.ts";
import type { Table } from "../netlink/nftables/table.ts";
import { type Attachment, instanceHash } from "./attachment.ts";
import { chainName, distinct, type Feature, type MapKey, type OwnChain } from "./feature.ts";

/** Asks all it can in one write: `questions` are for `Nft.look`, and the rest for afterwards. */
export class Seen {
  readonly feature: Feature;
  readonly #table: Question<Table>;
  readonly #hooks: readonly Question<Chain>[];
  readonly #chains: readonly { name: string; question: Question<Chain> }[];
  readonly #elements: readonly { key: MapKey; question: Question<Element> }[];
  readonly #ownKeys: MapKey[] = [];
  readonly #owner: string | undefined;

  /** @param wanted the chains that are going to be, whose keys may be there already */
  constructor(feature: Feature, attachment?: Attachment, wanted: readonly OwnChain[] = []) {
    this.feature = feature;
    this.#owner = attachment && instanceHash(attachment);
    this.#table = askTable(feature);
    this.#hooks = feature.hooks.map(({ name }) => askChain(feature, name));
    const prefixes = attachment ? feature.prefixes : [];
    const names = prefixes.map((prefix) => chainName(prefix, attachment as Attachment));
    this.#chains = names.map((name) => ({ name, question: askChain(feature, name) }));
    this.#elements = askElements(
      feature,
      wanted.flatMap(({ keys }) => keys),
    );
  }

  get questions(): Question<unknown>[] {
    const rows = [...this.#chains, ...this.#elements];
    return [this.#table, ...this.#hooks, ...rows.map(({ question }) => question)];
  }

  exists(): boolean {
    return this.#table.answer !== undefined;
  }

  /** Whether what all attachments share is there. `nft flush table` leaves chains without rules. */
  isFounded(): boolean {
    const isWhole = ({ answer }: Question<Chain>, i: number) =>
      answer?.use === this.feature.hooks[i]?.rules.length;
    return this.exists() && this.#hooks.every(isWhole);
  }

  /** Whether no attachment is left once `count` chains of attachments are gone. */
  isLeftWith(count: number): boolean {
    const { hooks, maps } = this.feature;
    if (!this.#hooks.every(({ answer }) => answer)) return false;
    return this.#table.answer?.use === hooks.length + maps.length + count;
  }

  /** The names of the attachment's chains that are there. */
  get own(): string[] {
    return this.#chains.filter(({ question }) => question.answer).map(({ name }) => name);
  }

  /** Reads which keys the attachments' chains stand for, and whether these still lead to them. */
  static readOwnKeys(host: Netns, all: readonly Seen[]): void {
    const asked = all.flatMap((seen) => {
      const rules = seen.own.flatMap((name) => host.use(Nft).rules(seen.feature, name));
      const keys = distinct(rules.flatMap(seen.feature.keysOf));
      return askElements(seen.feature, keys).map((row) => ({ seen, ...row }));
    });
    if (asked.length > 0) host.use(Nft).look(asked.map(({ question }) => question));
    for (const { seen, key, question } of asked) {
      if (question.answer && seen.#owns(question.answer)) seen.#ownKeys.push(key);
    }
  }

  #owns({ data, userdata }: Element): boolean {
    const chain = data?.verdict?.chain;
    if (chain !== undefined) return this.own.includes(chain);
    return this.#owner !== undefined && userdata?.comment?.startsWith(this.#owner) === true;
  }

  /** The keys that are there: those of the attachment, and those wanted that lead elsewhere. */
  oldKeys(): MapKey[] {
    const taken = this.#elements.filter(({ question }) => question.answer).map(({ key }) => key);
    return distinct([...this.#ownKeys, ...taken]);
  }
}

function askElements(feature: Feature, keys: readonly MapKey[]) {
  return keys.map((key) => ({ key, question: askElement(feature, key.map, key.key) }));
}
