/** Rules that pick the routing table, of one namespace: `ip rule`. */
import { type Cidr, formatCidr } from "../addr/cidr.ts";
import { messageFlags } from "../netlink/message.ts";
import { routeTables } from "../netlink/route/route.ts";
import { type RuleMessage, type RuleRequest, ruleMessage } from "../netlink/route/rule.ts";
import { routeTypes } from "../netlink/route/types.ts";
import { isKernelError } from "./errors.ts";
import { type Family, familyNamed, familyNumber } from "./family.ts";
import type { Netns } from "./netns.ts";
import { type Request, request } from "./socket.ts";
import { fromWire, toWire } from "./text.ts";

/** What packets a rule is about, and the table that they are looked up in. */
export interface Rule {
  family: Family;
  /** The lower, the sooner it is asked. The kernel's own have 0, 32766 and 32767. */
  priority: number;
  /** Absent: from anywhere. */
  from?: Cidr;
  to?: Cidr;
  /** 0 for actions that need none. */
  table: number;
  action: RuleMessage["action"];
  iif?: string;
  oif?: string;
  mark?: number;
  mask?: number;
  /** Of who made it. */
  protocol?: RuleMessage["protocol"];
  invert?: boolean;
}

/** A rule to add or remove; what `list` returns is one. */
export interface RuleSpec {
  /** Default: that of `from` or `to`. */
  family?: Family | undefined;
  /** Default: the kernel takes one before all that are there, but not before 0. */
  priority?: number | undefined;
  from?: Cidr | undefined;
  to?: Cidr | undefined;
  table?: number | undefined;
  /** Default: look it up in `table`. */
  action?: RuleMessage["action"] | undefined;
  iif?: string | undefined;
  oif?: string | undefined;
  mark?: number | undefined;
  mask?: number | undefined;
  /** Default when adding: boot, as `ip rule` has it. */
  protocol?: RuleMessage["protocol"] | undefined;
  invert?: boolean | undefined;
}

/** The routing rules of one namespace: `netns.use(Rules)`. */
export class Rules {
  readonly #netns: Netns;

  constructor(netns: Netns) {
    this.#netns = netns;
  }

  /** `ip rule show`, of one family or both, IPv4 first. */
  list(family?: Family): Rule[] {
    const families = family ? [family] : ([4, 6] as const);
    return families.flatMap((one) => {
      const asked = { family: familyNumber(one) };
      return this.#netns.socket
        .dump(request(routeTypes.getRule, 0, ruleMessage, asked, "list rules"), ruleMessage)
        .flatMap((message) => ruleOf(message) ?? [])
        .filter((rule) => rule.family === one);
    });
  }

  /** `ip rule add ...`. A KernelError with code EEXIST: it is there already. */
  add(spec: RuleSpec): void {
    this.addAll([spec]);
  }

  /** As `add`, all in one write. */
  addAll(specs: readonly RuleSpec[]): void {
    const flags = messageFlags.create | messageFlags.exclusive;
    this.#netns.socket.transact(
      specs.map((spec): Request => {
        const message = ruleRequest({ action: "table", protocol: "boot", ...spec });
        const what = `add rule ${describe(spec)}`;
        return request(routeTypes.newRule, flags, ruleMessage, message, what);
      }),
    );
  }

  /**
   * `ip rule delete ...`: the first rule that agrees in all that is said.
   * @returns false if there was none
   */
  remove(spec: RuleSpec): boolean {
    const what = `delete rule ${describe(spec)}`;
    try {
      this.#netns.socket.transact([
        request(routeTypes.deleteRule, 0, ruleMessage, ruleRequest(spec), what),
      ]);
      return true;
    } catch (error) {
      if (isKernelError(error, "ENOENT")) return false;
      throw error;
    }
  }
}

function describe({ from, to, iif, oif, table, priority }: RuleSpec): string {
  const words: string[] = [];
  if (from) words.push(`from ${formatCidr(from)}`);
  if (to) words.push(`to ${formatCidr(to)}`);
  if (iif !== undefined) words.push(`iif ${iif}`);
  if (oif !== undefined) words.push(`oif ${oif}`);
  if (table !== undefined) words.push(`lookup ${table}`);
  if (priority !== undefined) words.push(`priority ${priority}`);
  return words.join(" ");
}

function ruleRequest(spec: RuleSpec): RuleRequest {
  const { family, from, to, table, action, iif, oif, priority, mark, mask, protocol } = spec;
  const address = from ?? to;
  const message: RuleRequest = {
    family: familyNumber(family ?? (address && address.ip.length === 16 ? 6 : 4)),
  };
  if (action !== undefined) message.action = action;
  if (spec.invert) message.flags = ["invert"];
  if (from && from.prefixLength > 0) {
    message.srcLength = from.prefixLength;
    message.src = from.ip;
  }
  if (to && to.prefixLength > 0) {
    message.dstLength = to.prefixLength;
    message.dst = to.ip;
  }
  if (table !== undefined && table < 256) message.shortTable = table;
  else if (table !== undefined) {
    message.shortTable = routeTables.compatible;
    message.table = table;
  }
  if (priority !== undefined) message.priority = priority;
  if (iif !== undefined) message.iif = toWire(iif);
  if (oif !== undefined) message.oif = toWire(oif);
  if (mark !== undefined) message.mark = mark;
  if (mask !== undefined) message.mask = mask;
  if (protocol !== undefined) message.protocol = protocol;
  return message;
}

function ruleOf(message: RuleMessage): Rule | undefined {
  const { src, dst, iif, oif, mark, mask, protocol, action, flags } = message;
  const family = familyNamed(message.family);
  if (!family) return undefined;
  const rule: Rule = {
    family,
    priority: message.priority ?? 0,
    table: message.table ?? message.shortTable,
    action,
  };
  if (src) rule.from = { ip: src, prefixLength: message.srcLength };
  if (dst) rule.to = { ip: dst, prefixLength: message.dstLength };
  if (iif !== undefined) rule.iif = fromWire(iif);
  if (oif !== undefined) rule.oif = fromWire(oif);
  if (mark !== undefined) rule.mark = mark;
  if (mask !== undefined) rule.mask = mask;
  if (protocol !== undefined) rule.protocol = protocol;
  if (flags.includes("invert")) rule.invert = true;
  return rule;
}
