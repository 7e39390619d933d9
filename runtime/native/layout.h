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

// Storage that has room for so many.
template <typename T>
T *at_least(std::vector<T> &storage, size_t count) {
    if (storage.size() < count) storage.resize(count);
    return storage.data();
}

}  // namespace clutch

#endif
