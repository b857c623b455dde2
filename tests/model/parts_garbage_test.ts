/** Parts, whole values and loops leave no garbage where pools have code of their own. */
import { CAN_COMPILE } from "../slab/_own_texts.ts";
import { claimsOf } from "./_parts_garbage.ts";

if (CAN_COMPILE) claimsOf(true);
