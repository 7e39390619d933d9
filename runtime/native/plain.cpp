// Kernels for any processor.

#include <cmath>
#include <cstring>

#include "weights.h"

namespace clutch {
namespace plain {

template <int R>
inline void tile_product(const uint8_t *const *x, const int8_t *w, int quads, int32_t (*sums)[TILE]) {
    for (int r = 0; r < R; r++) {
        const int8_t *at = w;
        for (int n = 0; n < TILE; n++) sums[r][n] = 0;
        for (int q = 0; q < quads; q++, at += TILE * QUAD)
            for (int n = 0; n < TILE; n++)
                for (int i = 0; i < QUAD; i++) sums[r][n] += x[r][q * QUAD + i] * at[n * QUAD + i];
    }
}

inline float number(float x) { return x; }
inline float number(uint16_t half) { return from_half(half); }

template <int R, typename W>
inline void tile_numbers(const float *const *x, const W *w, int rows, float (*sums)[TILE]) {
    for (int r = 0; r < R; r++)
        for (int n = 0; n < TILE; n++) sums[r][n] = 0.0f;
    for (int k = 0; k < rows; k++, w += TILE)
        for (int r = 0; r < R; r++)
            for (int n = 0; n < TILE; n++) sums[r][n] = std::fma(x[r][k], number(w[n]), sums[r][n]);
}

#include "body.h"

}  // namespace plain

const Kernels PLAIN = {"plain", plain::right, plain::run, plain::encode, plain::decode_codes, plain::gumbels};

}  // namespace clutch
