// What lays out weights has in common. For plain C++ alone: no set of kernels includes it.

#ifndef CLUTCH_LAYOUT_H
#define CLUTCH_LAYOUT_H

#include <cstddef>
#include <vector>

#include "weights.h"

namespace clutch {

// Those that this processor runs, and rightly; the best first.
const std::vector<const Kernels *> &usable();

// Of these the one of that name; null where there is none.
const Kernels *find(const char *name);

// What laid-out weights point into.
class Storage {
public:
    // A matrix in bytes, of the columns from `first` on among `all`.
    Product product(const clutch_product &from, int rows, int columns, int first, int all);
    Product product(const clutch_product &from, int rows, int columns) { return product(from, rows, columns, 0, columns); }

    Matrix32 matrix(const clutch_matrix &from, int rows, int columns);

    // The numbers of a matrix as they lie.
    const float *table(const clutch_matrix &from, size_t count);

    const int32_t *wholes(const int32_t *from, size_t count);

private:
    const float *kept(const float *from, size_t count);

    std::vector<std::vector<int8_t>> bytes_;
    std::vector<std::vector<int32_t>> wholes_;
    std::vector<std::vector<float>> numbers_;
};

// Where the codes of each slot begin among the rows of all.
std::vector<int64_t> firsts_of(const int32_t *sizes, int slots);

// Storage that has room for so many.
template <typename T>
T *at_least(std::vector<T> &storage, size_t count) {
    if (storage.size() < count) storage.resize(count);
    return storage.data();
}

}  // namespace clutch

#endif
