/** In which order the addresses of a set are tried. Pure: whether one is free, the caller knows. */
import { equal } from "../addr/bytes.ts";
import { type Ip, next } from "../addr/ip.ts";
import { type Range, type RangeSet, rangeOf } from "./range.ts";

export interface Candidate {
  ip: Ip;
  /** The range that the address is from. */
  range: Range;
}

/**
 * Each address of the set once, never a range's own gateway.
 *
 * The addresses go round: from the one after `last` to the end of its range, through the ranges that
 * follow, from the first range on again, and `last` itself comes at the end. Without `last`, or with
 * one that is not in the set, the first range's start comes first.
 *
 * Reference: plugins/ipam/host-local/backend/allocator/allocator.go, RangeIter.
 */
export function* candidates(set: RangeSet, last?: Ip): Generator<Candidate, void> {
  const [first] = set;
  if (!first) return;
  const home = last && rangeOf(set, last);
  const start = home ? following(set, home, last) : { ip: first.start, range: first };
  let place = start;
  do {
    if (!equal(place.ip, place.range.gateway)) yield place;
    place = following(set, place.range, place.ip);
  } while (!equal(place.ip, start.ip));
}

function following(set: RangeSet, range: Range, ip: Ip): Candidate {
  if (!equal(ip, range.end)) return { ip: next(ip), range };
  const other = set[(set.indexOf(range) + 1) % set.length] ?? range;
  return { ip: other.start, range: other };
}
