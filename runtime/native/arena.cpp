// Blocks of memory, from Linux itself where it is there, and else from the library of C.

#include "arena.h"

#include <cstdint>
#include <cstdlib>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace clutch {

constexpr size_t LINE = 64, HUGE_PAGE = size_t{2} << 20, BLOCK = 16 * HUGE_PAGE;  // what of a block is not written takes no memory

static size_t rounded_up(size_t size, size_t to) { return (size + to - 1) / to * to; }

#if defined(__linux__)

static void *reserved(size_t size) {
    void *found = mmap(nullptr, size + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (found == MAP_FAILED) throw std::bad_alloc();
    char *const all = static_cast<char *>(found);
    const uintptr_t address = reinterpret_cast<uintptr_t>(all);
    const size_t before = rounded_up(address, HUGE_PAGE) - address;
    if (before) munmap(all, before);
    munmap(all + before + size, HUGE_PAGE - before);
    madvise(all + before, size, MADV_HUGEPAGE);  // where it is refused, small pages do as well
    return all + before;
}

static void freed(void *start, size_t size) { munmap(start, size); }

#else

static void *reserved(size_t size) {
    void *found = std::calloc(size, 1);
    if (!found) throw std::bad_alloc();
    return found;
}

static void freed(void *start, size_t) { std::free(start); }

#endif

Arena::~Arena() {
    for (const Block &block : blocks_) freed(block.start, block.size);
}

void *Arena::take(size_t size) {
    if (size > SIZE_MAX / 2) throw std::bad_alloc();  // rounding up would wrap
    size = rounded_up(size, LINE);
    if (size > left_) {
        const size_t whole = rounded_up(size + LINE, BLOCK);
        blocks_.reserve(blocks_.size() + 1);
        char *const start = static_cast<char *>(reserved(whole));
        blocks_.push_back({start, whole});
        const size_t skipped = rounded_up(reinterpret_cast<uintptr_t>(start), LINE) - reinterpret_cast<uintptr_t>(start);
        next_ = start + skipped;
        left_ = whole - skipped;
    }
    void *const found = next_;
    next_ += size;
    left_ -= size;
    return found;
}

}  // namespace clutch
