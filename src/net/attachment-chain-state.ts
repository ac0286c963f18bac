/** What there is in the kernel of a feature, and of one attachment's part in it. */
import type { Netns } from "../kernel/netns.ts";
import { askChain, askElement, askTable, Nft, type Question } from "../kernel/nft.ts";
import { target } from "../netlink/nftables/build.ts";
import type { Chain } from "../netlink/nftables/chain.ts";
import type { Element } from "../netlink/nftables/element.ts";
import type { Rule } from "../netlink/nftables/rule.ts";
import type { Table } from "../netlink/nftables/table.ts";
import { type Attachment, instanceHash } from "./attachment.ts";
import {
  chainName,
  distinct,
  type Feature,
  type Group,
  type MapKey,
  type OwnChain,
} from "./chain-feature.ts";

/**
 * Asks all it can in one write: `questions` are for `Nft.look`, and the rest for afterwards. Where
 * nothing is wanted, first only whether the attachment has anything: most features have nothing of it.
 */
export class Seen {
  readonly feature: Feature;
  readonly #table: Question<Table>;
  readonly #hooks: readonly Question<Chain>[];
  readonly #chains: readonly { name: string; question: Question<Chain> }[];
  readonly #elements: readonly { key: MapKey; question: Question<Element> }[];
  readonly #ownKeys: MapKey[] = [];
  readonly #wanted: readonly { group: Group; question: Question<Chain> }[];
  #joined = new Joined();
  readonly #owner: string | undefined;
  readonly #isLeaving: boolean;

  /** @param wanted the chains that are going to be, whose keys may be there already */
  constructor(feature: Feature, attachment?: Attachment, wanted: readonly OwnChain[] = []) {
    this.feature = feature;
    this.#owner = attachment && instanceHash(attachment);
    this.#isLeaving = attachment !== undefined && wanted.length === 0;
    this.#table = askTable(feature);
    this.#hooks = feature.hooks.map(({ name }) => askChain(feature, name));
    const prefixes = attachment ? feature.prefixes : [];
    const names = prefixes.map((prefix) => chainName(prefix, attachment as Attachment));
    this.#chains = names.map((name) => ({ name, question: askChain(feature, name) }));
    this.#elements = askElements(
      feature,
      wanted.flatMap(({ keys }) => keys),
    );
    const groups = new Map(wanted.flatMap((own) => own.groups ?? []).map((g) => [g.name, g]));
    this.#wanted = [...groups.values()].map((group) => {
      return { group, question: askChain(feature, group.name) };
    });
  }

  get questions(): Question<unknown>[] {
    const rows = [...this.#chains, ...this.#elements, ...this.#wanted];
    const shared = this.#isLeaving ? [] : [this.#table, ...this.#hooks];
    return [...shared, ...rows.map(({ question }) => question)];
  }

  /** What is asked of a feature that the attachment turned out to have something of. */
  get #laterQuestions(): Question<unknown>[] {
    const more = this.#isLeaving && this.own.length > 0 ? [this.#table, ...this.#hooks] : [];
    return [...more, ...this.#joined.questions];
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

  /** The names of the chains at hooks that are there. */
  get hooks(): string[] {
    const { hooks } = this.feature;
    return hooks.filter((_, i) => this.#hooks[i]?.answer).map(({ name }) => name);
  }

  /** Whether nobody needs the table once `count` chains of attachments and groups are gone. */
  isLeftWith(count: number): boolean {
    const { maps } = this.feature;
    const mayGo = this.#hooks.every(({ answer }) => answer);
    return mayGo && this.#table.answer?.use === this.hooks.length + maps.length + count;
  }

  /** The groups that are wanted. */
  get wantedGroups(): { group: Group; isThere: boolean }[] {
    return this.#wanted.map(({ group, question: { answer } }) => {
      return { group, isThere: answer !== undefined };
    });
  }

  /** The groups that nobody is in once the attachment has left those that are not wanted. */
  get emptiedGroups(): string[] {
    const wanted = this.#wanted.map(({ group }) => group.name);
    return this.#joined.emptied.filter((name) => !wanted.includes(name));
  }

  /** The names of the attachment's chains that are there. */
  get own(): string[] {
    return this.#chains.filter(({ question }) => question.answer).map(({ name }) => name);
  }

  /** Reads which keys the attachments' chains stand for, and whether these still lead to them. */
  static readOwnKeys(host: Netns, all: readonly Seen[]): void {
    const asked = all.flatMap((seen) => {
      const rules = seen.own.flatMap((name) => host.use(Nft).rules(seen.feature, name));
      seen.#joined = new Joined(seen.feature, rules);
      const keys = distinct(rules.flatMap(seen.feature.keysOf));
      return askElements(seen.feature, keys).map((row) => ({ seen, ...row }));
    });
    const more = all.flatMap((seen) => seen.#laterQuestions);
    const questions = [...asked.map(({ question }) => question), ...more];
    if (questions.length > 0) host.use(Nft).look(questions);
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

/** The groups that chains of attachments are in. */
export class Joined {
  readonly #groups: { name: string; members: number; question: Question<Chain> }[];

  /** @param rules of all chains that are going */
  constructor(feature?: Feature, rules: readonly Rule[] = []) {
    const counts = new Map<string, number>();
    for (const { expressions } of rules) {
      const name = target(expressions);
      if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    this.#groups = [...counts].map(([name, members]) => {
      return { name, members, question: askChain(feature as Feature, name) };
    });
  }

  get questions(): Question<Chain>[] {
    return this.#groups.map(({ question }) => question);
  }

  /** The names of those that nobody else is in, once the questions are answered. */
  get emptied(): string[] {
    const isEmptied = ({ members, question }: { members: number; question: Question<Chain> }) =>
      question.answer?.use === members + 1; // its own rule
    return this.#groups.filter(isEmptied).map(({ name }) => name);
  }
}

function askElements(feature: Feature, keys: readonly MapKey[]) {
  return keys.map((key) => ({ key, question: askElement(feature, key.map, key.key) }));
}
