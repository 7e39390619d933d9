// Headers of the kernels for x86, all before the pragma: what they define must be compiled for any processor.

#ifndef CLUTCH_X86_H
#define CLUTCH_X86_H

#include <immintrin.h>

#include <cmath>
#include <cstring>

#include "weights.h"

namespace clutch {

// Asks for numbers that a sum reads a while later than `at`: alone, a processor asks for too
// little of a matrix that no cache holds. (Of bytes, a quarter as many, it asks for enough.)
template <typename W>
static inline void fetch_ahead(const W *at) {
    constexpr uintptr_t AHEAD = 8192;
    const uintptr_t there = reinterpret_cast<uintptr_t>(at) + AHEAD;  // an address alone: it may be behind the last
    _mm_prefetch(reinterpret_cast<const char *>(there), _MM_HINT_T0);
}

}  // namespace clutch

#endif
