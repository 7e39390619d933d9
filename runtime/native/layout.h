// What lays out weights has in common. For plain C++ alone: no set of kernels includes it.

#ifndef CLUTCH_LAYOUT_H
#define CLUTCH_LAYOUT_H

#include <cstddef>
#include <memory>
#include <vector>

#include "arena.h"
#include "weights.h"

namespace clutch {

// Those that this processor runs, and rightly; the best first.
const std::vector<const Kernels *> &usable();

// Of these the one of that name; null where there is none.
const Kernels *find(const char *name);

// What laid-out weights point into.
class Storage {
public:
    // A matrix as it is stored, of the columns from `first` on among `all`.
    Product product(const clutch_product &from, int rows, int columns, int first, int all);
    Product product(const clutch_product &from, int rows, int columns) { return product(from, rows, columns, 0, columns); }

    // One in float16 or float32, in float32: for what is not read from memory anew for every product.
    Product widened(const clutch_product &from, int rows, int columns);

    // The numbers of a table in float16 or float32.
    const float *table(const clutch_table &from, size_t count);

    const int32_t *wholes(const int32_t *from, size_t count);

private:
    const float *kept(const float *from, size_t count);

    template <typename T>
    const T *tiles(const T *from, int rows, int columns, int first, int all);
    void bytes(Product &to, const uint8_t *from, int first, int all);

    Arena arena_;
};

// Where the codes of each slot begin among the rows of all.
std::vector<int64_t> firsts_of(const int32_t *sizes, int slots);

// A handle of the C interface whose owner `lay_out` fills; null where memory is used up or there are no such kernels.
template <typename Handle, typename LayOut>
Handle *opened(const char *kernels, LayOut lay_out) {
    const Kernels *found = find(kernels);
    if (!found) return nullptr;
    try {
        std::unique_ptr<Handle> handle(new Handle());
        lay_out(handle->owner, *found);
        return handle.release();
    } catch (...) {
        return nullptr;
    }
}

// 0, or 1 where `work` has no memory left: nothing is thrown through the C interface.
template <typename Work>
int32_t failed(Work work) {
    try {
        work();
        return 0;
    } catch (...) {
        return 1;
    }
}

// Storage that has room for so many.
template <typename T>
T *at_least(std::vector<T> &storage, size_t count) {
    if (storage.size() < count) storage.resize(count);
    return storage.data();
}

}  // namespace clutch

#endif
