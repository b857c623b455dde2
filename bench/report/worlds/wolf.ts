/** The workloads in wolf-ecs, its queries walked by hand, as its documentation has it for speed. */
import { ECS, types } from "wolf-ecs";
import { factors, startOf, weigh, type World } from "./world.ts";

/** As the package declares it, and does not export it. */
type Query = ReturnType<ECS["createQuery"]>;

/** A component with one field. */
interface Component {
  readonly value: Float32Array;
}

function worldOf(entities: number, components: number) {
  const ecs = new ECS(entities);
  const all = Array.from(
    { length: components },
    (): Component => ecs.defineComponent({ value: types.f32 }),
  );
  const add = (i: number, of: readonly number[]) => {
    const id = ecs.createEntity();
    for (const component of of) {
      ecs.addComponent(id, all[component] as never); // its types want a tree of arrays
      all[component].value[id] = startOf(i, component);
    }
  };
  const queryOf = (...components: Component[]) =>
    ecs.createQuery(...components as unknown as Parameters<ECS["createQuery"]>); // which name no component
  return { ecs, all, add, queryOf };
}

function scale({ a }: Query, { value }: Component, factor: number): void {
  for (let i = 0; i < a.length; i++) {
    const ids = a[i].e;
    for (let j = ids.length - 1; j >= 0; j--) value[ids[j]] *= factor;
  }
}

function swap({ a }: Query, { value: left }: Component, { value: right }: Component): void {
  for (let i = 0; i < a.length; i++) {
    const ids = a[i].e;
    for (let j = ids.length - 1; j >= 0; j--) {
      const id = ids[j];
      const it = left[id];
      left[id] = right[id];
      right[id] = it;
    }
  }
}

function sizeOf({ a }: Query): number {
  return a.reduce((sum, { e }) => sum + e.length, 0);
}

function weighAll({ a }: Query, all: readonly Component[]): string {
  const at = (component: number, id: number) => all[component].value[id];
  let sum = 0;
  for (const { e } of a) {
    for (const id of e) sum += weigh(at(0, id), at(1, id), at(2, id), at(3, id), at(4, id));
  }
  return String(sum);
}

export const wolf: World = {
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
    const { ecs, all: [a, b], add, queryOf } = worldOf(count * 2, 2);
    const ofA = queryOf(a), ofB = queryOf(b);
    for (let i = 0; i < count; i++) add(i, [0]);
    let sum = 0;
    return {
      run() {
        for (let i = 0; i < ofA.a.length; i++) {
          const ids = ofA.a[i].e;
          for (let j = ids.length - 1; j >= 0; j--) {
            const made = ecs.createEntity();
            ecs.addComponent(made, b as never);
            b.value[made] = a.value[ids[j]];
          }
        }
        sum = 0;
        for (let i = 0; i < ofB.a.length; i++) {
          const ids = ofB.a[i].e;
          for (let j = ids.length - 1; j >= 0; j--) {
            sum += b.value[ids[j]];
            ecs.destroyEntity(ids[j]);
          }
        }
      },
      checksum: () => `${sum} ${sizeOf(ofA)} ${sizeOf(ofB)}`,
    };
  },
};
