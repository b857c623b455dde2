/** The workloads in EliCS, its checks off and its typed arrays read by the index of an entity. */
import { createComponent, type Entity, Types, World as ElicsWorld } from "elics";
import { factors, startOf, weigh, type World } from "./world.ts";

/** No two components may have one name, in any world. */
let components = 0;

function componentOf() {
  return createComponent(`Value${components++}`, { value: { type: Types.Float32, default: 0 } });
}

type Component = ReturnType<typeof componentOf>;

function worldOf(entityCapacity: number, count: number) {
  const world = new ElicsWorld({ entityCapacity, checksOn: false });
  const all = Array.from({ length: count }, componentOf);
  for (const component of all) world.registerComponent(component);
  const add = (i: number, of: readonly number[]) => {
    const entity = world.createEntity();
    for (const component of of) {
      entity.addComponent(all[component], { value: startOf(i, component) });
    }
  };
  const queryOf = (...required: Component[]) =>
    world.queryManager.registerQuery({ required }).entities;
  return { world, all, add, queryOf };
}

function scale(entities: Set<Entity>, { data: { value } }: Component, factor: number): void {
  for (const { index } of entities) value[index] *= factor;
}

function swap(entities: Set<Entity>, a: Component, b: Component): void {
  const left = a.data.value, right = b.data.value;
  for (const { index } of entities) {
    const it = left[index];
    left[index] = right[index];
    right[index] = it;
  }
}

function weighAll(entities: Set<Entity>, all: readonly Component[]): string {
  const at = (component: number, i: number) => all[component].data.value[i];
  let sum = 0;
  for (const { index: i } of entities) {
    sum += weigh(at(0, i), at(1, i), at(2, i), at(3, i), at(4, i));
  }
  return String(sum);
}

export const elics: World = {
  packed(count) {
    const { all, add, queryOf } = worldOf(count, 5);
    const queries = all.map((component) => queryOf(component));
    for (let i = 0; i < count; i++) add(i, [0, 1, 2, 3, 4]);
    const next = factors();
    return {
      run() {
        const factor = next();
        for (let i = 0; i < all.length; i++) scale(queries[i], all[i], factor);
      },
      checksum: () => weighAll(queries[0], all),
    };
  },

  simple(count) {
    const { all, add, queryOf } = worldOf(count * 4, 5);
    const [a, b, c, d, e] = all;
    const ab = queryOf(a, b), cd = queryOf(c, d), ce = queryOf(c, e);
    for (let i = 0; i < count; i++) {
      for (const set of [[0, 1], [0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 4]]) add(i, set);
    }
    return {
      run() {
        swap(ab, a, b);
        swap(cd, c, d);
        swap(ce, c, e);
      },
      checksum: () => weighAll(ab, all),
    };
  },

  cycle(count) {
    const { world, all: [a, b], add, queryOf } = worldOf(count * 2, 2);
    const ofA = queryOf(a), ofB = queryOf(b);
    for (let i = 0; i < count; i++) add(i, [0]);
    let sum = 0;
    return {
      run() {
        for (const { index } of ofA) {
          world.createEntity().addComponent(b, { value: a.data.value[index] });
        }
        sum = 0;
        for (const entity of ofB) {
          sum += b.data.value[entity.index];
          entity.destroy();
        }
      },
      checksum: () => `${sum} ${ofA.size} ${ofB.size}`,
    };
  },
};
