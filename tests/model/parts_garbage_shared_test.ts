/** Parts, whole values and loops leave no garbage where pools share their code. */
import { claimsOf } from "./_parts_garbage.ts";

claimsOf(false);
