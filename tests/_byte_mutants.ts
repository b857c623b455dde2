/**
 * The planted bugs of the byte allocators, for `mutants.ts`.
 *
 * @module
 */
import { type Mutant, of } from "./_mutant.ts";

/** All of them, from the ground up. */
export const BYTE_MUTANTS: readonly Mutant[] = [
  ...of("_address_space.ts", [
    "address_space_test.ts",
    "byte_allocator_test.ts",
    "wasm_memory_test.ts",
    "model/soak_test.ts",
    "arena_snapshot_test.ts",
    "byte_debug_test.ts",
  ], [
    {
      what: "an alignment counts from the extent's start",
      find: "return (at + this.skew + align - 1 & -align) - this.skew;",
      replace: "return at + align - 1 & -align;",
    },
    {
      what: "a start is looked for in the other half of its word",
      find: "(this.starts[unit >> 5] >>> (unit & 31) & 1)",
      replace: "(this.starts[unit >> 5] >>> (unit & 15) & 1)",
    },
    {
      what: "the last units of an extent have no bit",
      find: "(byteLength >> UNIT_SHIFT) + 31 >> 5",
      replace: "byteLength >> UNIT_SHIFT + 5",
    },
    {
      what: "views of what was given back with its memory do not throw",
      find: "    this.lives.fill(GONE);\n",
      replace: "",
    },
    {
      what: "the life of a view is that of the byte after it",
      find: "this.lives[offset + byteLength - 1]",
      replace: "this.lives[offset + byteLength]",
    },
    {
      what: "the last byte of what is taken back lives on",
      find: "at < to; at++) lives[at]++",
      replace: "at < to - 1; at++) lives[at]++",
    },
    {
      what: "an extent that starts within a granule has no last one",
      find: "const granules = (base + byteLength - 1 >>> this.shift) + 1 - first;",
      replace: "const granules = (byteLength - 1 >>> this.shift) + 1;",
    },
    {
      what: "a resource is asked for memory that the lanes cannot lie on",
      find: "this.label, byteLength, Math.max(align, 8))",
      replace: "this.label, byteLength, align)",
    },
    {
      what: "a region is kept that there are no addresses for",
      find: "      this.memory.release(region);\n      throw this.#noAddresses",
      replace: "      throw this.#noAddresses",
    },
    {
      what: "a region is kept that does not lie as the addresses do",
      find: "    this.memory.release(region);\n    return undefined;",
      replace: "    return undefined;",
    },
    {
      what: "the table keeps its length on the way back to a state",
      find: "    this.table.length = length;\n",
      replace: "",
    },
    {
      what: "the first granule alone of what is given back is forgotten",
      find: "for (let i = first; this.table[i] === extent; i++)",
      replace: "for (let i = first; i <= first; i++)",
    },
    {
      what: "bytes that are given back are counted on",
      find: "    this.byteLength -= extent.byteLength;\n",
      replace: "",
    },
    {
      what: "memory is kept when its extent goes",
      find: "    extent.unbind();\n    this.memory.release(region);\n",
      replace: "    extent.unbind();\n",
    },
    {
      what: "an address past 2^32 is one from the start on",
      find: "return address >>> 0 === address && granule <",
      replace: "return granule <",
    },
    {
      what: "a byte after an extent is one of it",
      find: "at >= 0 && at < u8.length",
      replace: "at >= 0 && at <= u8.length",
    },
    {
      what: "the addresses found start one granule too early",
      find: "return i + 1 - granules;",
      replace: "return i - granules;",
    },
    {
      what: "granules count as in a row with an extent between them",
      find: "table[i] === NOWHERE ? free + 1 : 0;",
      replace: "table[i] === NOWHERE ? free + 1 : free;",
    },
    {
      what: "all debug allocators start at the same address",
      find: "debugCount++ % DEBUG_SPACES",
      replace: "debugCount % DEBUG_SPACES",
    },
    {
      what: "the address past another's last is one of it",
      find: "address - base < byteLength;",
      replace: "address - base <= byteLength;",
    },
    {
      what: "memory that was detached is not noticed",
      find: "this.extents[0].u8.length === 0",
      replace: "false",
    },
    {
      what: "all extents but the newest are laid over the old buffer",
      find: "for (const extent of this.extents) extent.bind();",
      replace: "this.extents.at(-1)?.bind();",
    },
    {
      what: "memory of no debug allocator is told apart by a debug one",
      find: "if (!this.isDebug || this.find(address) !== NOWHERE)",
      replace: "if (this.find(address) === NOWHERE)",
    },
  ]),
  ...of("_lent_region.ts", ["arena_test.ts", "free_list_allocator_test.ts", "model/soak_test.ts"], [
    {
      what: "a region counts from its extent's start, not from the buffer's",
      find: "this.#upstream.byteOffset + (address - extent.base)",
      replace: "address - extent.base",
    },
  ]),
  ...of("_chunks.ts", ["free_list_allocator_test.ts", "heap_audit_test.ts", "model/soak_test.ts"], [
    {
      what: "the gap before an aligned chunk may be too small for one",
      find: "    while (gap > 0 && gap < this.minBytes) gap += align;\n",
      replace: "",
    },
    {
      what: "the gap before an aligned chunk counts as room",
      find: "return this.sizeOf(unit) - this.gapOf(unit, align) >= bytes;",
      replace: "return this.sizeOf(unit) >= bytes;",
    },
    {
      what: "a footer is written a word too early",
      find: "(bytes >> 2) - 1, bytes)",
      replace: "(bytes >> 2) - 2, bytes)",
    },
    {
      what: "the chunk after one that is freed is not told",
      find: "this.word(next, 0) & ~PREVIOUS_USED",
      replace: "this.word(next, 0)",
    },
    {
      what: "the chunk after one that is taken is not told",
      find: "this.word(next, 0) | PREVIOUS_USED",
      replace: "this.word(next, 0)",
    },
    {
      what: "the end of an extent counts as free",
      find: "this.setWord(unit, 0, USED);",
      replace: "this.setWord(unit, 0, 0);",
    },
    {
      what: "an alignment to 16 is taken for one to 8",
      find: "if (align <= 8) return 0;",
      replace: "if (align <= 16) return 0;",
    },
    {
      what: "the header is aligned, not the payload",
      find: "-((unit << UNIT_SHIFT) + HEADER_BYTES) & align - 1",
      replace: "-(unit << UNIT_SHIFT) & align - 1",
    },
  ]),
  ...of("_heap.ts", [
    "free_list_allocator_test.ts",
    "heap_audit_test.ts",
    "model/soak_test.ts",
    "model/byte_allocators_model_test.ts",
  ], [
    { what: "allocations are not counted", find: "    this.allocations++;\n", replace: "" },
    {
      what: "the gap before an aligned chunk is lost",
      find: "    if (gap > 0) this.addFree(found, gap);\n",
      replace: "",
    },
    {
      what: "an aligned chunk takes the gap before it for used",
      find: "gap > 0 ? 0 : PREVIOUS_USED",
      replace: "PREVIOUS_USED",
    },
    {
      what: "a freed chunk is not joined with the one before it",
      find: "if (chunks.isAfterFree(unit)) {",
      replace: "if (chunks.isAfterFree(unit) && start < 0) {",
    },
    {
      what: "a freed chunk is not joined with the one after it",
      find: "if (chunks.isFree(next)) {",
      replace: "if (chunks.isFree(next) && start < 0) {",
    },
    {
      what: "a free counts the chunk's bytes, an alloc those that were asked for",
      find: "this.usedBytes -= chunks.askedOf(unit);",
      replace: "this.usedBytes -= chunks.sizeOf(unit);",
    },
    {
      what: "a resize that fits to the byte moves",
      find: "if (bytes > room) return false;",
      replace: "if (bytes >= room) return false;",
    },
    {
      what: "a chunk that a resize took stays in the index",
      find: "    if (nextBytes > 0) this.dropFree(next, nextBytes);\n",
      replace: "",
    },
    {
      what: "what a resize gains is not cleared",
      find: "    if (asked > before) extent.u8.fill(0, at + before, at + asked);\n",
      replace: "",
    },
    {
      what: "what a resize gains is cleared but for its last byte",
      find: "extent.u8.fill(0, at + before, at + asked)",
      replace: "extent.u8.fill(0, at + before, at + asked - 1)",
    },
    {
      what: "a resize does not see the free chunk after it",
      find: "const nextBytes = chunks.isFree(next) ? chunks.sizeOf(next) : 0;",
      replace: "const nextBytes = 0;",
    },
    {
      what: "a resize takes the chunk before for used",
      find: "chunks.isAfterFree(unit) ? 0 : PREVIOUS_USED",
      replace: "PREVIOUS_USED",
    },
    {
      what: "an extent has no room for what it was taken for, once that is aligned",
      find: "align <= 8 ? 0 : align + this.chunks.minBytes",
      replace: "align <= 8 ? 0 : align",
    },
    {
      what: "trim gives back the first extent too",
      find: "this.space.extents.slice(1)",
      replace: "this.space.extents.slice()",
    },
    {
      what: "trim gives back an extent that something is live in",
      find: " || this.chunks.sizeOf(unit) !== size",
      replace: "",
    },
    {
      what: "what trim gives back stays in the index",
      find: "      this.dropFree(unit, size);\n      this.space.unmount(extent);",
      replace: "      this.space.unmount(extent);",
    },
    {
      what: "a reset keeps the bytes of the free chunks",
      find: "    this.freeChunkBytes = 0;\n",
      replace: "",
    },
    {
      what: "a reset keeps the bits of what was live",
      find: "      extent.starts.fill(0);\n",
      replace: "",
    },
    {
      what: "a size is rounded down",
      find: "asked + HEADER_BYTES + 7 & ~7",
      replace: "asked + HEADER_BYTES & ~7",
    },
    {
      what: "a chunk may be too small for the index",
      find: "return bytes < this.chunks.minBytes ? this.chunks.minBytes : bytes;",
      replace: "return bytes;",
    },
    {
      what: "what is left is lost where it just makes a chunk",
      find: "if (rest < this.chunks.minBytes) {",
      replace: "if (rest <= this.chunks.minBytes) {",
    },
    {
      what: "the peak is not kept",
      find: "if (this.usedBytes > this.peakBytes) this.peakBytes = this.usedBytes;",
      replace: "",
    },
    {
      what: "a payload is cleared but for its last bytes",
      find: "end = at + bytes + 3 >> 2",
      replace: "end = at + bytes >> 2",
    },
    {
      what: "the end of an extent is written past it",
      find: "return (byteLength & ~7) - HEADER_BYTES;",
      replace: "return byteLength & ~7;",
    },
    {
      what: "a large payload is cleared but for its last byte",
      find: "extent.u8.fill(0, at, at + bytes)",
      replace: "extent.u8.fill(0, at, at + bytes - 1)",
    },
  ]),
  ...of("_free_list.ts", [
    "free_list_allocator_test.ts",
    "heap_audit_test.ts",
    "model/soak_test.ts",
    "model/byte_allocators_model_test.ts",
  ], [
    { what: "a new chunk does not lead on", find: "    this.link(unit, after);\n", replace: "" },
    {
      what: "a chunk before the rover does not become it",
      find: "(this.rover === 0 || unit < this.rover)",
      replace: "this.rover === 0",
    },
    {
      what: "the rover stays on a chunk that is taken",
      find: "    if (this.rover === unit) this.rover = after;\n",
      replace: "",
    },
    {
      what: "the next search starts from a chunk that is gone",
      find: "this.hint = before;",
      replace: "this.hint = unit;",
    },
    {
      what: "the next fit does not begin again at the start",
      find: "(rover === this.head ? 0 : this.first(this.head, rover, bytes, align))",
      replace: "0",
    },
    { what: "a cleared list keeps its head", find: "    this.head = 0;\n", replace: "" },
    { what: "a cleared list keeps its mark", find: "    this.mark = 0;\n", replace: "" },
    {
      what: "a place is looked for from the hint on alone",
      find: "    while (at > unit) at = this.previous(at);\n",
      replace: "",
    },
    {
      what: "a chunk does not lead back",
      find: "if (after !== 0) this.chunks.setWord(after, PREVIOUS, before);",
      replace: "",
    },
    {
      what: "the mark passes what is left where it just makes a chunk",
      find: "- end >= this.minBytes;",
      replace: "- end > this.minBytes;",
    },
    {
      what: "the mark forgets the gap before an aligned chunk",
      find: "const end = chunks.gapOf(found, align) + bytes;",
      replace: "const end = bytes;",
    },
    {
      what: "the best fit takes the last among equals",
      find: "size >= least ||",
      replace: "size > least ||",
    },
    {
      what: "the best fit takes the first with room",
      find: "if (size === bytes) return at;",
      replace: "if (size >= bytes) return at;",
    },
    {
      what: "the worst fit takes the last among equals",
      find: "if (size <= most ||",
      replace: "if (size < most ||",
    },
    {
      what: "the first chunk counts as the largest",
      find: "return this.worst(0, 1);",
      replace: "return this.head;",
    },
    {
      what: "the best fit forgets the alignment",
      find: "size >= least || !this.chunks.fits(at, bytes, align)",
      replace: "size >= least",
    },
  ]),
  ...of("_free_tree.ts", [
    "free_list_allocator_test.ts",
    "heap_audit_test.ts",
    "model/soak_test.ts",
    "model/byte_allocators_model_test.ts",
  ], [
    {
      what: "equal chunks are in no order",
      find: "head < other || head === other && unit < at ?",
      replace: "head < other ?",
    },
    { what: "a new node is black", find: "parent << 1 | RED);", replace: "parent << 1);" },
    {
      what: "a new node keeps what was on its right",
      find: "    chunks.setWord(unit, RIGHT, 0);\n",
      replace: "",
    },
    {
      what: "a black node goes and nothing makes up for it",
      find: "      if (!this.isRed(unit)) this.mendBlack(child, parent);\n",
      replace: "",
    },
    {
      what: "one chunk more is looked at for an aligned place, and no other",
      find: "while (found !== 0 && !chunks.fits",
      replace: "if (found !== 0 && !chunks.fits",
    },
    {
      what: "a chunk that fits to the byte is passed over",
      find: "chunks.word(at, 0) >= bytes;",
      replace: "chunks.word(at, 0) > bytes + 7;",
    },
    {
      what: "the largest is looked for on the left",
      find: "right !== 0; right = this.right(at)) at = right;",
      replace: "right !== 0; right = this.left(at)) at = right;",
    },
    {
      what: "a node that moves turns black",
      find: "parent << 1 | this.chunks.word(unit, UP) & RED",
      replace: "parent << 1",
    },
    {
      what: "the next larger is the right child",
      find: "if (at !== 0) return this.leftmost(at);",
      replace: "if (at !== 0) return at;",
    },
    {
      what: "the next larger is the parent at once",
      find: "while (parent !== 0 && this.right(parent) === at)",
      replace: "while (parent !== 0 && this.left(parent) === at)",
    },
    {
      what: "what takes a place keeps its parent",
      find: "    if (now !== 0) this.setParent(now, parent);\n",
      replace: "",
    },
    {
      what: "a rotation leaves the inner child its parent",
      find: "    if (inner !== 0) this.setParent(inner, unit);\n",
      replace: "",
    },
    {
      what: "a rotation leaves the upper node its parent",
      find: "    this.setParent(unit, child);\n",
      replace: "",
    },
    { what: "the grandparent stays black", find: "      this.setRed(grandparent);\n", replace: "" },
    { what: "a red uncle stays red", find: "        this.setBlack(uncle);\n", replace: "" },
    {
      what: "an inner grandchild is not turned out",
      find: "          this.rotate(at, side);\n",
      replace: "",
    },
    { what: "the root may be red", find: "    this.setBlack(this.root);\n", replace: "" },
    {
      what: "an heir's new right child keeps its parent",
      find: "      this.setParent(right, heir);\n",
      replace: "",
    },
    {
      what: "an heir keeps its own colour",
      find:
        "    if (this.isRed(unit)) this.setRed(heir);\n    else this.setBlack(heir);\n    if (!isHeirRed)",
      replace: "    if (!isHeirRed)",
    },
    {
      what: "the colour of an heir is asked for when it has another",
      find: "if (!isHeirRed) this.mendBlack",
      replace: "if (!this.isRed(heir)) this.mendBlack",
    },
    {
      what: "a red node that lacks black stays red",
      find: "    if (at !== 0) this.setBlack(at);\n",
      replace: "",
    },
    {
      what: "a black sibling is not turned red",
      find: "        this.setRed(sibling);\n        at = parent;",
      replace: "        at = parent;",
    },
    {
      what: "a red sibling goes up and its parent stays black",
      find: "    this.setRed(parent);\n    this.rotate(parent, side);\n    return",
      replace: "    this.rotate(parent, side);\n    return",
    },
    {
      what: "a near nephew is not turned up",
      find: "      this.rotate(sibling, otherSide);\n",
      replace: "",
    },
    { what: "a nephew stays red", find: "    this.setBlack(nephew);\n", replace: "" },
    {
      what: "what takes a red parent's place is black",
      find:
        "    if (this.isRed(parent)) this.setRed(heir);\n    else this.setBlack(heir);\n    this.setBlack(parent);",
      replace: "    this.setBlack(heir);\n    this.setBlack(parent);",
    },
  ]),
  ...of("arena.ts", [
    "arena_test.ts",
    "byte_allocator_test.ts",
    "arena_snapshot_test.ts",
    "byte_debug_test.ts",
    "model/soak_test.ts",
    "model/byte_allocators_model_test.ts",
  ], [
    {
      what: "a record lies where the last one ends",
      find:
        "const at = block.top + struct.align - 1 & -struct.align;\n    const end = at + struct.size;\n    if (!(",
      replace: "const at = block.top;\n    const end = at + struct.size;\n    if (!(",
    },
    {
      what: "a record under a cursor lies where the last one ends",
      find:
        "const at = block.top + struct.align - 1 & -struct.align;\n    const end = at + struct.size;\n    if (end",
      replace: "const at = block.top;\n    const end = at + struct.size;\n    if (end",
    },
    {
      what: "a record that fits to the byte goes to the next block",
      find: "if (!(end <= block.byteLength))",
      replace: "if (!(end < block.byteLength))",
    },
    {
      what: "a cursor may stand on what is given out in part",
      find: "at + struct.size > block.top ||",
      replace: "at >= block.top ||",
    },
    {
      what: "a cursor may stand where no record can be",
      find: " || (at & struct.align - 1) !== 0",
      replace: "",
    },
    {
      what: "a mark does not count the blocks before",
      find: "return this._firstMark + this._before + this._block.top;",
      replace: "return this._firstMark + this._block.top;",
    },
    {
      what: "all arenas have the same marks",
      find: "(1 + arenaCount++ % MARK_OWNERS) * MARK_RANGE",
      replace: "MARK_RANGE",
    },
    {
      what: "a mark may be beyond where the arena stands",
      find:
        "    if (to > stand) throw this._markError(mark, `is ${to - stand} bytes beyond where it stands`);\n",
      replace: "",
    },
    {
      what: "any integer up to where the arena stands is a mark",
      find: "!Number.isInteger(mark) || to < 0 || to >= MARK_RANGE",
      replace: "!Number.isInteger(mark)",
    },
    {
      what: "a scope throws where the arena was rewound to before it",
      find: "!this._isDisposed && mark <= this.mark()",
      replace: "!this._isDisposed",
    },
    {
      what: "a scope rewinds each time that it is disposed of",
      find: "        mark = Infinity;\n",
      replace: "",
    },
    {
      what: "an arena stands in a block that it gave back",
      find: "    if (this._index === kept) this._stepBack();\n",
      replace: "",
    },
    {
      what: "trim gives back the block that is filled now",
      find: "this._block.top > 0 ? this._index + 1 : Math.max(this._index, 0);\n    for",
      replace: "Math.max(this._index, 0);\n    for",
    },
    {
      what: "the ends of blocks count as used",
      find: "out.usedBytes = this._usedBefore + this._block.top;",
      replace: "out.usedBytes = this._before + this._block.top;",
    },
    {
      what: "marks are others after a restore",
      find: "      this._before += block.byteLength;\n",
      replace: "      this._before += block.top;\n",
    },
    { what: "a restore keeps the peak", find: "    this._peak = peak;\n", replace: "" },
    {
      what: "an arena gives out its memory after its end",
      find: "    this._block = NOWHERE;\n    super.dispose();",
      replace: "    super.dispose();",
    },
    {
      what: "a region may be released twice",
      find: "if (this._lent.delete(region)) return;",
      replace: "if (this._lent.has(region)) return;",
    },
    {
      what: "an allocation may end a byte past its block",
      find: "if (end > block.byteLength) return this._bumpNext",
      replace: "if (end > block.byteLength + 1) return this._bumpNext",
    },
    {
      what: "an alignment is ignored",
      find: "const at = block.alignUp(block.top, align);",
      replace: "const at = block.top;",
    },
    {
      what: "a record is taken before its value is checked",
      find: "    checkRecord(struct, init); // before anything is taken\n",
      replace: "",
    },
    {
      what: "an empty block is passed over",
      find: "this._block.top > 0 ? this._index + 1 : Math.max(this._index, 0);\n    let",
      replace: "this._index + 1;\n    let",
    },
    {
      what: "a kept block is taken that has no room once it is aligned",
      find: "block.alignUp(0, align) + byteLength <= block.byteLength",
      replace: "byteLength <= block.byteLength",
    },
    {
      what: "the bytes of the blocks before are not counted",
      find: "    this._usedBefore += this._block.top;\n    this._index = next;",
      replace: "    this._index = next;",
    },
    {
      what: "a block that is passed over is lost",
      find: "    for (let i = found; i > next; i--) this._blocks[i] = this._blocks[i - 1];\n",
      replace: "",
    },
    {
      what: "kept blocks are not used",
      find: "let found = next;",
      replace: "let found = this._blocks.length;",
    },
    {
      what: "a step back takes what is given out for what there is",
      find: "this._before -= this._block.byteLength;",
      replace: "this._before -= this._block.top;",
    },
    {
      what: "the peak of what is taken back is forgotten",
      find: "    this._peak = Math.max(this._peak, this._usedBefore + this._block.top);\n",
      replace: "",
    },
    {
      what: "a rewind past a block leaves it as it is",
      find: "      cut(this._block, 0);\n",
      replace: "",
    },
    {
      what: "a view may be of what is not aligned for it",
      find: "at + byteLength <= block.top && (address & align - 1) === 0",
      replace: "at + byteLength <= block.top",
    },
    {
      what: "a view may end past what is given out",
      find: "at >= 0 && at + byteLength <= block.top",
      replace: "at >= 0 && at < block.top",
    },
    {
      what: "the last byte of what is taken back is not cleared",
      find: "block.u8.fill(0, top, block.top);",
      replace: "block.u8.fill(0, top, block.top - 1);",
    },
    {
      what: "views of what is taken back do not throw",
      find: "  block.endLives(top, block.top);\n",
      replace: "",
    },
  ]),
  ...of("_arena_snapshot.ts", [
    "arena_snapshot_test.ts",
    "model/soak_test.ts",
    "byte_debug_test.ts",
  ], [
    {
      what: "the bytes after what a block holds are left as they were",
      find:
        "    if (end > at) floats[end / 8 - 1] = 0; // padding: the same state makes the same bytes\n",
      replace: "",
    },
    {
      what: "the peak of a snapshot is that of the last taking back",
      find: "Math.max(peak, usedBefore + top)",
      replace: "peak",
    },
    {
      what: "a block of another size does for one with the same address",
      find: "return block?.byteLength === byteLength ? block : undefined;",
      replace: "return block;",
    },
    {
      what: "blocks that came since are kept",
      find:
        "  for (const block of books.blocks) if (!found.includes(block)) space.unmount(block);\n",
      replace: "",
    },
    {
      what: "the next block has another address after a restore",
      find: "  space.setTableLength(snapped.tableLength);\n",
      replace: "",
    },
    {
      what: "memory that was taken is lost where there is not enough",
      find: "if (!isDone) { for",
      replace: "if (isDone) { for",
    },
    {
      what: "views from before a restore do not throw",
      find: "  block.endLives(0, block.top);\n",
      replace: "",
    },
    {
      what: "what came since is not cleared",
      find: "  if (top < block.top) block.u8.fill(0, top, block.top);\n",
      replace: "",
    },
    {
      what: "bytes may be left over",
      find: "if (at !== this.#byteLength) throw",
      replace: "if (at > this.#byteLength) throw",
    },
    {
      what: "the current block may be the one after the last",
      find: "index >= Math.max(length, 0)",
      replace: "index > Math.max(length, 0)",
    },
    {
      what: "a block may hold more than it has",
      find: "if (!isBlock || top > byteLength ||",
      replace: "if (!isBlock ||",
    },
    {
      what: "a block past the current one may hold something",
      find: " || i > this.index && top > 0",
      replace: "",
    },
    { what: "a block may start anywhere", find: " && base % 8 === 0", replace: "" },
    {
      what: "a block may be smaller than those that the arena takes",
      find: "const isBlock = byteLength >= blockBytes && byteLength <=",
      replace: "const isBlock = byteLength <=",
    },
    {
      what: "blocks may share an address",
      find: "if (first < end) throw",
      replace: "if (first < 0) throw",
    },
    {
      what: "a block may be beyond the last address",
      find: "if (end > tableLength) throw",
      replace: "if (end < 0) throw",
    },
    {
      what: "there may be more addresses than there are",
      find: "if (tableLength < 1 || tableLength > 2 ** (32 - shift))",
      replace: "if (tableLength < 1)",
    },
    { what: "the peak may be less than what is used", find: "&& this.peak >= used", replace: "" },
    {
      what: "a snapshot does not depend on blockBytes",
      find: '["Arena", blockBytes, shift, firstGranule, isDebug]',
      replace: '["Arena", shift, firstGranule, isDebug]',
    },
    {
      what: "a debug arena takes the snapshot of another",
      find: '["Arena", blockBytes, shift, firstGranule, isDebug]',
      replace: '["Arena", blockBytes, shift, isDebug]',
    },
  ]),
  ...of("stack_allocator.ts", [
    "stack_allocator_test.ts",
    "byte_allocator_test.ts",
    "byte_debug_test.ts",
    "byte_inspect_test.ts",
    "model/soak_test.ts",
  ], [
    {
      what: "a header is written over the allocation before",
      find: "extent.alignUp(extent.top + HEADER_BYTES,",
      replace: "extent.alignUp(extent.top,",
    },
    {
      what: "a small alignment puts a header anywhere",
      find: "Math.max(align, 8))",
      replace: "align)",
    },
    {
      what: "an allocation that fits to the byte is refused",
      find: "if (end > extent.byteLength) throw",
      replace: "if (end >= extent.byteLength) throw",
    },
    {
      what: "an allocation may end a byte past the memory",
      find: "if (end > extent.byteLength) throw",
      replace: "if (end > extent.byteLength + 1) throw",
    },
    {
      what: "memory is given out as it was left",
      find: "    extent.u8.fill(0, at, end);\n",
      replace: "",
    },
    {
      what: "an allocation does not lead back",
      find: "    extent.i32[at - 8 >> 2] = this._newest;\n",
      replace: "",
    },
    {
      what: "a freed allocation is still known",
      find: "    extent.flipStart(at >> UNIT_SHIFT);\n    extent.top = before",
      replace: "    extent.top = before",
    },
    {
      what: "an older allocation may be freed",
      find: "    if (at !== this._newest) throw this._orderError(address);\n",
      replace: "",
    },
    {
      what: "the padding before a freed allocation is lost",
      find: "extent.top = before === 0 ? 0 : before + this._sizeAt(before);",
      replace: "extent.top = at - HEADER_BYTES;",
    },
    {
      what: "the peak of what is freed is forgotten",
      find: "    this._peak = Math.max(this._peak, extent.top);\n",
      replace: "",
    },
    {
      what: "the peak of what is reset is forgotten",
      find: "    this._peak = Math.max(this._peak, this._extent.top);\n",
      replace: "",
    },
    {
      what: "a reset keeps the bits of what was live",
      find: "    this._extent.starts.fill(0);\n",
      replace: "",
    },
    {
      what: "a reset keeps the newest allocation",
      find: "    this._newest = 0;\n    this._allocations = 0;\n",
      replace: "    this._allocations = 0;\n",
    },
    {
      what: "a reset keeps the count",
      find: "    this._newest = 0;\n    this._allocations = 0;\n",
      replace: "    this._newest = 0;\n",
    },
    {
      what: "a debug stack is reset from its oldest allocation on",
      find: "[...this._origins?.keys() ?? []].reverse()",
      replace: "[...this._origins?.keys() ?? []]",
    },
    {
      what: "a freed allocation still counts as leaked",
      find: "    origins.delete(this._extent.base + from);\n",
      replace: "",
    },
    {
      what: "what is freed is not overwritten",
      find: "    this._extent.u8.fill(POISON, from, to);\n",
      replace: "",
    },
    {
      what: "views of what is freed do not throw",
      find: "    this._extent.endLives(from, to);\n",
      replace: "",
    },
    {
      what: "an address within 8 bytes of an allocation is taken for it",
      find: "isInside && (at & 7) === 0 &&",
      replace: "isInside &&",
    },
    {
      what: "an array may end a byte past its allocation",
      find: "if (byteLength <= held)",
      replace: "if (byteLength <= held + 1)",
    },
  ]),
  ...of("free_list_allocator.ts", [
    "free_list_allocator_test.ts",
    "byte_allocator_test.ts",
    "byte_debug_test.ts",
    "byte_inspect_test.ts",
    "model/soak_test.ts",
  ], [
    {
      what: "a resize in place forgets the alignment",
      find: "(address & align - 1) === 0 && byteLength <= MAX",
      replace: "byteLength <= MAX",
    },
    {
      what: "a resize to more than there can be wraps to a small one",
      find: " && byteLength <= MAX_EXTENT_BYTES;",
      replace: ";",
    },
    {
      what: "an alloc of more than there can be wraps to a small one",
      find: "    if (byteLength > MAX_EXTENT_BYTES) throw this._fullError(verb, byteLength);\n",
      replace: "",
    },
    {
      what: "a move copies what comes after the allocation too",
      find: "Math.min(heap.chunks.askedOf(unit), byteLength)",
      replace: "byteLength",
    },
    { what: "a move keeps the old chunk", find: "    heap.give(unit);\n", replace: "" },
    {
      what: "a move copies a byte too few",
      find: "from.u8.subarray(start, start + kept)",
      replace: "from.u8.subarray(start, start + kept - 1)",
    },
    {
      what: "a region from before a reset is freed after it",
      find: "    this._epoch++;\n",
      replace: "",
    },
    {
      what: "a region may be released twice after a reset",
      find: "    this._lent.delete(region);\n",
      replace: "",
    },
    {
      what: "a region is released after the end",
      find: "epoch === this._epoch && !this._isDisposed",
      replace: "epoch === this._epoch",
    },
    {
      what: "a heap grows by its own step, however much is asked for",
      find: "Math.max(this._byteLength, this._heap.extentBytes(byteLength, align))",
      replace: "this._byteLength",
    },
    {
      what: "a heap grows that may not",
      find: "    if (!this._grow) throw this._fullError(verb, byteLength);\n",
      replace: "",
    },
    {
      what: "an address within 8 bytes of an allocation is taken for it",
      find: "if ((address & 7) === 0 && extent",
      replace: "if (extent",
    },
    {
      what: "an array may go as far as its chunk",
      find: "if (byteLength <= held) return",
      replace: "if (byteLength <= (held + 7 & ~7)) return",
    },
    {
      what: "headers count as free bytes",
      find: "freeChunkBytes - freeChunks * HEADER_BYTES",
      replace: "freeChunkBytes",
    },
    {
      what: "fragmentation is the share of the largest",
      find: "1 - largest / freeBytes",
      replace: "largest / freeBytes",
    },
    {
      what: "the header of the largest chunk counts as room",
      find: "this._heap.chunks.sizeOf(largest) - HEADER_BYTES",
      replace: "this._heap.chunks.sizeOf(largest)",
    },
    { what: "leaks are not told", find: "    this._heap.close(this.name);\n", replace: "" },
    {
      what: "a tree may go with any fit",
      find: 'if (index === "tree" && fit !== "best") {',
      replace: 'if (index === "tree" && !FITS.includes(fit)) {',
    },
  ]),
  ...of("_heap_debug.ts", [
    "byte_debug_test.ts",
    "model/soak_test.ts",
    "free_list_allocator_test.ts",
  ], [
    {
      what: "it is not noted where an allocation was made",
      find: "    if (unit !== 0) this.#origins.set(addressOf(unit), callerOrigin());\n",
      replace: "",
    },
    {
      what: "what is freed is not overwritten, and its views do not throw",
      find: "    this.#end(unit, 0, this.chunks.askedOf(unit));\n    this.#origins",
      replace: "    this.#origins",
    },
    {
      what: "a freed allocation still counts as leaked",
      find: "    this.#origins.delete(addressOf(unit));\n",
      replace: "",
    },
    {
      what: "views of what a resize gave up do not throw",
      find: "    if (asked < before) this.#end(unit, asked, before);\n",
      replace: "",
    },
    {
      what: "a resize overwrites what it keeps",
      find: "this.#end(unit, asked, before)",
      replace: "this.#end(unit, 0, before)",
    },
    { what: "what was reset counts as leaked", find: "    this.#origins.clear();\n", replace: "" },
    {
      what: "views of what was reset do not throw",
      find: "      this.#end(unit, 0, this.chunks.askedOf(unit));\n    }",
      replace: "    }",
    },
    {
      what: "the last byte of what is freed is not overwritten",
      find: "extent.u8.fill(POISON, at + from, at + to);",
      replace: "extent.u8.fill(POISON, at + from, at + to - 1);",
    },
    {
      what: "views of what is freed do not throw",
      find: "    extent.endLives(at + from, at + to);\n",
      replace: "",
    },
  ]),
  ...of("byte_allocator.ts", [
    "byte_allocator_test.ts",
    "stack_allocator_test.ts",
    "free_list_allocator_test.ts",
    "byte_debug_test.ts",
    "model/soak_test.ts",
  ], [
    {
      what: "a record is taken before its value is checked",
      find: "    if (init !== undefined) checkRecord(struct, init); // before anything is taken\n",
      replace: "",
    },
    {
      what: "a cursor stands at an address, not at a place in its extent",
      find: "    extent.place(view, address - extent.base);\n    return address;",
      replace: "    extent.place(view, address);\n    return address;",
    },
    {
      what: "a view may end past its allocation",
      find: '"view", address, struct.size, struct.align',
      replace: '"view", address, 1, struct.align',
    },
    {
      what: "a cursor may be moved anywhere",
      find: 'const extent = this._check("seek", address, size, align);',
      replace: "const extent = this._space.find(address);",
    },
    {
      what: "an array's elements count as a byte each",
      find: 'this._check("array", address, bytes * length, bytes);',
      replace: 'this._check("array", address, length, bytes);',
    },
    {
      what: "bytes may be of what is not given out",
      find: '    this._check("bytes", address, byteLength, 1);\n',
      replace: "",
    },
    {
      what: "a view of another allocator has an address here",
      find: "root._b === NOWHERE || this._space.find(address) !== root._b",
      replace: "root._b === NOWHERE",
    },
    {
      what: "an array has an address where it is not given out",
      find: "      this._check(verb, address, view.byteLength, 1);\n",
      replace: "",
    },
    {
      what: "a record has an address where it is not given out",
      find: "    this._check(verb, address, root._s.size, 1);\n",
      replace: "",
    },
    {
      what: "an allocator may be used after its end",
      find: "    this._isDisposed = true;\n",
      replace: "",
    },
    {
      what: "detached memory is written to",
      find: "if (!this._space.isDetached) return;",
      replace: "return;",
    },
    { what: "rebind does nothing", find: "    this._space.rebind();\n", replace: "" },
    {
      what: "an array may have any length",
      find: '    checkCount(this._space.label, verb, "length", length);\n',
      replace: "",
    },
    {
      what: "an array counts from the buffer's start",
      find: "u8.byteOffset + (address - base)",
      replace: "address - base",
    },
    {
      what: "an address of another debug allocator is not told",
      find: "this._problemOf(address) ?? problem",
      replace: "problem",
    },
    {
      what: "an alignment may be anything",
      find: "    checkAlign(this._space.label, verb, align);\n",
      replace: "",
    },
    {
      what: "an array lies where none of its type can",
      find: "this.alloc(bytes * length, bytes), type",
      replace: "this.alloc(bytes * length, 1), type",
    },
  ]),
  ...of("_byte_checks.ts", [
    "byte_allocator_test.ts",
    "arena_test.ts",
    "stack_allocator_test.ts",
    "free_list_allocator_test.ts",
  ], [
    {
      what: "64 bytes are too few to start with",
      find: "bytes >= MIN_EXTENT_BYTES",
      replace: "bytes > MIN_EXTENT_BYTES",
    },
    { what: "nothing may be allocated", find: "count > 0", replace: "count >= 0" },
    {
      what: "a fraction of a byte may be allocated",
      find: "Number.isInteger(count) && count > 0",
      replace: "count > 0",
    },
    {
      what: "an alignment may be any integer",
      find: "if (isWhole && (align & align - 1) === 0) return;",
      replace: "if (isWhole) return;",
    },
    {
      what: "an alignment to 4096 is refused",
      find: "align <= MAX_ALIGN;",
      replace: "align < MAX_ALIGN;",
    },
    {
      what: "a resource need not take anything back",
      find: ' && typeof memory.release === "function"',
      replace: "",
    },
  ]),
  ...of("_byte_audit.ts", ["byte_inspect_test.ts", "inspect_test.ts", "model/soak_test.ts"], [
    {
      what: "extents that share a granule are not seen",
      find: "if (owners.has(granule)) throw",
      replace: "if (granule < 0) throw",
    },
    {
      what: "a granule that leads elsewhere is not seen",
      find: "if (table[granule] === owner && (granule > 0 || owner === NOWHERE)) continue;",
      replace: "continue;",
    },
    {
      what: "a granule beyond the table is not seen",
      find: "if (granule >= table.length) throw",
      replace: "if (granule < 0) throw",
    },
    {
      what: "a wrong count of bytes is not seen",
      find: "if (bytes !== byteLength) throw",
      replace: "if (bytes < 0) throw",
    },
    {
      what: "a block too many is not seen",
      find: "if (blocks.length !== space.extents.length) {",
      replace: "if (blocks.length < space.extents.length) {",
    },
    {
      what: "a current block out of place is not seen",
      find: "if (block !== (blocks[index] ?? NOWHERE) ||",
      replace: "if (",
    },
    {
      what: "a wrong count of bytes before the current block is not seen",
      find: "if (before !== bytes) {",
      replace: "if (before < 0) {",
    },
    {
      what: "a wrong count of used bytes before the current block is not seen",
      find: "if (usedBefore !== used) {",
      replace: "if (usedBefore < 0) {",
    },
    {
      what: "bytes that are not cleared past the top are not seen",
      find: "if (u8[at] === 0) continue;",
      replace: "continue;",
    },
    {
      what: "something given out past the current block is not seen",
      find: "if (i > it.index && top > 0) {",
      replace: "if (top < 0) {",
    },
    {
      what: "a top past the block's end is not seen",
      find: "top >= 0 && top <= byteLength)",
      replace: "top >= 0)",
    },
    {
      what: "a stack of nothing with a top is not seen",
      find: "if (newest === 0 && top !== 0) throw",
      replace: "if (top < 0) throw",
    },
    {
      what: "a broken header in a stack is not seen",
      find: "if (!isWithin || (at & 7) !== 0 || end > byteLength) {",
      replace: "if ((at & 7) !== 0) {",
    },
    {
      what: "an allocation that is not marked is not seen",
      find: "if (!extent.isStart(at >> UNIT_SHIFT)) {",
      replace: "if (at < 0) {",
    },
    {
      what: "a wrong count of allocations in a stack is not seen",
      find: "if (count !== allocations) {",
      replace: "if (count < 0) {",
    },
    {
      what: "a start too many in a stack is not seen",
      find: "if (bits !== count) throw",
      replace: "if (bits < 0) throw",
    },
  ]),
  ...of("_heap_audit.ts", ["heap_audit_test.ts", "byte_inspect_test.ts", "model/soak_test.ts"], [
    {
      what: "a wrong footer is not seen",
      find: "if (footer !== size) {",
      replace: "if (footer < 0) {",
    },
    {
      what: "free neighbours that are not joined are not seen",
      find: "if (isFree && isAfterFree) {",
      replace: "if (isFree && isAfterFree && position < 0) {",
    },
    {
      what: "a wrong flag for the chunk before is not seen",
      find: "if (this.#heap.chunks.isAfterFree(unit) !== isAfterFree) {",
      replace: "if (position < 0) {",
    },
    {
      what: "a chunk that ends past its extent is not seen",
      find: " || unit + (size >> UNIT_SHIFT) > end",
      replace: "",
    },
    {
      what: "more bytes than a chunk can hold are not seen",
      find: "asked <= size - HEADER_BYTES)",
      replace: "asked <= size)",
    },
    {
      what: "a used chunk that is not marked is not seen",
      find: "if (!extent.isStart(unit - extent.firstUnit)) {",
      replace: "if (unit < 0) {",
    },
    {
      what: "a start too many is not seen",
      find: "if (bits === used) return;",
      replace: "if (bits >= used) return;",
    },
    {
      what: "a wrong count is not seen",
      find: "if (counted !== found) throw",
      replace: "if (counted < 0) throw",
    },
    {
      what: "a peak below what is used is not seen",
      find: "if (peakBytes < usedBytes) {",
      replace: "if (peakBytes < 0) {",
    },
    {
      what: "a free chunk that the index does not hold is not seen",
      find: "if (this.#indexed !== this.#freeChunks) {",
      replace: "if (this.#indexed > this.#freeChunks) {",
    },
    {
      what: "a chunk that is held twice is not seen",
      find: "    this.#free[position][bit >> 5] &= ~mask;\n",
      replace: "",
    },
    {
      what: "a list out of order is not seen",
      find: "if (unit <= before) throw",
      replace: "if (unit < 0) throw",
    },
    {
      what: "a wrong link back is not seen",
      find: "if (list.previous(unit) !== before) {",
      replace: "if (before < 0) {",
    },
    {
      what: "a wrong rover is not seen",
      find: "if (list.rover !== rover) {",
      replace: "if (rover < 0) {",
    },
    {
      what: "a wrong link up is not seen",
      find: "if (tree.parent(unit) !== parent) {",
      replace: "if (parent < 0) {",
    },
    {
      what: "two red nodes in a row are not seen",
      find: "if (tree.isRed(unit) && tree.isRed(parent)) {",
      replace: "if (parent < 0) {",
    },
    {
      what: "a path with a black node too few is not seen",
      find: "if (left !== right) {",
      replace: "if (left < 0) {",
    },
    {
      what: "a tree out of order is not seen",
      find: "if (step > 0 || step === 0 && unit > last) return;",
      replace: "return;",
    },
    {
      what: "equal chunks out of order are not seen",
      find: "step === 0 && unit > last",
      replace: "step === 0",
    },
    {
      what: "a red root is not seen",
      find: "if (tree.isRed(tree.root)) throw",
      replace: "if (tree.root < 0) throw",
    },
  ]),
  ...of("wasm_memory.ts", ["wasm_memory_test.ts", "model/soak_test.ts"], [
    {
      what: "the bytes of a region are counted on after it came back",
      find: "    this.#usedBytes -= byteLength;\n",
      replace: "",
    },
    {
      what: "the window starts at the memory's start",
      find: "this.#end = byteOffset;",
      replace: "this.#end = 0;",
    },
    {
      what: "the bytes after a region are lost",
      find: "const rest = [{ start, end: at }, { start: at + byteLength, end }];",
      replace: "const rest = [{ start, end: at }];",
    },
    {
      what: "a window may end past the memory",
      find: 'checkOption("byteLength", byteLength, memoryBytes - byteOffset)',
      replace: 'checkOption("byteLength", byteLength, memoryBytes)',
    },
  ]),
];
