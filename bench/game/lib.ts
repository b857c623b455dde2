/**
 * What the contestants' programs import, in one module, so that it can be bundled for Node and Bun.
 */
export { Pool } from "../../mod.ts";
export { addComponent, addEntity, createWorld, query, removeEntity } from "bitecs";
export { createQuery, createWorld as createKootaWorld, trait } from "koota";
export { ECS } from "wolf-ecs";
