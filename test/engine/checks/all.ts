import { checkBytes } from "./bytes.ts";
import {
  checkClasses,
  checkErrors,
  checkFunctions,
  checkPromises,
  startPromises,
} from "./functions.ts";
import { checkKept } from "./kept.ts";
import { checkLost, checkReferences, checkScopes, loseObjects } from "./lifetimes.ts";
import { checkObjects } from "./objects.ts";
import { checkStrings, checkValues } from "./values.ts";

/** What can be checked at once. */
export function checkNow(): void {
  checkKept();
  checkValues();
  checkStrings();
  checkObjects();
  checkFunctions();
  checkErrors();
  checkClasses();
  checkScopes();
  checkReferences();
  checkBytes();
  startPromises();
  loseObjects();
}

/** What must have happened after a collection and the end of the current jobs. */
export function checkLater(): void {
  checkPromises();
  checkLost();
}
