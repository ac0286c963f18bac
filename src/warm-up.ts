/**
 * Makes what a call would make when it first needs it: the last module that is loaded before the
 * executable is frozen. What the engine itself leaves for later is settled without us.
 */
import { tails } from "./netlink/attr.ts";
import { namings } from "./netlink/codec.ts";

for (const tail of tails) tail.index();
for (const naming of namings) naming.index();
