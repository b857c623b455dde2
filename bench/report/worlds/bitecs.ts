/** The workloads in bitECS: a typed array by entity id is a component. */
import {
  addComponents,
  addEntity,
  createWorld,
  query,
  type QueryResult,
  removeEntity,
} from "bitecs";
import { factors, startOf, weigh, type World } from "./world.ts";

type Column = Float32Array;

/** A world with columns for so many entities, whose ids start at 1. */
function worldOf(entities: number, components: number) {
  const world = createWorld();
  const columns = Array.from({ length: components }, () => new Float32Array(entities + 1));
  const add = (i: number, of: readonly number[]) => {
    const eid = addEntity(world);
    addComponents(world, eid, of.map((component) => columns[component]));
    for (const component of of) columns[component][eid] = startOf(i, component);
  };
  return { world, columns, add };
}

function scale(eids: QueryResult, column: Column, factor: number): void {
  for (const eid of eids) column[eid] *= factor;
}

function swap(eids: QueryResult, a: Column, b: Column): void {
  for (const eid of eids) {
    const it = a[eid];
    a[eid] = b[eid];
    b[eid] = it;
  }
}

function weighAll(eids: QueryResult, [a, b, c, d, e]: readonly Column[]): string {
  let sum = 0;
  for (const eid of eids) sum += weigh(a[eid], b[eid], c[eid], d[eid], e[eid]);
  return String(sum);
}

export const bitecs: World = {
  packed(count) {
    const { world, columns, add } = worldOf(count, 5);
    for (let i = 0; i < count; i++) add(i, [0, 1, 2, 3, 4]);
    const next = factors();
    return {
      run() {
        const factor = next();
        for (const column of columns) scale(query(world, [column]), column, factor);
      },
      checksum: () => weighAll(query(world, [columns[0]]), columns),
    };
  },

  simple(count) {
    const { world, columns, add } = worldOf(count * 4, 5);
    const [a, b, c, d, e] = columns;
    for (let i = 0; i < count; i++) {
      for (const set of [[0, 1], [0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 4]]) add(i, set);
    }
    return {
      run() {
        swap(query(world, [a, b]), a, b);
        swap(query(world, [c, d]), c, d);
        swap(query(world, [c, e]), c, e);
      },
      checksum: () => weighAll(query(world, [a]), columns),
    };
  },

  cycle(count) {
    const { world, columns: [a, b], add } = worldOf(count * 2, 2);
    for (let i = 0; i < count; i++) add(i, [0]);
    let sum = 0;
    return {
      run() {
        for (const eid of query(world, [a])) {
          const made = addEntity(world);
          addComponents(world, made, b);
          b[made] = a[eid];
        }
        sum = 0;
        for (const eid of query(world, [b])) {
          sum += b[eid];
          removeEntity(world, eid);
        }
      },
      checksum: () => `${sum} ${query(world, [a]).length} ${query(world, [b]).length}`,
    };
  },
};
