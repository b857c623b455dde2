/**
 * The planted bugs, for `mutants.ts`: small faults of the kind that one makes.
 *
 * @module
 */

import { BYTE_MUTANTS } from "./_byte_mutants.ts";
import { type Mutant, of } from "./_mutant.ts";
import { SHARED_MUTANTS } from "./_shared_mutants.ts";

/** All of them, from the ground up. */
export const MUTANTS: readonly Mutant[] = [
  ...of("_chunk_memory.ts", [
    "block_test.ts",
    "survivors_test.ts",
    "model/overlap_test.ts",
    "pool_memory_test.ts",
    "pool_iteration_test.ts",
  ], [
    { what: "512 chunks get links of 1 byte", find: "[256, 65_536]", replace: "[512, 65_536]" },
    {
      what: "a link of bytes is written 1 byte too long, into the next chunk",
      find: "for (let i = 0; i < this.linkBytes; i++) this.u8[at + i]",
      replace: "for (let i = 0; i <= this.linkBytes; i++) this.u8[at + i]",
    },
    {
      what: "a link of bytes is read without its lowest byte",
      find: "for (let i = this.linkBytes - 1; i >= 0; i--)",
      replace: "for (let i = this.linkBytes - 1; i > 0; i--)",
    },
    {
      what: "a link of 2 bytes is written past its chunk",
      find: "this.u16[chunk * this.linkStride] = link",
      replace: "this.u16[(chunk + 1) * this.linkStride] = link",
    },
    {
      what: "the u16 lane that links go through is not laid",
      find: "this.linkStride > 0 ? LANE.u16 : 0",
      replace: "0",
    },
    {
      what: "a chunk is cleared but for its last word",
      find: "i < end; i++) i32[i] = 0",
      replace: "i < end - 1; i++) i32[i] = 0",
    },
    {
      what: "a chunk of bytes is cleared but for its last byte",
      find: "i < at + this.chunkBytes; i++",
      replace: "i < at + this.chunkBytes - 1; i++",
    },
    {
      what: "a large chunk is cleared but for its last byte",
      find: "this.u8.fill(0, at, at + this.chunkBytes)",
      replace: "this.u8.fill(0, at, at + this.chunkBytes - 1)",
    },
    {
      what: "a large chunk is cleared 1 byte into the next one",
      find: "this.u8.fill(0, at, at + this.chunkBytes)",
      replace: "this.u8.fill(0, at, at + this.chunkBytes + 1)",
    },
  ]),
  ...of("_block.ts", [
    "block_test.ts",
    "survivors_test.ts",
    "model/overlap_test.ts",
    "pool_memory_test.ts",
    "pool_iteration_test.ts",
  ], [
    {
      what: "the bitmap has no word for the chunks past the last 32",
      find: "(chunkCount + 31) >> 5;",
      replace: "Math.max(1, chunkCount >> 5);",
    },
    {
      what: "the search for a live chunk skips a word of the bitmap",
      find: "left = bits[word];",
      replace: "left = bits[++word];",
    },
    {
      what: "the search for a live chunk skips the first bit of a word",
      find: "left = bits[word];",
      replace: "left = bits[word] & -2;",
    },
    {
      what: "the search for a live chunk ends a chunk too early",
      find: "if (++word << 5 >= this.bump)",
      replace: "if (++word << 5 >= this.bump - 1)",
    },
    {
      what: "tags lie over the stamps",
      find: "new Uint8Array(books, stampsEnd)",
      replace: "new Uint8Array(books, words * 4, chunkCount)",
    },
    {
      what: "a block in the place of another forgets its generations",
      find: "      this.stamps.set(before.stamps);\n",
      replace: "",
    },
    {
      what: "a block in the place of another forgets how many chunks are retired",
      find: "      this.retired = before.retired;\n",
      replace: "",
    },
    {
      what: "a block in the place of another bumps into retired chunks",
      find: "      if (this.retired > 0) this.#linkAll();\n    }\n  }\n",
      replace: "    }\n  }\n",
    },
    {
      what: "a cleared block bumps into retired chunks",
      find: "    this.bump = 0;\n    if (this.retired > 0) this.#linkAll();\n",
      replace: "    this.bump = 0;\n",
    },
    {
      what: "a retired chunk is linked with the others",
      find: "      if (this.stamps[chunk] === 0) continue;\n",
      replace: "",
    },
    {
      what: "a cleared block keeps its live bits",
      find: "    this.liveBits.fill(0, 0, this.bump + 31 >> 5); // none is set beyond\n",
      replace: "",
    },
    {
      what: "a block that was given back keeps its lanes",
      find: "    this.detach();\n",
      replace: "",
    },
    {
      what: "the life of a debug view is that of the first record",
      find: "return this.stamps[offset / this.chunkBytes];",
      replace: "return this.stamps[0];",
    },
  ]),
  ...of("_slab.ts", [
    "pool_test.ts",
    "pool_memory_test.ts",
    "survivors_test.ts",
    "pool_iteration_test.ts",
    "pool_cursor_test.ts",
    "model/release_test.ts",
    "model/exhaustive_test.ts",
    "model/pool_model_test.ts",
    "model/soak_test.ts",
    "model/exhausted_test.ts",
  ], [
    {
      what: "an error tells the generation of another chunk",
      find: "block.stamps[index % chunkCount] >>> 1;",
      replace: "block.stamps[0] >>> 1;",
    },
    {
      what: "free() bumps no generation",
      find: "if (stamp !== this.lastStamp) return stamp + 1;",
      replace: "if (stamp !== this.lastStamp) return stamp - 1;",
    },
    {
      what: "clear() bumps no generation",
      find: "      block.stamps[chunk] = this.nextStamp(block, block.stamps[chunk]);\n",
      replace: "      block.stamps[chunk]--;\n",
    },
    {
      what: "clear() forgets that a generation may be the last",
      find: "      block.stamps[chunk] = this.nextStamp(block, block.stamps[chunk]);\n",
      replace: "      block.stamps[chunk]++;\n",
    },
    {
      what: "generations end one too late",
      find: "codec.maxGeneration * 2 + 1",
      replace: "codec.maxGeneration * 2 + 3",
    },
    {
      what: "generations end one too early",
      find: "codec.maxGeneration * 2 + 1",
      replace: "codec.maxGeneration * 2 - 1",
    },
    {
      what: "a chunk of wide handles starts again after its last generation",
      find: "    if (this.codec.wraps) return 2;\n",
      replace: "    return 2;\n",
    },
    {
      what: "a compact generation wraps to 0, so that a handle may be null",
      find: "    if (this.codec.wraps) return 2;\n",
      replace: "    if (this.codec.wraps) return 0;\n",
    },
    {
      what: "retired chunks are not counted",
      find: "    block.retired++;\n",
      replace: "",
    },
    {
      what: "a retired chunk goes into the free list",
      find: "    if (stamp !== 0) {",
      replace: "    if (stamp >= 0) {",
    },
    {
      what: "a freed chunk is linked to itself",
      find: "      block.writeLink(chunk, block.head);",
      replace: "      block.writeLink(chunk, chunk);",
    },
    {
      what: "a freed chunk is pushed twice",
      find: "      block.writeLink(chunk, block.head);\n      block.head = chunk;\n",
      replace:
        "      block.writeLink(chunk, block.head);\n      block.head = chunk;\n      block.writeLink(chunk, block.head);\n",
    },
    {
      what: "a freed chunk is not pushed",
      find: "      block.head = chunk;\n    }\n    if (--block.live",
      replace: "    }\n    if (--block.live",
    },
    {
      what: "alloc() takes the head of the list and leaves it there",
      find: "if (linked) block.head = block.readLink(chunk);",
      replace: "if (linked) block.readLink(chunk);",
    },
    {
      what: "alloc() passes a fresh chunk over",
      find: "else block.bump = bump + 1;",
      replace: "else block.bump = bump + 2;",
    },
    {
      what: "alloc() leaves the last chunk of a block out",
      find: "if (chunk === block.chunkCount || block.isGone(chunk))",
      replace: "if (chunk >= block.chunkCount - 1 || block.isGone(chunk))",
    },
    { what: "alloc() does not clear the chunk", find: "    block.zero(chunk);\n", replace: "" },
    {
      what: "alloc() sets the wrong live bit from chunk 16 on",
      find: "block.liveBits[chunk >> 5] |= 1 << (chunk & 31);",
      replace: "block.liveBits[chunk >> 5] |= 1 << (chunk & 15);",
    },
    {
      what: "free() leaves the live bit set",
      find: "    block.liveBits[chunk >> 5] &= ~(1 << (chunk & 31));\n",
      replace: "",
    },
    {
      what: "free() does not look at the generation",
      find: "if (block.stamps[chunk] !== codec.liveStamp(handle)) return false;",
      replace: "if ((block.stamps[chunk] & 1) === 0) return false;",
    },
    {
      what: "free() of the block past the last one",
      find: "    if (blockIndex >= blocks.length) return false;",
      replace: "    if (blockIndex > blocks.length) return false;",
    },
    {
      what: "a look-up does not look at the generation",
      find: "return block.stamps[index & this.chunkMask] === this.codec.liveStamp(handle)\n",
      replace: "return (block.stamps[index & this.chunkMask] & 1) === 1\n",
    },
    {
      what: "a full block that gets room again is not noted, where chunks are retired",
      find: "if (block.live + block.retired === block.chunkCount) this.markRoom(block);",
      replace: "if (block.live === block.chunkCount) this.markRoom(block);",
    },
    {
      what: "a block with a first record still counts as empty",
      find: "if (block.live++ === 0) this.emptyBlocks--;",
      replace: "block.live++;",
    },
    {
      what: "one empty block less than asked for is kept",
      find: "if (++this.emptyBlocks <= this.keepEmptyBlocks) return;",
      replace: "if (++this.emptyBlocks < this.keepEmptyBlocks) return;",
    },
    {
      what: "a block is given back that was reserved",
      find: "if (this.capacity - block.chunkCount >= this.reserved)",
      replace: "if (this.capacity >= this.reserved)",
    },
    {
      what: "a peak is noted too late, after the free",
      find: "    const size = this.allocs - this.frees++;",
      replace: "    const size = this.allocs - ++this.frees;",
    },
    { what: "clear() notes no peak", find: "    this.peak = this.peakSize;\n", replace: "" },
    { what: "clear() counts no frees", find: "    this.frees += block.live;\n", replace: "" },
    {
      what: "a cleared block does not count as empty",
      find: "    block.reset();\n    this.emptyBlocks++;\n",
      replace: "    block.reset();\n",
    },
    {
      what: "a cleared block is not noted as one with room",
      find: "    this.emptyBlocks++;\n    this.markRoom(block);\n  }\n\n  // -- snap",
      replace: "    this.emptyBlocks++;\n  }\n\n  // -- snap",
    },
    {
      what: "a block goes back while it is the current one",
      find: "    if (this.current === block) this.current = NO_BLOCK;\n",
      replace: "",
    },
    {
      what: "a block that went back is noted as one with room",
      find: "    this.roomBits[block.position >>> 5] &= ~(1 << (block.position & 31));\n",
      replace: "",
    },
    {
      what: "the place of a block that went back is not used again",
      find: "    if (block.position < this.vacant) this.vacant = block.position;\n",
      replace: "",
    },
    {
      what: "a block that went back counts as empty for ever",
      find: "    this.emptyBlocks--;\n    this.released++;\n",
      replace: "    this.released++;\n",
    },
    {
      what: "the region of a block is kept",
      find: "    this.memory.release(region);\n",
      replace: "",
    },
    {
      what: "freeBlock() forgets the records",
      find: "    this.clearBlock(block);\n    this.release(block);\n    return true;",
      replace: "    this.release(block);\n    return true;",
    },
    {
      what: "trim() gives back a block with one record",
      find: "if (block.live === 0) this.release(block);",
      replace: "if (block.live <= 1) this.release(block);",
    },
    {
      what: "trim() remembers what was reserved",
      find: "    this.reserved = 0;\n    for",
      replace: "    for",
    },
    {
      what: "reserve() forgets what was reserved",
      find: "    this.reserved = Math.max(this.reserved, chunks);\n",
      replace: "",
    },
    {
      what: "a word of the room bitmap is skipped",
      find: "if (word < this.roomWord) this.roomWord = word;",
      replace: "if (word < this.roomWord - 1) this.roomWord = word;",
    },
    {
      what: "room is noted in the wrong word from block 32 on",
      find: "this.roomBits[word] |= 1 << (position & 31);",
      replace: "this.roomBits[0] |= 1 << (position & 31);",
    },
    {
      what: "the search for room gives up a word after its first full block",
      find: "        left &= left - 1;\n",
      replace: "        left = 0;\n",
    },
    {
      what: "a worn-out block is grown again",
      find: "if (region === undefined && retired < chunkCount) break;",
      replace: "if (region === undefined) break;",
    },
    {
      what: "growing goes on one block past maxChunks",
      find: "if (position === this.maxBlocks) return undefined;",
      replace: "if (position > this.maxBlocks) return undefined;",
    },
    {
      what: "a block's region is asked for without alignment",
      find: "Math.max(8, align),",
      replace: "1,",
    },
    {
      what: "allocMany() counts retired chunks as room",
      find: "room += block.chunkCount - block.retired;",
      replace: "room += block.chunkCount;",
    },
    {
      what: "allocMany() leaves a chunk of maxChunks out",
      find: "if (count > this.maxChunks - this.size - this.retired) return false;",
      replace: "if (count >= this.maxChunks - this.size - this.retired) return false;",
    },
    {
      what: "what was grown stays where there is not enough",
      find: "      grown?.forEach((block) => this.release(block));\n",
      replace: "",
    },
    {
      what: "freeMany() takes a handle twice",
      find: "    if (((block.liveBits[chunk >> 5] & bit) !== 0) !== expected) return false;\n",
      replace: "",
    },
    {
      what: "a refused freeMany() leaves the last live bit off",
      find:
        "for (let i = 0; i < seen; i++) owner.slabOf(handles[i]).flipLiveBit(handles[i], false);",
      replace:
        "for (let i = 0; i < seen - 1; i++) owner.slabOf(handles[i]).flipLiveBit(handles[i], false);",
    },
    {
      what: "freeMany() leaves the first record live",
      find: "for (let i = 0; i < seen; i++) owner.slabOf(handles[i]).free(handles[i]);",
      replace: "for (let i = 1; i < seen; i++) owner.slabOf(handles[i]).free(handles[i]);",
    },
    {
      what: "forEach() visits a record that was freed meanwhile",
      find: "left &= left - 1 & liveBits[word];",
      replace: "left &= left - 1;",
    },
    {
      what: "forEach() forgets which records of a word it has seen",
      find: "left &= left - 1 & liveBits[word];",
      replace: "left = liveBits[word] & -2;",
    },
    {
      what: "forEach() visits the first of the rest of a block twice",
      find: "let left = liveBits[word] & (-2 << chunk);",
      replace: "let left = liveBits[word] & (-1 << chunk);",
    },
    {
      what: "forEach() skips the last word of the bitmap",
      find: "if (++word << 5 >= block.bump) return block.bump;",
      replace: "if (++word + 1 << 5 > block.bump) return block.bump;",
    },
    {
      what: "forEach() starts the rest of a block at its start",
      find: "let chunk = block.nextLive(from);",
      replace: "let chunk = block.nextLive(0);",
    },
    {
      what: "forEach() trusts that chunks below the mark are live",
      find: "if ((stamp & 1) === 0 || view._b !== block) break;",
      replace: "if (view._b !== block) break;",
    },
    {
      what: "forEach() trusts that nobody moves its view to another block",
      find: "if ((stamp & 1) === 0 || view._b !== block) break;",
      replace: "if ((stamp & 1) === 0) break;",
    },
    {
      what: "forEach() visits the first chunk, live or not",
      find: "if (bump > 0 && (stamps[0] & 1) !== 0) {",
      replace: "if (bump > 0) {",
    },
    {
      what: "forEach() trusts that nobody moves its view to another block, bit by bit",
      find: "while (view._b === block) {",
      replace: "while (block.region !== undefined) {",
    },
    {
      what: "forEach() ends where its view was moved to another block",
      find: "    return chunk + 1;\n",
      replace: "    return block.bump;\n",
    },
    {
      what: "forEach() visits a record again whose visit moved the view to another block",
      find: "    return chunk + 1;\n",
      replace: "    return chunk;\n",
    },
    {
      what: "forEach() counts bytes where its view counts words",
      find: "    const stride = this.chunkBytes >> view._shift;\n    let chunk = 0;",
      replace: "    const stride = this.chunkBytes;\n    let chunk = 0;",
    },
    {
      what: "forEach() starts at the second block",
      find: "for (let i = 0; i < this.blocks.length; i++) {\n      this.visit",
      replace: "for (let i = 1; i < this.blocks.length; i++) {\n      this.visit",
    },
    {
      what: "retain() counts what the predicate itself freed",
      find: "if (!pred(view, handle) && this.free(handle)) freed++;",
      replace: "if (!pred(view, handle)) freed += this.free(handle) ? 1 : 1;",
    },
  ]),
  ...of("_slab.ts", [
    "snapshot_test.ts",
    "model/snapshot_model_test.ts",
    "rebind_test.ts",
    "wasm_memory_test.ts",
    "model/soak_test.ts",
  ], [
    {
      what: "a snapshot's later blocks stay",
      find: "    this.blocks.length = mounted.length;\n",
      replace: "",
    },
    {
      what: "after a snapshot records come from another block",
      find: "this.current = current < 0 ? NO_BLOCK : this.blocks[current];",
      replace: "this.current = NO_BLOCK;",
    },
    {
      what: "after a snapshot no block counts as empty",
      find: "      if (block.live === 0) this.emptyBlocks++;\n",
      replace: "",
    },
    {
      what: "after a snapshot blocks with room are forgotten",
      find: "      if (block.live + block.retired < block.chunkCount) this.markRoom(block);\n",
      replace: "",
    },
    {
      what: "after a snapshot the peak is forgotten",
      find: "    this.peak = peakSize;\n",
      replace: "",
    },
    {
      what: "after a snapshot what was reserved is forgotten",
      find: "    this.reserved = reserved;\n",
      replace: "",
    },
    {
      what: "rebind() leaves the first block out",
      find: "for (const block of this.mounted()) block.mount();",
      replace: "for (const block of this.mounted().slice(1)) block.mount();",
    },
    {
      what: "a record is freed although its block is detached",
      find: '    if (block.isGone(chunk)) throw detachedError(this.label, "free", block);\n',
      replace: "",
    },
  ]),
  ...of("handle.ts", ["handle_test.ts", "model/exhaustive_test.ts"], [
    {
      what: "a compact generation has 1 bit too many",
      find: "    this.maxGeneration = (1 << generationBits) - 1;\n    this.indexMask",
      replace: "    this.maxGeneration = (2 << generationBits) - 1;\n    this.indexMask",
    },
    {
      what: "a compact handle loses a bit of its generation",
      find: "return (stamp >> 1) << this.indexBits | index;",
      replace: "return (stamp >> 1 & this.maxGeneration >> 1) << this.indexBits | index;",
    },
    {
      what: "a fraction passes for a compact handle",
      find: "(bare | this.first) === handle",
      replace: "(bare | this.first) === Math.floor(handle)",
    },
    {
      what: "a handle of another part passes for one of this",
      find: "(bare | this.first) === handle ?",
      replace: "(handle | 0) === handle ?",
    },
    {
      what: "the highest bit of a compact index is lost",
      find: "this.indexMask = (1 << indexBits) - 1;",
      replace: "this.indexMask = (1 << indexBits - 1) - 1;",
    },
    {
      what: "a wide handle of the next part passes for one of this",
      find: "generation >= 0 && bare < this.bareRange ?",
      replace: "generation >= 0 ?",
    },
    {
      what: "a fraction passes for a wide handle",
      find:
        "const whole = generation * this.indexRange + this.index(handle) + this.first === handle;",
      replace: "const whole = true;",
    },
    {
      what: "a wide handle loses the high bits of its generation",
      find: "return (stamp >>> 1) * this.indexRange + index;",
      replace: "return (stamp >>> 1 & 0xffff) * this.indexRange + index;",
    },
  ]),
  ...of("_region.ts", ["region_test.ts", "survivors_test.ts"], [
    {
      what: "the alignment of a region is ignored",
      find: "byteOffset >= 0 && byteOffset % align === 0",
      replace: "byteOffset >= 0",
    },
    {
      what: "a region may be too small",
      find: "if (!(byteLength >= wanted))",
      replace: "if (!(byteLength >= 1))",
    },
    {
      what: "a region may end beyond its buffer",
      find: "return byteOffset + byteLength <= buffer.byteLength",
      replace: "return byteOffset <= buffer.byteLength",
    },
    { what: "a region that was refused is kept", find: "  memory.release(region);\n", replace: "" },
  ]),
  ...of("_record.ts", [
    "pool_refusals_test.ts",
    "pool_test.ts",
    "survivors_test.ts",
    "view_test.ts",
    "model/pool_model_test.ts",
  ], [
    {
      what: "an array may have an element too many",
      find: "items.length > slot.length) return false;",
      replace: "items.length > slot.length + 1) return false;",
    },
    {
      what: "the elements of an array are not checked",
      find: "    if (!fits(slot.element, items[i])) return false;\n",
      replace: "",
    },
    {
      what: "the fields of a nested struct are not checked",
      find: "return fitsRecord(slot.plan!, value);",
      replace: "return true;",
    },
    {
      what: "an unknown field is passed over",
      find: "      if (isViewState(name)) continue;\n      return false;",
      replace: "      continue;",
    },
    {
      what: "a link takes numbers of more than 32 bits",
      find: "return value >>> 0 === value;",
      replace: "return value >= 0;",
    },
    {
      what: "array elements are written over each other",
      find: "writeSlot(lanes, start + i * slot.stride, slot.element, items[i]);",
      replace: "writeSlot(lanes, start, slot.element, items[i]);",
    },
    {
      what: "the fields of a nested struct are written at its parent's start",
      find: "return writeSlots(lanes, start, slot.plan!, value as object);",
      replace: "return writeSlots(lanes, at, slot.plan!, value as object);",
    },
    {
      what: "a field that is undefined is written",
      find: "    if (value !== undefined) writeSlot(lanes, at, slot, value);",
      replace: "    writeSlot(lanes, at, slot, value ?? 0);",
    },
    {
      what: "a key is taken for the field in its place",
      find: "slots[guess].name === name ? slots[guess] :",
      replace: 'slots[guess].name !== "" ? slots[guess] :',
    },
  ]),
  ...of("_lanes.ts", [
    "view_test.ts",
    "schema_test.ts",
    "model/schema_model_test.ts",
    "block_test.ts",
    "erased_pool_test.ts",
    "survivors_test.ts",
  ], [
    {
      what: "an i16 loses its sign",
      find: "return lanes.u16[at >> 1] << 16 >> 16;",
      replace: "return lanes.u16[at >> 1];",
    },
    {
      what: "an i8 loses its sign",
      find: "return lanes.u8[at] << 24 >> 24;",
      replace: "return lanes.u8[at];",
    },
    {
      what: "a u32 gets a sign",
      find: "return lanes.i32[at >> 2] >>> 0;",
      replace: "return lanes.i32[at >> 2];",
    },
    {
      what: "a u64 gets a sign",
      find: "return BigInt.asUintN(64, lanes.i64[at >> 3]);",
      replace: "return lanes.i64[at >> 3];",
    },
    {
      what: "the f64 lane starts at the buffer's start",
      find: "new Float64Array(buffer, at, bytes >> 3)",
      replace: "new Float64Array(buffer, 0, bytes >> 3)",
    },
    {
      what: "the i64 lane is half as long",
      find: "new BigInt64Array(buffer, at, bytes >> 3)",
      replace: "new BigInt64Array(buffer, at, bytes >> 4)",
    },
    {
      what: "a nested struct's lanes are forgotten",
      find: "element instanceof Struct ? lanesOf(element) :",
      replace: "element instanceof Struct ? 0 :",
    },
    {
      what: "chunks aligned to 8 bytes get no lane of 8 bytes",
      find: "if (align >= 8) lanes",
      replace: "if (align > 8) lanes",
    },
    {
      what: "a block that was given back keeps its f32 lane",
      find: "    this.f32 = NO_F32;\n",
      replace: "",
    },
  ]),
  ...of("_view.ts", [
    "view_test.ts",
    "survivors_test.ts",
    "pool_cursor_test.ts",
    "pool_test.ts",
    "debug_test.ts",
    "debug_leaks_test.ts",
    "model/schema_model_test.ts",
  ], [
    {
      what: "an array view reads an element past its end",
      find: "i >= 0 && i < this.length",
      replace: "i >= 0 && i <= this.length",
    },
    { what: "an array view takes fractions", find: "|| !Number.isInteger(i)", replace: "" },
    {
      what: "an array in a nested struct is looked for at the record's start",
      find: "return new ArrayView(this._r, (this._at << shift) + offset, type);",
      replace: "return new ArrayView(this._r, offset, type);",
    },
    {
      what: "a struct in a nested struct is looked for at the record's start",
      find: "return new Part(this._r, (this._at << shift) + offset);",
      replace: "return new Part(this._r, offset);",
    },
    {
      what: "an i8 loses its sign in a view",
      find: "i8: (at) => ({ get() { return this._b.u8[this._o + at] << 24 >> 24; }",
      replace: "i8: (at) => ({ get() { return this._b.u8[this._o + at]; }",
    },
    {
      what: "an i16 loses its sign in a nested view",
      find: "return r._b.u16[(r._o + this._at << 1) + at] << 16 >> 16;",
      replace: "return r._b.u16[(r._o + this._at << 1) + at];",
    },
    {
      what: "a u64 in a nested view is read one record on",
      find: "return BigInt.asUintN(64, r._b.i64[(r._o + this._at >> 1) + at]);",
      replace: "return BigInt.asUintN(64, r._b.i64[(r._o + this._at >> 1) + at + 1]);",
    },
    {
      what: "a bool is true for a byte of 1 alone",
      find: "bool: (at) => ({ get() { return this._b.u8[this._o + at] !== 0; }",
      replace: "bool: (at) => ({ get() { return this._b.u8[this._o + at] === 1; }",
    },
    {
      what: "a view writes any number into a link",
      find: "set(v: number) { this._b.i32[this._o + at] = checkRef(v, name); }",
      replace: "set(v: number) { this._b.i32[this._o + at] = v; }",
    },
    {
      what: "a byte of a record that is counted in words is looked for in bytes",
      find: "u8: (at) => ({ get() { return this._b.u8[(this._o << 2) + at]; }",
      replace: "u8: (at) => ({ get() { return this._b.u8[this._o + at]; }",
    },
    {
      what: "a short of a record that is counted in bytes is looked for in shorts",
      find: "u16: (at) => ({ get() { return this._b.u16[(this._o >> 1) + at]; }",
      replace: "u16: (at) => ({ get() { return this._b.u16[this._o + at]; }",
    },
    {
      what: "a struct of bytes trusts that the record around it is counted in bytes",
      find:
        "u8: (at) => ({ get() { const r = this._r; return r._b.u8[(r._o << r._shift) + this._at + at]; }",
      replace: "u8: (at) => ({ get() { const r = this._r; return r._b.u8[r._o + this._at + at]; }",
    },
    {
      what: "a struct of bytes is told its place in words",
      find: "return align >= 4 ? 2 : 0;",
      replace: "return 2;",
    },
    {
      what: "a debug view does not look whether its record is there",
      find: "if (life !== this.#life) throw",
      replace: "if (life < 0) throw",
    },
    {
      what: "debug views are those of everybody",
      find: "const classes = debug ? debugClasses : recordClasses;",
      replace: "const classes = recordClasses;",
    },
  ]),
  ...of("schema.ts", ["schema_test.ts", "model/schema_model_test.ts", "types_test.ts"], [
    {
      what: "the alignment of a field is ignored",
      find: "it.offset = roundUp(end, it.align);",
      replace: "it.offset = end;",
    },
    {
      what: "the end of a record is not padded",
      find: "this.size = roundUp(end, this.align);",
      replace: "this.size = end;",
    },
    {
      what: "the alignment of a record is that of its first field",
      find: "Math.max(...placed.map((it) => it.align))",
      replace: "placed[0].align",
    },
    {
      what: "a compact layout has the narrow fields first",
      find: "b.align - a.align",
      replace: "a.align - b.align",
    },
    {
      what: "an array takes the room of one element less",
      find: "return { size: size * length, align, length };",
      replace: "return { size: size * (length - 1 || 1), align, length };",
    },
    {
      what: "an array may have no elements",
      find: "!Number.isInteger(length) || length < 1",
      replace: "!Number.isInteger(length) || length < 0",
    },
    {
      what: "a field may be called toJSON",
      find: 'new Set(["constructor", "toJSON"])',
      replace: 'new Set(["constructor"])',
    },
    {
      what: "a name may start with an underscore",
      find: 'if (field.startsWith("_")) {',
      replace: 'if (field.startsWith("__")) {',
    },
  ]),
  ...of("_walk.ts", [
    "pool_iteration_test.ts",
    "erased_iteration_test.ts",
    "pool_set_test.ts",
    "survivors_test.ts",
    "model/soak_test.ts",
    "model/pool_model_test.ts",
  ], [
    {
      what: "a walk takes dead chunks for live",
      find: "if (chunk < block.bump && block.live === block.bump) {",
      replace: "if (chunk < block.bump) {",
    },
    {
      what: "a walk leaves the last block out",
      find: "if (block.position + 1 >= blocks.length) {",
      replace: "if (block.position + 2 >= blocks.length) {",
    },
    {
      what: "a walk leaves the first chunk of a block out",
      find: "      block = blocks[block.position + 1];\n      chunk = block.nextLive(0);",
      replace: "      block = blocks[block.position + 1];\n      chunk = block.nextLive(1);",
    },
    {
      what: "a walk moves the view to the wrong block",
      find: "    this.block = block;\n    this.chunk = chunk;\n    this.value._b = block;\n",
      replace:
        "    this.value._b = this.block;\n    this.block = block;\n    this.chunk = chunk;\n",
    },
    {
      what: "a walk over handles gives those of every struct",
      find: "only !== ALL_KINDS && !walk.done && walk.block.tags[walk.chunk] !== only",
      replace: "false",
    },
    {
      what: "a walk over one struct gives every record",
      find: "while (chunk >= block.bump || only !== ALL_KINDS && block.tags[chunk] !== only) {",
      replace: "while (chunk >= block.bump) {",
    },
    {
      what: "a record is shown through the view of another struct",
      find: "return this.views[tag] ??= new",
      replace: "return this.views[0] ??= new",
    },
    {
      what: "retain() over one struct frees the others",
      find: "if (this.only !== ALL_KINDS && this.only !== tag) return true;",
      replace: "if (this.only !== ALL_KINDS && this.only !== tag) return false;",
    },
    {
      what: "a chain of walks ends with its first",
      find: "if (done === true) continue;",
      replace: "if (done === true) break;",
    },
  ]),
  ...of("_kinds.ts", [
    "erased_pool_test.ts",
    "erased_refusals_test.ts",
    "survivors_test.ts",
    "model/soak_test.ts",
    "snapshot_test.ts",
    "snapshot_refusals_test.ts",
  ], [
    {
      what: "the alignment of a struct is ignored",
      find: "struct.size > chunkBytes || struct.align > align",
      replace: "struct.size > chunkBytes",
    },
    {
      what: "the size of a struct is ignored",
      find: "struct.size > chunkBytes || struct.align > align",
      replace: "struct.align > align",
    },
    {
      what: "a record is read as any struct",
      find:
        "    if (kind.struct !== struct) throw this.mismatch(verb, struct, kind.struct, handle);\n",
      replace: "",
    },
    {
      what: "a pool with types takes other structs",
      find: "    if (this.closed) {",
      replace: "    if (this.closed && !tagged) {",
    },
    {
      what: "a 257th struct gets the tag of the first",
      find: "this.all.length === MAX_KINDS",
      replace: "this.all.length === MAX_KINDS + 1",
    },
    {
      what: "the struct asked for last is taken for every other",
      find: "if (struct === this.last.struct) return this.last;",
      replace: "if (struct.size === this.last.struct.size) return this.last;",
    },
    {
      what: "debug pools give views that are not checked",
      find: "recordViewClass(struct, this.pool.debug)",
      replace: "recordViewClass(struct)",
    },
  ]),
  ...of("erased_pool.ts", [
    "erased_pool_test.ts",
    "erased_iteration_test.ts",
    "erased_refusals_test.ts",
    "survivors_test.ts",
    "model/soak_test.ts",
    "snapshot_test.ts",
    "snapshot_refusals_test.ts",
  ], [
    {
      what: "alloc() notes no struct",
      find: ".tags[slab.chunkOf(handle)] = tag;",
      replace: ".tags[slab.chunkOf(handle)] |= 0;",
    },
    {
      what: "allocMany() does not note the first record's struct",
      find: "for (let i = 0; i < count && this._tagged; i++) {",
      replace: "for (let i = 1; i < count && this._tagged; i++) {",
    },
    {
      what: "bytes() gives a byte of the next chunk",
      find: "start + block.chunkBytes)",
      replace: "start + block.chunkBytes + 1)",
    },
    {
      what: "set() does not check the struct",
      find: '    this._kinds.at("set", struct, block, this._slab.chunkOf(handle), handle);\n',
      replace: "",
    },
    {
      what: "set() writes before it has checked",
      find: "    checkRecord(struct, init);\n",
      replace: "",
    },
    {
      what: "seek() does not check the struct",
      find: '    this._kinds.at("seek", struct, block, slab.chunkOf(handle), handle);\n',
      replace: "",
    },
    {
      what: "allocAt() takes a view of any struct",
      find:
        '    if (structOf(cursor) !== struct) throw viewError(slab, "allocAt", "is no view of that struct");\n',
      replace: "",
    },
    {
      what: "lostBytes() leaves the first record of a block out",
      find: "for (let at = block.nextLive(0); at < bump;",
      replace: "for (let at = block.nextLive(1); at < bump;",
    },
    {
      what: "a freed record of a scope is not freed",
      find: "[Symbol.dispose]: () => void this._slab.free(handle)",
      replace: "[Symbol.dispose]: () => {}",
    },
    {
      what: "a snapshot does not depend on the pool",
      find: 'fingerprintOf("ErasedPool" + slabText(this._slab))',
      replace: 'fingerprintOf("ErasedPool")',
    },
  ]),
  ...of("pool_set.ts", [
    "pool_set_test.ts",
    "survivors_test.ts",
    "model/soak_test.ts",
    "model/exhausted_test.ts",
    "snapshot_test.ts",
    "snapshot_refusals_test.ts",
    "debug_test.ts",
    "debug_leaks_test.ts",
  ], [
    {
      what: "the alignment of a struct is ignored",
      find: "struct.size <= size && struct.align <= naturalAlign(size)",
      replace: "struct.size <= size",
    },
    {
      what: "a struct that just fits goes a class higher",
      find: "struct.size <= size && struct.align",
      replace: "struct.size < size && struct.align",
    },
    {
      what: "sizes are sorted as text",
      find: "[...sizes].sort((a, b) => a - b)",
      replace: "[...sizes].sort()",
    },
    {
      what: "the struct asked for last gets the pool of the one before",
      find: "if (structs[i] === struct) return this._poolsOf[i];",
      replace: "if (structs[i] === struct) return this._poolsOf[0];",
    },
    {
      what: "the class of a handle is that of another",
      find: "return this._codec.partOf(handle) - this._firstPart;",
      replace: "return (this._codec.partOf(handle) - this._firstPart) ^ 1;",
    },
    {
      what: "freeMany() knows the first class alone",
      find: "slabOf: (handle) => this._slabs[this.#classOf(handle)] ?? this._slabs[0],",
      replace: "slabOf: () => this._slabs[0],",
    },
    {
      what: "the bytes lost are not summed up",
      find: '  "lostBytes",\n] as const;',
      replace: "] as const;",
    },
    {
      what: "rebind() leaves the first class out",
      find: "for (const pool of this.pools) pool.rebind();",
      replace: "for (const pool of this.pools.slice(1)) pool.rebind();",
    },
    {
      what: "clear() leaves the first class out",
      find: "for (const pool of this.pools) pool.clear();",
      replace: "for (const pool of this.pools.slice(1)) pool.clear();",
    },
    {
      what: "a snapshot holds the first class alone",
      find: "this.pools.flatMap((pool) => snappedOf.get(pool)!)",
      replace: "this.pools.slice(0, 1).flatMap((pool) => snappedOf.get(pool)!)",
    },
  ]),
  ...of("pool.ts", [
    "pool_test.ts",
    "pool_cursor_test.ts",
    "pool_refusals_test.ts",
    "pool_iteration_test.ts",
    "snapshot_test.ts",
    "snapshot_refusals_test.ts",
  ], [
    {
      what: "set() writes before it has checked",
      find: "    checkRecord(this.struct, init);\n",
      replace: "",
    },
    {
      what: "allocAt() moves the view to the block alone",
      find: "    this._slab.current.place(view, this._slab.offsetOf(handle));\n    return handle",
      replace: "    this._slab.current.place(view, 0);\n    return handle",
    },
    {
      what: "a cursor may be a view of another struct",
      find: "    if (cursor instanceof this._View) return cursor;\n",
      replace: '    if (typeof cursor === "object") return cursor as RecordView;\n',
    },
    {
      what: "has() answers after dispose",
      find: "return this._slab.find(handle) !== undefined || this.#refuse();",
      replace: "return this._slab.find(handle) !== undefined;",
    },
    {
      what: "nested iterations share a view",
      find: "return this._spareViews.pop() ?? new this._View(Slab.NOWHERE, 0);",
      replace: "return this._spareViews[0] ??= new this._View(Slab.NOWHERE, 0);",
    },
    {
      what: "a record of a scope is not freed",
      find: "[Symbol.dispose]: () => void this._slab.free(handle)",
      replace: "[Symbol.dispose]: () => {}",
    },
    {
      what: "a snapshot does not depend on the struct",
      find: '"Pool" + slabText(this._slab) + layoutText(this.struct)',
      replace: '"Pool" + slabText(this._slab)',
    },
  ]),
  ...of("_face.ts", [
    "pool_memory_test.ts",
    "pool_cursor_test.ts",
    "pool_refusals_test.ts",
    "pool_test.ts",
    "inspect_test.ts",
  ], [
    {
      what: "an array for handles keeps what is behind them",
      find: "  if (Array.isArray(out)) out.length = count;\n",
      replace: "",
    },
    {
      what: "wide handles go into 32 bits",
      find: "    !wide && (out instanceof Int32Array || out instanceof Uint32Array);",
      replace: "    (out instanceof Int32Array || out instanceof Uint32Array);",
    },
    {
      what: "an array for handles may be one too short",
      find: "if (out.length < count) {",
      replace: "if (out.length < count - 1) {",
    },
    {
      what: "a frozen array for handles is not refused",
      find: "    if (Object.isExtensible(out)) return;\n    throw",
      replace: "    if (out.length >= 0) return;\n    throw",
    },
    {
      what: "handleOf() gives the handle of a record that is gone",
      find: "if (slab.find(handle) === block) return handle;",
      replace: "if (slab.find(handle) === block || handle > 0) return handle;",
    },
    {
      what: "handleOf() takes views of other pools",
      find: "root?._b instanceof Block && root._b.geometry === slab.geometry ? root",
      replace: "root?._b instanceof Block ? root",
    },
    {
      what: "a bad value is found out after the alloc",
      find: "  checkRecord(struct, init);\n  const handle = slab.alloc();",
      replace: "  const handle = slab.alloc();\n  checkRecord(struct, init);",
    },
    {
      what: "stats() gives the size for the peak",
      find: "out.peakSize = slab.peakSize;",
      replace: "out.peakSize = slab.size;",
    },
  ]),
  ...of("options.ts", [
    "options_test.ts",
    "pool_refusals_test.ts",
    "erased_refusals_test.ts",
    "pool_set_test.ts",
    "survivors_test.ts",
  ], [
    {
      what: "chunks of 1 byte may be more than their links reach",
      find: "chunkBytes === 1 ? 256 : MAX_CHUNKS_PER_BLOCK",
      replace: "MAX_CHUNKS_PER_BLOCK",
    },
    {
      what: "any number may be maxChunks",
      find: "const whole = Number.isInteger(value) && Number.isInteger(Math.log2(value));",
      replace: "const whole = Number.isInteger(value);",
    },
    {
      what: "a chunk of any size is aligned to 8 bytes",
      find: "Math.min(MAX_LANE_BYTES, size & -size)",
      replace: "MAX_LANE_BYTES",
    },
    {
      what: "a size need not be a multiple of the alignment",
      find: "  if (size % align !== 0) {",
      replace: "  if (size % align > 8) {",
    },
    {
      what: "two classes share the handles of one",
      find: "const bits = 32 - Math.clz32(sizes.length - 1);",
      replace: "const bits = 32 - Math.clz32(sizes.length - 1 >> 1);",
    },
    {
      what: "every class may have all of maxChunks",
      find: "maxChunks: maxChunks / (1 << bits),",
      replace: "maxChunks,",
    },
    {
      what: "the blocks of all classes have the same numbers",
      find: "firstBlock: (part.sizeClass ?? 0) * (maxChunks / MIN_CHUNKS),",
      replace: "firstBlock: 0,",
    },
    {
      what: "two sizes may be the same",
      find: " || new Set(sizes).size < sizes.length",
      replace: "",
    },
    {
      what: "debug pools share their handles",
      find: "part: debugPools++ % (1 << DEBUG_BITS)",
      replace: "part: debugPools % (1 << DEBUG_BITS)",
    },
    {
      what: "a block is half as large as it should be",
      find: "const nearest = 2 ** Math.round(Math.log2(BLOCK_BYTES / chunkBytes));",
      replace: "const nearest = 2 ** Math.round(Math.log2(BLOCK_BYTES / 2 / chunkBytes));",
    },
  ]),
  ...of("memory.ts", ["memory_test.ts", "pool_memory_test.ts", "wasm_memory_test.ts"], [
    {
      what: "heap memory is left to the collector",
      find: "    detach(buffer as ArrayBuffer);",
      replace: "    void buffer;",
    },
    {
      what: "the last byte of a budget cannot be had",
      find: "if (this.#usedBytes + byteLength > this.limit) throw",
      replace: "if (this.#usedBytes + byteLength >= this.limit) throw",
    },
    {
      what: "a budget counts what is asked for, not what is lent",
      find: "if (this.#usedBytes + lentBytes > this.limit) {",
      replace: "if (this.#usedBytes + byteLength > this.limit) {",
    },
    {
      what: "a region beyond the budget is kept",
      find: "      this.#upstream.release(region);\n      throw",
      replace: "      throw",
    },
    {
      what: "a region may be released twice",
      find: "    this.#lent.delete(region);\n",
      replace: "",
    },
    {
      what: "what is released is still counted",
      find: "    this.#usedBytes -= lentBytes;\n",
      replace: "",
    },
    {
      what: "what upstream refuses to take back is forgotten",
      find:
        "    this.#upstream.release(region); // first, since it may throw\n    this.#lent.delete(region);\n",
      replace:
        "    this.#lent.delete(region);\n    this.#upstream.release(region); // first, since it may throw\n",
    },
    {
      what: "the peak is that of now",
      find: "this.#peakBytes = Math.max(this.#peakBytes, this.#usedBytes);",
      replace: "this.#peakBytes = this.#usedBytes;",
    },
  ]),
  ...of("wasm_memory.ts", ["wasm_memory_test.ts"], [
    {
      what: "the alignment asked for is ignored",
      find: "const at = Math.ceil(start / align) * align;",
      replace: "const at = start;",
    },
    {
      what: "a region may end a byte past its run",
      find: "if (at + byteLength <= end) return",
      replace: "if (at + byteLength <= end + 1) return",
    },
    {
      what: "a run that fits to the byte is passed over",
      find: "if (at + byteLength <= end) return",
      replace: "if (at + byteLength < end) return",
    },
    {
      what: "memory is lent as it was left",
      find: "    new Uint8Array(region.buffer, at, byteLength).fill(0);\n",
      replace: "",
    },
    {
      what: "the bytes before an aligned region are lost",
      find: "const rest = [{ start, end: at }, { start: at + byteLength, end }];",
      replace: "const rest = [{ start: at + byteLength, end }];",
    },
    {
      what: "a run is not joined with the one before it",
      find: "    if (first > 0 && runs[first - 1].end === start) start = runs[--first].start;\n",
      replace: "",
    },
    {
      what: "a run is not joined with the one after it",
      find: "    if (last < runs.length && runs[last].start === end) end = runs[last++].end;\n",
      replace: "",
    },
    {
      what: "what the memory grew by is not used",
      find: "    if (end > this.#end) this.#putBack(this.#end, end);\n",
      replace: "",
    },
    {
      what: "a closed window grows with the memory",
      find: "    if (this.#isOpen) this.#extend(this.memory.buffer.byteLength);\n",
      replace: "    this.#extend(this.memory.buffer.byteLength);\n",
    },
    {
      what: "a region may be released twice",
      find: "if (!this.#lent.delete(region)) {",
      replace: "if (!this.#lent.has(region)) {",
    },
  ]),
  ...of("_debug.ts", [
    "debug_test.ts",
    "debug_leaks_test.ts",
    "model/soak_test.ts",
    "survivors_test.ts",
  ], [
    {
      what: "the poison covers the link",
      find: "bytes.fill(POISON, at + linkBytes, at + chunkBytes);",
      replace: "bytes.fill(POISON, at, at + chunkBytes);",
    },
    {
      what: "the poison leaves the last byte out",
      find: "bytes.fill(POISON, at + linkBytes, at + chunkBytes);",
      replace: "bytes.fill(POISON, at + linkBytes, at + chunkBytes - 1);",
    },
    {
      what: "a freed record still counts as leaked",
      find: "    this.#origins.delete(handle);\n    poison",
      replace: "    poison",
    },
    {
      what: "a cleared record still counts as leaked",
      find: "      this.#origins.delete(this.handleAt(block, chunk));\n",
      replace: "",
    },
    {
      what: "a record is not noted where it is allocated",
      find: "if (handle !== 0) this.#origins.set(handle, callerOrigin());",
      replace: "",
    },
    {
      what: "a leak is told before the memory is given back",
      find:
        '    super.dispose();\n    if (leaks.length > 0) throw leakError(this.label, this.name, leaks, "handle");\n',
      replace:
        '    if (leaks.length > 0) throw leakError(this.label, this.name, leaks, "handle");\n    super.dispose();\n',
    },
    {
      what: "after a snapshot the leaks are those of before",
      find: "    this.#origins.clear();\n",
      replace: "",
    },
    {
      what: "the first class that leaks keeps the others from going",
      find: "      if (!(error instanceof LeakError)) throw error;\n      for",
      replace: "      throw error;\n      for",
    },
  ]),
  ...of("_envelope.ts", [
    "survivors_test.ts",
    "snapshot_refusals_test.ts",
    "snapshot_test.ts",
    "model/soak_test.ts",
  ], [
    {
      what: "the checksum skips every fourth word",
      find: "    d = mix(d, words[i + 3]);\n",
      replace: "",
    },
    {
      what: "the checksum leaves the last words out",
      find: "  for (let i = end; i < count; i++) sum = mix(sum, words[i]);\n",
      replace: "",
    },
    {
      what: "the checksum leaves the header out",
      find: "  for (let i = 0; i < HEADER_WORDS; i++) if (i !== 4) sum = mix(sum, words[i]);\n",
      replace: "",
    },
    {
      what: "the checksum loses a lane at the end",
      find: "return fold(fold(fold(fold(1, a), b), c), d);",
      replace: "return fold(fold(fold(1, a), b), d);",
    },
    {
      what: "the checksum does not turn its sums",
      find: "Math.imul(mixed << 13 | mixed >>> 19, FACTOR)",
      replace: "Math.imul(mixed, FACTOR)",
    },
    {
      what: "the checksum does not spread a word",
      find: "sum ^ Math.imul(word, SPREAD)",
      replace: "sum ^ word",
    },
    {
      what: "the checksum is not looked at",
      find: "if (head[3] === SUM && checksum(sheet.words, byteLength) !== head[4]) {",
      replace: "if (head[3] === SUM && head[5] === -1) {",
    },
    {
      what: "a snapshot may be cut",
      find: "  if (byteLength > whole.byteLength) {",
      replace: "  if (byteLength > whole.byteLength * 2) {",
    },
    {
      what: "a snapshot of another layout is taken",
      find: "if (head[2] !== fingerprint || head[5] !== sections) {",
      replace: "if (head[5] !== sections) {",
    },
    {
      what: "a snapshot with other sections is taken",
      find: "if (head[2] !== fingerprint || head[5] !== sections) {",
      replace: "if (head[2] !== fingerprint) {",
    },
    {
      what: "a snapshot of another version is taken",
      find: "if (head[1] !== VERSION) throw",
      replace: "if (head[1] < VERSION) throw",
    },
    {
      what: "a snapshot at an odd byte is read in its place",
      find: "const whole = bytes.byteOffset % 8 === 0 ? bytes :",
      replace: "const whole = bytes.byteOffset % 4 === 0 ? bytes :",
    },
    {
      what: "a snapshot is written into an array that is too short",
      find: "return into.byteLength >= byteLength ? into : new Uint8Array(byteLength);",
      replace: "return into.byteLength >= byteLength - 8 ? into : new Uint8Array(byteLength);",
    },
    {
      what: "a layout is known by its names alone",
      find: "`${name}@${offset}:${typeText(type)}`",
      replace: "`${name}`",
    },
  ]),
  ...of("_slab_snapshot.ts", [
    "survivors_test.ts",
    "snapshot_refusals_test.ts",
    "snapshot_test.ts",
    "model/soak_test.ts",
    "model/exhausted_test.ts",
  ], [
    {
      what: "the head of a free list is not saved",
      find: "words[word + 2] = block.head;",
      replace: "words[word + 2] = 0;",
    },
    {
      what: "the current block is not saved",
      find: "words[word + 1] = slab.current.position;",
      replace: "words[word + 1] = -1;",
    },
    {
      what: "what was reserved is not saved",
      find: "floats[float + 3] = slab.reserved;",
      replace: "floats[float + 3] = 0;",
    },
    {
      what: "the memory of a block is not saved",
      find: "    bytes.set(block.bytes, bytesAt);\n",
      replace: "",
    },
    {
      what: "retired chunks are not restored",
      find: "      to.retired = from.retired;\n",
      replace: "",
    },
    { what: "the bump mark is not restored", find: "      to.bump = from.bump;\n", replace: "" },
    {
      what: "the books of a block without memory are not restored",
      find: "      to.books.set(",
      replace: "      if (from.isMounted) to.books.set(",
    },
    {
      what: "tags are taken over as they stand",
      find: "to.tags[chunk] = tags[to.tags[chunk]];",
      replace: "to.tags[chunk] = to.tags[chunk];",
    },
    {
      what: "tags are put right for the first chunk alone",
      find: "for (let chunk = 0; chunk < from.bump; chunk++) to.tags",
      replace: "for (let chunk = 0; chunk < 1; chunk++) to.tags",
    },
    {
      what: "memory that was taken stays where there is not enough",
      find: "      for (const [slab, block] of grown) slab.release(block);\n",
      replace: "",
    },
    {
      what: "places that were added stay where there is not enough memory",
      find: "      sections.forEach(({ slab }, i) => slab.blocks.length = lengths[i]);\n",
      replace: "",
    },
    {
      what: "the books of a block are not audited",
      find: "const problem = auditBlock(block, codec) ??\n",
      replace: "const problem =\n",
    },
    {
      what: "tags are not audited",
      find: "geometry.tagged ? tagProblem(block, kindCount, this.tags) : undefined",
      replace: "undefined",
    },
    {
      what: "the tags of dead chunks are audited",
      find: "    if ((stamps[firstStamp + chunk] & 1) === 0) continue;\n",
      replace: "",
    },
    {
      what: "a struct that the pool does not know is not seen",
      find: "ours !== undefined && ours[tag] < 0",
      replace: "ours !== undefined && ours[tag] < -1",
    },
    { what: "equal structs are taken for one", find: " && !taken.has(i)", replace: "" },
    {
      what: "allocs and frees need not go with the records",
      find: "allocs - frees !== live ||",
      replace: "",
    },
    {
      what: "any number may be reserved",
      find: "    if (reserved > maxChunks) {",
      replace: "    if (reserved > maxChunks * 1e9) {",
    },
    {
      what: "the current block may be one without memory",
      find: "current < -1 || current >= 0 && this.mounted[current] !== true",
      replace: "current < -1 || current >= this.mounted.length",
    },
    {
      what: "bytes may be left over",
      find: "  if (at !== sheet.bytes.byteLength) {",
      replace: "  if (at > sheet.bytes.byteLength) {",
    },
    {
      what: "a section may end past the snapshot",
      find: "    if (at + bytes <= byteLength) return;",
      replace: "    if (at <= byteLength) return;",
    },
    {
      what: "a snapshot does not depend on how chunks make blocks", // of the two one follows from the other
      find:
        "    chunkCount,\n    stampBytes,\n    tagged,\n    firstHandle,\n    indexBits,\n    maxGeneration,\n    wraps,\n    maxBlocks,\n",
      replace: "    stampBytes, tagged, firstHandle, indexBits, maxGeneration, wraps,\n",
    },
    {
      what: "a detached pool is saved",
      find: "    if (blocks[i].isDetached) throw detachedError(label, verb, blocks[i]);\n",
      replace: "",
    },
  ]),
  ...of("_block_audit.ts", [
    "inspect_test.ts",
    "block_test.ts",
    "snapshot_test.ts",
    "snapshot_refusals_test.ts",
  ], [
    { what: "a cycle of links is not seen", find: "    following[chunk] = -1;\n", replace: "" },
    {
      what: "a link to a live chunk is not seen",
      find: "let free = ~liveBits[firstWord + (from >> 5)];",
      replace: "let free = -1;",
    },
    {
      what: "a link to a chunk that was never used is not seen",
      find: "    if (bump - from < 32) free &= (1 << bump - from) - 1;\n",
      replace: "",
    },
    {
      what: "a link to a retired chunk is not seen",
      find: "      if (retired > 0 && stamps[firstStamp + chunk] === 0) continue;\n",
      replace: "",
    },
    {
      what: "the last link of a free list is not looked at",
      find: "for (let i = 0; i < length; i++) {\n    const link",
      replace: "for (let i = 0; i < length - 1; i++) {\n    const link",
    },
    {
      what: "what an audit that found something has gathered is taken for the next one's",
      find: "  if (problem !== undefined) next.fill(-1);\n",
      replace: "",
    },
    {
      what: "links of every other word of the bitmap are gathered",
      find: "for (let from = 0; from < bump; from += 32) {",
      replace: "for (let from = 0; from < bump; from += 64) {",
    },
    {
      what: "live bits are not held against the stamps",
      find: "    if (lived !== marked) {",
      replace: "    if (lived !== marked && word < 0) {",
    },
    {
      what: "a generation out of range is not seen",
      find: "odd |= (stamp - 2) | (lastStamp - stamp);",
      replace: "odd |= stamp - 2;",
    },
    {
      what: "a bump mark past the block's end is not seen",
      find: "if (!(bump >= 0 && bump <= most)) return",
      replace: "if (!(bump >= 0)) return",
    },
    {
      what: "a live chunk past the bump mark is not seen",
      find:
        "    if ((stamp & 1) === 1) return `chunk ${chunk} is live, the bump mark is ${bump}`;\n",
      replace: "",
    },
    {
      what: "a wrong count of live chunks is not seen",
      find: "if (books.live !== live) return",
      replace: "if (books.live < live) return",
    },
    {
      what: "a wrong count of retired chunks is not seen",
      find: "  if (books.retired !== retired) {",
      replace: "  if (books.retired > retired) {",
    },
    {
      what: "the bits of a word are counted wrong",
      find: "(left & 0x33333333) + (left >>> 2 & 0x33333333)",
      replace: "(left & 0x33333333) + (left >>> 2 & 0x13333333)",
    },
  ]),
  ...of("inspect.ts", ["inspect_test.ts", "show_test.ts", "survivors_test.ts"], [
    {
      what: "the size is not held against the records",
      find: "  if (live !== size) throw faultError",
      replace: "  if (live < size) throw faultError",
    },
    {
      what: "the capacity is not held against the blocks",
      find: "  if (chunks !== capacity) {",
      replace: "  if (chunks > capacity) {",
    },
    {
      what: "validate() looks at the first pool of a set alone",
      find: "for (const slab of all) {\n    if (slab.disposed)",
      replace: "for (const slab of all.slice(0, 1)) {\n    if (slab.disposed)",
    },
    {
      what: "chunks that were never used are drawn as free",
      find: "(from) => from >= bump",
      replace: "(from) => from > bump + chunkCount",
    },
  ]),
  ...of("_refusals.ts", [
    "pool_refusals_test.ts",
    "pool_test.ts",
    "debug_test.ts",
    "debug_leaks_test.ts",
  ], [
    {
      what: "an error tells the stamp for the generation",
      find: "const generation = stamp < 0 ? -1 : stamp >>> 1;",
      replace: "const generation = stamp < 0 ? -1 : stamp;",
    },
    {
      what: "a handle that comes twice is called stale",
      find: "    : slab.find(handle) !== undefined\n    ? `${title} comes twice`\n",
      replace: "",
    },
    {
      what: "a full pool is not told from a worn-out one",
      find: "const state = size === maxChunks",
      replace: "const state = size <= maxChunks",
    },
  ]),
  ...of("_show.ts", ["show_test.ts", "inspect_test.ts"], [
    {
      what: "a KiB has 1000 bytes",
      find: "const value = n / 2 ** (10 * power);",
      replace: "const value = n / 1000 ** power;",
    },
    {
      what: "one block is shown as blocks",
      find: `blocks === 1 ? "block" : "blocks"\n    }, \${bytes`,
      replace: `"blocks"\n    }, \${bytes`,
    },
    {
      what: "a block with a single record is drawn as a free one",
      find: "const level = Math.ceil(live / step * LEVELS.length);",
      replace: "const level = Math.floor(live / step * LEVELS.length);",
    },
    {
      what: "the last column of a block is left out",
      find: "for (let from = 0; from < chunkCount; from += step) {",
      replace: "for (let from = 0; from < chunkCount - step; from += step) {",
    },
  ]),
  ...BYTE_MUTANTS,
  ...SHARED_MUTANTS,
];
